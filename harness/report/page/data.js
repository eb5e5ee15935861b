// The data of a page as arrays, and what is in it as words. README.md describes the data.
'use strict';
const lossy = {};

lossy.traits = {
  downlink: 1, lost: 2, copy: 4, reordered: 8, retransmission: 16, corrupted: 32, truncated: 64,
  heldBack: 128, early: 256, oneSided: 512, different: 1024, underway: 2048,
};

lossy.bytes = (text) => {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; ++i) bytes[i] = letters.charCodeAt(i);
  return bytes;
};

// Numbers beyond 2^53 lose their last digits, which no picture shows.
lossy.column = (text) => {
  const packed = lossy.bytes(text);
  const numbers = [];
  let last = 0;
  for (let at = 0; at < packed.length;) {
    let byte = packed[at++];
    let zigzag = byte & 127;
    for (let scale = 128; byte >= 128; scale *= 128) {
      byte = packed[at++];
      zigzag += (byte & 127) * scale;
    }
    last += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    numbers.push(last);
  }
  return numbers;
};

// Where a time is 2^53 nanoseconds or more it is written as a string (RFC 8259 section 6).
const asNumbers = (times) => times && Object.assign({}, times, {
  edges: times.edges.map(Number), median: Number(times.median), p99: Number(times.p99), max: Number(times.max),
});

// A run with arrays for columns, and arrows in the order they were sent.
lossy.decode = (run) => {
  const packed = run.arrows;
  const arrows = {length: packed.kept, seen: packed.seen};
  for (const name of ['sent', 'delay', 'number', 'flow', 'payload', 'got', 'size', 'traits', 'why']) {
    arrows[name] = new Float64Array(lossy.column(packed[name]));
  }
  const {sent} = arrows;
  if (sent.some((time, i) => time < sent[i - 1])) {
    const order = d3.range(packed.kept).sort((a, b) => sent[a] - sent[b] || a - b);
    for (const name in arrows) {
      if (arrows[name].length === packed.kept) arrows[name] = new Float64Array(order.map((i) => arrows[name][i]));
    }
  }
  // Up to each arrow, the latest end of those before it: what is in view is found by that.
  arrows.latest = new Float64Array(packed.kept);
  let latest = 0;
  for (let i = 0; i < packed.kept; ++i) {
    latest = Math.max(latest, arrows.sent[i] + Math.max(0, arrows.delay[i]));
    arrows.latest[i] = latest;
  }
  const payloads = [];
  const bytes = lossy.bytes(run.payloads.bytes);
  let begin = 0;
  for (const length of lossy.column(run.payloads.lengths)) {
    payloads.push(bytes.subarray(begin, begin += length));
  }
  const ends = {length: run.ends.kept};
  for (const name of ['time', 'elapsed', 'attempts', 'flow', 'name', 'good']) {
    ends[name] = lossy.column(run.ends[name]);
  }
  for (const time of ends.time) latest = Math.max(latest, time);
  // Where all was at once there is a microsecond to look at, and no throughput.
  return Object.assign({}, run, {
    arrows, payloads, ends, round_trips: asNumbers(run.round_trips), span: Math.max(latest, 1000), took_time: latest > 0,
  });
};

// One arrow as an object, for those who look at few of them.
lossy.arrow = (run, place) => {
  const arrow = {place};
  for (const name of ['sent', 'delay', 'number', 'flow', 'size', 'traits']) {
    arrow[name] = run.arrows[name][place];
  }
  const is = {};
  for (const name in lossy.traits) is[name] = (arrow.traits & lossy.traits[name]) !== 0;
  return Object.assign(arrow, {
    is,
    direction: is.downlink ? 'downlink' : 'uplink',
    payload: run.payloads[run.arrows.payload[place] - 1],
    got: run.payloads[run.arrows.got[place] - 1],
    why: run.reasons[run.arrows.why[place] - 1] || '',
  });
};

// "uplink.3", as --faults has it.
lossy.name = (run, arrow) =>
  (run.flows.length > 1 && arrow.flow > 0 ? `flow${arrow.flow + 1}.` : '') +
  arrow.direction + (arrow.is.oneSided ? '' : `.${arrow.number}`);

// The name and the nanoseconds of the largest unit of which there are so many in a time.
lossy.unit = (nanoseconds, least = 1) =>
  [['s', 1e9], ['ms', 1e6], ['us', 1e3]].find(([, scale]) => nanoseconds >= scale * least) || ['ns', 1];

// Four digits in a unit that a person would choose, as readable() has them.
lossy.time = (nanoseconds) => {
  const long = [['days', 864e11, 2], ['h', 36e11, 2], ['min', 6e10, 1000 / 60]]
    .find(([, scale, least]) => Math.abs(nanoseconds) >= scale * least);
  const [unit, scale] = nanoseconds === 0 ? ['ms', 1e6] : long || lossy.unit(Math.abs(nanoseconds));
  return `${Number((nanoseconds / scale).toPrecision(4))} ${unit}`;
};

// Bytes as text that nothing obeys: what controls a terminal or the direction of writing, and all
// that is not UTF-8, is shown as escapes.
lossy.text = (bytes) => {
  const hex = (byte) => `\\x${byte.toString(16).padStart(2, '0')}`;
  let text;
  try {
    text = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch (error) {
    return Array.from(bytes, (byte) =>
      byte >= 32 && byte < 127 && byte !== 92 ? String.fromCharCode(byte) : hex(byte)).join('');
  }
  const named = {'\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\'};
  return text.replace(/[\u0000-\u001f\u007f-\u009f\\\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (letter) => named[letter] || Array.from(new TextEncoder().encode(letter), hex).join(''));
};

// In quotes, cut to so many letters, and apart from the direction of the writing around it. Not in
// an element, where <bdi> does that.
lossy.quoted = (bytes, letters) => {
  if (!bytes) return '(not kept)';
  const all = Array.from(lossy.text(bytes));
  const text = all.length > letters ? all.slice(0, letters - 1).join('') + '…' : all.join('');
  return `"\u2068${text}\u2069"`;
};

// What became of an arrow, in words.
lossy.fate = (arrow) => {
  const is = arrow.is;
  if (is.oneSided) return 'seen in one place';
  if (is.lost) return arrow.why ? `lost: ${arrow.why}` : 'lost';
  if (is.underway || arrow.delay < 0) return 'on its way when the run ended';
  return `arrived after ${lossy.time(arrow.delay)}`;
};

lossy.remarks = (arrow) => {
  const is = arrow.is;
  return [
    [is.retransmission, 'sent again: no answer had come'],
    [is.copy, 'a copy: another of the same datagram came, or should have come, first'],
    [is.reordered, 'reordered: one that was sent later came first (RFC 4737)'],
    [is.heldBack, 'held back, so that others pass it'],
    [is.early, 'sent ahead of those in front of it'],
    [is.corrupted, 'corrupted on the way'],
    [is.truncated, 'cut short on the way'],
    [is.different, 'here the replay differs'],
  ].filter(([holds]) => holds).map(([, words]) => words);
};

// An element with attributes and children: strings among them become text, and nothing else.
lossy.element = (name, attributes, ...children) => {
  const made = document.createElement(name);
  for (const key in attributes || {}) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), attributes[key]);
    else if (attributes[key] !== undefined) made.setAttribute(key, attributes[key]);
  }
  for (const child of children) made.append(child);
  return made;
};

// The colours of the style as it is now, for a canvas.
lossy.colours = () => {
  const style = getComputedStyle(document.documentElement);
  const colours = {};
  for (const name of ['ink', 'quiet', 'faint', 'line', 'paper', 'up', 'down', 'lost', 'copy', 'late',
    'again', 'damaged', 'chosen']) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
  return colours;
};

// Calls when what is drawn must be drawn anew: its element has another size, or the scheme changed.
// Of an element whose height follows from what is drawn, the width alone counts.
lossy.whenShownAnew = (element, draw, fixedHeight = false) => {
  let size = '';
  new ResizeObserver(() => {
    const now = `${element.clientWidth} ${fixedHeight ? element.clientHeight : ''}`;
    if (now === size || element.clientWidth === 0) return;
    size = now;
    draw();
  }).observe(element);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
};

// A canvas as sharp as the screen.
lossy.sized = (canvas, width, height) => {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext('2d');
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
};
