// The ladder: the client on the left, the server on the right, time downwards, an arrow for each
// datagram. Only what is in view is drawn, and where that is more than there is room for, one arrow
// of each kind for each row of the screen. README.md says how to use it.
(() => {
  const make = lossy.element;
  const kDrawnMax = 3000;
  const kLabelsMax = 90;
  const kFlowsMax = 1000;  // That can be shown alone.
  const kTop = 26;  // What the names of the sides take.
  const kCutOff = 6;  // Text that is nearer to the lower edge would be cut off.
  const kLabelsApart = 450;  // So much between the sides leaves room for labels at both.

  // What an arrow looks like: each kind has a shape of its own as well as a colour.
  const look = (is, colours) => {
    if (is.lost) return {colour: colours.lost, head: 'cross', dash: [5, 3]};
    if (is.underway) return {colour: colours.quiet, head: 'none', dash: [1, 4]};
    const way = is.downlink ? colours.down : colours.up;
    if (is.copy) return {colour: colours.copy, head: 'hollow', dash: [8, 4]};
    if (is.reordered) return {colour: colours.late, head: 'diamond', dash: []};
    return {colour: way, head: is.oneSided ? 'open' : 'full', dash: []};
  };

  const heads = {
    none: () => {},
    cross: (pen) => {
      pen.moveTo(-5, -5), pen.lineTo(5, 5), pen.moveTo(-5, 5), pen.lineTo(5, -5);
      pen.stroke();
    },
    open: (pen) => {
      pen.moveTo(-8, -4.5), pen.lineTo(0, 0), pen.lineTo(-8, 4.5);
      pen.stroke();
    },
    full: (pen) => {
      pen.moveTo(0, 0), pen.lineTo(-9, -4), pen.lineTo(-9, 4), pen.closePath();
      pen.fill();
    },
    hollow: (pen, paper) => {
      pen.moveTo(0, 0), pen.lineTo(-10, -5), pen.lineTo(-10, 5), pen.closePath();
      pen.fillStyle = paper;
      pen.fill(), pen.stroke();
    },
    diamond: (pen) => {
      pen.moveTo(0, 0), pen.lineTo(-6, -5), pen.lineTo(-12, 0), pen.lineTo(-6, 5), pen.closePath();
      pen.fill();
    },
  };

  const drawArrow = (pen, colours, is, from, to, width) => {
    const {colour, head, dash} = look(is, colours);
    const angle = Math.atan2(to.y - from.y, to.x - from.x);
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = width;
    pen.setLineDash(dash);
    pen.beginPath(), pen.moveTo(from.x, from.y), pen.lineTo(to.x, to.y), pen.stroke();
    pen.setLineDash([]);
    pen.save();
    pen.translate(to.x, to.y), pen.rotate(angle), pen.beginPath(), pen.lineWidth = 1.75;
    heads[head](pen, colours.paper);
    pen.restore();
    if (is.retransmission) {  // A ring where it sets out.
      pen.beginPath(), pen.arc(from.x, from.y, 4.5, 0, 2 * Math.PI);
      pen.fillStyle = colours.paper, pen.strokeStyle = colours.again, pen.lineWidth = 2;
      pen.fill(), pen.stroke();
    }
    if (is.corrupted || is.truncated) {  // A jagged mark on its way.
      pen.save();
      pen.translate((from.x + to.x) / 2, (from.y + to.y) / 2), pen.rotate(angle);
      pen.strokeStyle = colours.damaged, pen.lineWidth = 2;
      pen.beginPath(), pen.moveTo(-9, 0);
      [[-6, -6], [-2, 6], [2, -6], [6, 6], [9, 0]].forEach(([x, y]) => pen.lineTo(x, y));
      pen.stroke();
      pen.restore();
    }
  };

  const kinds = [
    ['delivered', {}], ['lost', {lost: true}], ['sent again', {retransmission: true}],
    ['a copy', {copy: true}], ['reordered', {reordered: true}], ['damaged', {corrupted: true}],
  ];

  const dump = (bytes, other) => {
    const lines = [];
    for (let at = 0; at < bytes.length; at += 8) {
      const row = Array.from(bytes.subarray(at, at + 8));
      const marked = (i, text) => other && other[at + i] !== row[i] ? make('mark', {}, text) : text;
      lines.push(`${at.toString(16).padStart(4, '0')}  `);
      row.forEach((byte, i) => lines.push(marked(i, byte.toString(16).padStart(2, '0')), ' '));
      lines.push('   '.repeat(8 - row.length), ' ');
      row.forEach((byte, i) =>
        lines.push(marked(i, byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')));
      lines.push('\n');
    }
    return make('pre', {class: 'dump', tabindex: '0', 'aria-label': 'Bytes'}, ...lines);
  };

  lossy.ladder = (element, options = {}) => {
    const y = d3.scale.linear();
    const zoom = d3.behavior.zoom().y(y);
    let run = null;
    let chosen = -1;
    let hovered = -1;
    let flow = -1;  // The only one that is shown, or -1.
    let shape = {width: 0, height: 0, left: 0, right: 0};
    let whole = [0, 1];
    let drawn = [];
    let typical = {uplink: 0, downlink: 0};

    const canvas = make('canvas', {'aria-hidden': 'true'});
    const picture = make('div', {
      class: 'picture', tabindex: '0', role: 'application', 'aria-roledescription': 'ladder',
      'aria-label': 'Ladder: the client on the left, the server on the right, time downwards. Arrow keys go ' +
        'from datagram to datagram, plus and minus zoom, page up and down move, 0 shows all.' +
        (options.actions ? ' Enter goes to what can be done with the datagram.' : ''),
    }, canvas);
    const svg = d3.select(picture).append('svg').attr('class', 'axis').attr('aria-hidden', 'true');
    const axis = d3.svg.axis().scale(y).orient('left').tickSize(4).tickPadding(5);
    const detail = make('div', {class: 'detail'});
    const status = make('p', {class: 'hidden', role: 'status'});
    const count = make('p', {class: 'count'});
    const flows = make('div', {class: 'flows'});
    const legend = make('ul', {class: 'legend', 'aria-label': 'Signs'});
    const button = (label, text, act) => make('button', {type: 'button', 'aria-label': label, title: label,
      onclick: act}, text);
    const tools = make('div', {class: 'tools', role: 'group', 'aria-label': 'Ladder'},
      button('Zoom in', '+', () => zoomBy(2)), button('Zoom out', '−', () => zoomBy(0.5)),
      button('The whole run', 'all', () => setWindow(...whole)),
      button('The datagram before', '↑', () => step(-1)),
      button('The next datagram', '↓', () => step(1)), flows);
    element.replaceChildren(tools, legend, make('div', {class: 'ladder'}, picture, detail), count, status);

    // What is in view, in nanoseconds.
    const view = () => y.domain();

    // Puts a part of the time into view, without drawing it.
    const lookAt = (from, to) => {
      const least = 100;
      const room = whole[1] - whole[0];
      const length = Math.min(room, Math.max(least, to - from));
      const begin = Math.max(whole[0], Math.min(from, whole[1] - length));
      y.domain(whole).range([kTop, shape.height]);
      const scale = room / length;
      const offset = kTop - y(begin) * scale;
      zoom.y(y).scaleExtent([1, Math.max(1, room / least)]).scale(scale).translate([0, offset]);
    };
    const setWindow = (from, to, tell = true) => {
      if (!run) return;
      lookAt(from, to);
      draw();
      if (tell && options.onWindow) options.onWindow(...view());
    };
    const zoomBy = (factor, at) => {
      const [from, to] = view();
      const middle = at === undefined ? (from + to) / 2 : at;
      setWindow(middle - (middle - from) / factor, middle + (to - middle) / factor);
    };
    zoom.on('zoom', () => setWindow(...view()));

    const isShown = (i) => flow < 0 || run.arrows.flow[i] === flow;
    const endOf = (i) => run.arrows.sent[i] + Math.max(0, run.arrows.delay[i]);

    // Where an arrow begins and ends on the screen.
    const placeOf = (arrow) => {
      const from = {x: arrow.is.downlink ? shape.right : shape.left, y: y(arrow.sent)};
      let end = {x: arrow.is.downlink ? shape.left : shape.right, y: y(arrow.sent + arrow.delay)};
      if (arrow.is.lost || arrow.delay < 0) {
        const part = arrow.is.lost && arrow.delay >= 0 ? 0.5 : 0.42;
        const delay = arrow.delay >= 0 ? arrow.delay : typical[arrow.direction] * part;
        end = {x: from.x + (end.x - from.x) * part, y: y(arrow.sent + delay)};
      }
      return {from, end};
    };

    const visible = () => {
      const [begin, end] = view();
      const first = d3.bisectLeft(run.arrows.latest, begin);
      const last = d3.bisectRight(run.arrows.sent, end);
      const all = [];
      for (let i = first; i < last; ++i) if (isShown(i) && endOf(i) >= begin) all.push(i);
      return all;
    };

    // One of each kind for each row of the screen.
    const thinned = (all) => {
      if (all.length <= kDrawnMax) return all;
      const seen = new Set();
      return all.filter((i) => {
        const key = Math.floor(y(run.arrows.sent[i])) * 8192 + run.arrows.traits[i];
        return !seen.has(key) && seen.add(key);
      });
    };

    const drawSides = (pen, colours) => {
      pen.strokeStyle = colours.line;
      pen.lineWidth = 2;
      for (const x of [shape.left, shape.right]) {
        pen.beginPath(), pen.moveTo(x, kTop), pen.lineTo(x, shape.height), pen.stroke();
      }
    };

    // Who stands on which side, above all arrows.
    const drawNames = (pen, colours) => {
      pen.fillStyle = colours.paper;
      pen.fillRect(0, 0, shape.width, kTop);
      pen.fillStyle = colours.line;
      pen.fillRect(0, kTop - 1, shape.width, 1);
      const only = run.flows.length === 1 && shape.wide ? run.flows[0] : null;
      pen.fillStyle = colours.quiet;
      const room = (shape.right - shape.left) / 2;
      pen.textAlign = 'left';
      pen.fillText(only ? `client ${only.client}` : 'client', shape.left - 4, 17, room);
      pen.textAlign = 'right';
      pen.fillText(only ? `server ${only.server}` : 'server', shape.right + 4, 17, room);
    };

    const label = (pen, colours, arrow, {from, end}) => {
      const text = `${lossy.name(run, arrow)}  ${lossy.quoted(arrow.payload, shape.wide ? 28 : 16)}` +
        (arrow.is.lost ? `  ${lossy.fate(arrow)}` : '');
      let angle = Math.atan2(end.y - from.y, end.x - from.x);
      if (arrow.is.downlink) angle += Math.PI;
      pen.save();
      pen.translate(from.x, from.y), pen.rotate(angle);
      pen.textAlign = arrow.is.downlink ? 'right' : 'left';
      pen.strokeStyle = colours.paper, pen.lineWidth = 4, pen.lineJoin = 'round';
      const x = arrow.is.downlink ? -10 : 10;
      pen.strokeText(text, x, 14, shape.right - shape.left - 20);
      pen.fillStyle = arrow.is.lost ? colours.lost : colours.ink;
      pen.fillText(text, x, 14, shape.right - shape.left - 20);
      pen.restore();
    };

    const drawLabels = (pen, colours, arrows) => {
      if (arrows.length > kLabelsMax) return;
      const apart = shape.right - shape.left >= kLabelsApart;
      const taken = [];
      const isFree = (direction, y) => taken.every((one) => Math.abs(one.y - y) >=
        (one.direction !== direction ? (apart ? 0 : 15) : apart ? 15 : 30));
      // What was lost first: where there is no room for all, the others are told apart by eye.
      for (const arrow of [...arrows.filter(({is}) => is.lost), ...arrows.filter(({is}) => !is.lost)]) {
        const place = placeOf(arrow);
        if (!isFree(arrow.direction, place.from.y)) continue;
        taken.push({direction: arrow.direction, y: place.from.y});
        label(pen, colours, arrow, place);
      }
    };

    // Requests that end: at the client's side.
    const drawEnds = (pen, colours) => {
      const [begin, end] = view();
      const {time, good, name, attempts, elapsed} = run.ends;
      const first = d3.bisectLeft(time, begin);
      const last = d3.bisectRight(time, end);
      const room = last - first > kDrawnMax ? 1 : 0;
      let latest = -Infinity;
      let latestDot = -Infinity;
      for (let i = first; i < last; ++i) {
        const at = y(time[i]);
        if (at < Math.max(kTop, latestDot + room)) continue;
        latestDot = at;
        pen.fillStyle = good[i] ? colours.ink : colours.lost;
        pen.beginPath();
        if (good[i]) pen.arc(shape.left, at, 3.5, 0, 2 * Math.PI);
        else pen.rect(shape.left - 4, at - 4, 8, 8);
        pen.fill();
        if (!shape.wide || last - first > kLabelsMax || at < latest + 14 || at > shape.height - kCutOff) continue;
        latest = at;
        const who = run.payloads[name[i] - 1];
        const text = (good[i] ? '✓ ' : '✗ ') +
          (who ? `\u2068${lossy.quoted(who, 14).slice(2, -2)}\u2069 ` : '') + lossy.time(elapsed[i]) +
          (attempts[i] > 1 ? ` ×${attempts[i]}` : '');
        pen.textAlign = 'right';
        pen.fillStyle = good[i] ? colours.quiet : colours.lost;
        pen.fillText(text, shape.left - 9, at + 4, shape.left - shape.axis - 14);
      }
    };

    const highlight = (pen, colours, i) => {
      if (i < 0) return;
      const arrow = lossy.arrow(run, i);
      const {from, end} = placeOf(arrow);
      pen.strokeStyle = colours.chosen;
      pen.lineCap = 'round';
      pen.lineWidth = 11;
      pen.beginPath(), pen.moveTo(from.x, from.y), pen.lineTo(end.x, end.y), pen.stroke();
      pen.lineCap = 'butt';
      drawArrow(pen, colours, arrow.is, from, end, 2.5);
    };

    const drawAxis = () => {
      const [begin, end] = view();
      const [unit, nanoseconds] = lossy.unit(end - begin, 2);
      // Ticks are round in the unit that they are told in. None is before the run, in the margin
      // above it, or where its text would be cut off.
      const scale = d3.scale.linear().domain([begin / nanoseconds, end / nanoseconds]).range(y.range());
      axis.scale(scale).tickFormat((value) => `${Number(value.toPrecision(10))} ${unit}`)
        .tickValues(scale.ticks(Math.max(3, Math.round(shape.height / 70)))
          .filter((value) => value >= 0 && scale(value) <= shape.height - kCutOff));
      svg.attr('width', shape.axis).attr('height', shape.height);
      if (svg.select('g').empty()) svg.append('g');
      svg.select('g').attr('transform', `translate(${shape.axis - 1},0)`).call(axis);
    };

    const draw = () => {
      if (!run || shape.width === 0) return;
      const colours = lossy.colours();
      const pen = lossy.sized(canvas, shape.width, shape.height);
      pen.font = `12px ${getComputedStyle(element).getPropertyValue('--mono')}`;
      const all = visible();
      drawn = thinned(all);
      const arrows = drawn.map((i) => lossy.arrow(run, i));
      drawSides(pen, colours);
      highlight(pen, colours, chosen);
      const width = drawn.length > 400 ? 1 : 1.5;
      for (const arrow of arrows) {
        const {from, end} = placeOf(arrow);
        drawArrow(pen, colours, arrow.is, from, end, width);
      }
      drawEnds(pen, colours);
      drawLabels(pen, colours, arrows);
      if (hovered !== chosen) highlight(pen, colours, hovered);
      drawNames(pen, colours);
      drawAxis();
      tellCount(all.length);
    };

    const tellCount = (inView) => {
      const number = d3.format(',');
      const {length, seen} = run.arrows;
      let text = `${number(inView)} of ${number(length)} datagrams and copies in view`;
      if (drawn.length < inView) text += `, ${number(drawn.length)} drawn: zoom in to see each`;
      text += '.';
      if (seen > length) {
        text += ` Kept are the first ${number(length)} of ${number(seen)}; the tables count all of them.`;
      }
      if (run.payloads.left_out > 0) {
        text += ` The bytes of ${number(run.payloads.left_out)} are not kept.`;
      }
      count.textContent = text;
    };

    const describe = (i) => {
      if (i < 0) {
        detail.replaceChildren(make('p', {class: 'hint'}, run && run.arrows.length > 0
          ? 'Point at an arrow, or choose one with the arrow keys, to see its bytes and what became of it.'
          : 'No datagrams.'));
        return;
      }
      const arrow = lossy.arrow(run, i);
      const {client, server} = run.flows[arrow.flow];
      const term = (name, value) => [make('dt', {}, name), make('dd', {}, make('bdi', {}, value))];
      const remarks = lossy.remarks(arrow);
      const actions = options.actions ? options.actions(arrow) : [];
      const cut = arrow.payload && arrow.size > arrow.payload.length;
      detail.replaceChildren(
        make('h3', {}, lossy.name(run, arrow)),
        make('p', {class: 'payload'}, '"', make('bdi', {}, arrow.payload ? lossy.text(arrow.payload) : ''), '"'),
        make('p', {class: `fate ${arrow.is.lost ? 'lost' : ''}`}, lossy.fate(arrow)),
        ...(remarks.length > 0 ? [make('ul', {}, ...remarks.map((one) => make('li', {}, one)))] : []),
        make('dl', {}, ...term('sent', lossy.time(arrow.sent)),
          ...(arrow.delay >= 0 && !arrow.is.oneSided && !arrow.is.lost
            ? term('arrived', lossy.time(arrow.sent + arrow.delay)) : []),
          ...term('from', arrow.is.downlink ? server : client),
          ...term('to', arrow.is.downlink ? client : server),
          ...term('size', `${arrow.size} bytes`)),
        ...(arrow.payload ? [dump(arrow.payload)] : [make('p', {}, 'Its bytes are not kept.')]),
        ...(cut ? [make('p', {}, `The first ${arrow.payload.length} of its bytes.`)] : []),
        ...(arrow.got ? [make('p', {}, 'As it arrived:'), dump(arrow.got, arrow.payload)] : []),
        ...(actions.length > 0 ? [make('div', {class: 'actions'}, ...actions.map(({label: name, act}) =>
          make('button', {type: 'button', onclick: () => act(arrow)}, name)))] : []));
    };

    const choose = (i) => {
      chosen = i;
      describe(i);
      if (i < 0) return draw();
      const arrow = lossy.arrow(run, i);
      status.textContent = `${lossy.name(run, arrow)} ${lossy.quoted(arrow.payload, 60)}, ` +
        [lossy.fate(arrow), ...lossy.remarks(arrow)].join(', ');
      const [begin, end] = view();
      if (arrow.sent >= begin && endOf(i) <= end) return draw();
      const length = end - begin;
      setWindow(arrow.sent - length * 0.3, arrow.sent + length * 0.7);
    };

    const step = (by) => {
      if (!run) return;
      let i = chosen < 0 ? (by > 0 ? d3.bisectLeft(run.arrows.sent, view()[0]) : run.arrows.length - 1) : chosen + by;
      while (i >= 0 && i < run.arrows.length && !isShown(i)) i += by;
      if (i >= 0 && i < run.arrows.length) choose(i);
    };

    picture.addEventListener('keydown', (event) => {
      if (!run || event.ctrlKey || event.altKey || event.metaKey) return;
      const [from, to] = view();
      const middle = chosen >= 0 && run.arrows.sent[chosen] >= from && run.arrows.sent[chosen] <= to
        ? run.arrows.sent[chosen] : undefined;
      const keys = {
        ArrowDown: () => step(1), ArrowRight: () => step(1), ArrowUp: () => step(-1), ArrowLeft: () => step(-1),
        Home: () => { chosen = -1; setWindow(whole[0], whole[0] + to - from); step(1); },
        End: () => { chosen = run.arrows.length; step(-1); },
        '+': () => zoomBy(2, middle), '=': () => zoomBy(2, middle), '-': () => zoomBy(0.5, middle),
        '0': () => setWindow(...whole),
        PageDown: () => setWindow(from + (to - from) * 0.8, to + (to - from) * 0.8),
        PageUp: () => setWindow(from - (to - from) * 0.8, to - (to - from) * 0.8),
        Escape: () => choose(-1),
        Enter: () => detail.querySelector('.actions button')?.focus(),
      };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });

    // The arrow nearest to a point, if it is near.
    const nearest = (x, at) => {
      let best = -1;
      let least = 12;
      for (const i of drawn) {
        const {from, end} = placeOf(lossy.arrow(run, i));
        const length = (end.x - from.x) ** 2 + (end.y - from.y) ** 2;
        const part = Math.max(0, Math.min(1,
          ((x - from.x) * (end.x - from.x) + (at - from.y) * (end.y - from.y)) / length));
        const distance = Math.hypot(from.x + part * (end.x - from.x) - x, from.y + part * (end.y - from.y) - at);
        if (distance < least) [best, least] = [i, distance];
      }
      return best;
    };
    const hover = (i) => {
      if (i === hovered) return;
      hovered = i;
      describe(i < 0 ? chosen : i);
      draw();
    };
    const under = (event) => {
      const box = picture.getBoundingClientRect();
      return nearest(event.clientX - box.left, event.clientY - box.top);
    };
    picture.addEventListener('mousemove', (event) => { if (run && event.buttons === 0) hover(under(event)); });
    picture.addEventListener('mouseleave', () => { if (run) hover(-1); });
    picture.addEventListener('click', (event) => { if (run) choose(under(event)); });
    // The wheel moves the page, unless the ladder was chosen or Ctrl is held.
    picture.addEventListener('wheel', (event) => {
      if (!event.ctrlKey && document.activeElement !== picture) event.stopImmediatePropagation();
    }, {capture: true});
    d3.select(picture).call(zoom).on('dblclick.zoom', null);

    const drawLegend = () => {
      const colours = lossy.colours();
      legend.replaceChildren(...kinds.map(([name, is]) => {
        const sign = make('canvas', {'aria-hidden': 'true'});
        drawArrow(lossy.sized(sign, 44, 16), colours, is, {x: 7, y: 8}, {x: is.lost ? 26 : 42, y: 8}, 1.75);
        return make('li', {}, sign, name);
      }));
    };

    const measure = () => {
      const width = picture.clientWidth;
      const wide = width >= 560;
      const axisRoom = wide ? 76 : 62;
      shape = {
        width, height: picture.clientHeight, wide, axis: axisRoom,
        left: axisRoom + (wide && run && run.ends.length > 0 ? 150 : 14), right: width - 14,
      };
    };

    lossy.whenShownAnew(picture, () => {
      drawLegend();
      if (!run) return;
      const [from, to] = view();
      measure();
      setWindow(from, to, false);
    }, true);

    const showFlows = () => {
      flow = -1;
      flows.replaceChildren();
      if (run.flows.length < 2) return;
      const choice = make('select', {'aria-label': 'Flow', onchange: () => { flow = Number(choice.value); draw(); }},
        make('option', {value: -1}, `all ${run.flows.length} flows`),
        ...run.flows.slice(0, kFlowsMax).map((one, i) => make('option', {value: i}, `flow ${i + 1}: ${one.client}`)),
        ...(run.flows.length > kFlowsMax ? [make('option', {disabled: ''}, `and ${run.flows.length - kFlowsMax} more`)] : []));
      flows.append(choice);
    };

    const show = (shown) => {
      run = shown;
      chosen = hovered = -1;
      status.textContent = '';
      const {sent, delay, traits, length} = run.arrows;
      const delays = {uplink: [], downlink: []};
      for (let i = 0; i < Math.min(length, 1000); ++i) {
        if (delay[i] >= 0) delays[(traits[i] & 1) !== 0 ? 'downlink' : 'uplink'].push(delay[i]);
      }
      typical = {uplink: d3.median(delays.uplink) || 0, downlink: d3.median(delays.downlink) || 0};
      whole = [-run.span * 0.03, run.span * 1.03];
      showFlows();
      measure();
      // At first as much as can be told apart.
      const few = 30;
      y.domain(whole).range([kTop, shape.height]);
      const first = Math.max(sent[few], 1.5 * Math.max(typical.uplink, typical.downlink));
      if (length > 2 * few && first < run.span / 2) lookAt(-first * 0.04, first);
      else lookAt(...whole);
      // What went wrong first, or else the first.
      const lost = visible().find((i) => (traits[i] & lossy.traits.lost) !== 0);
      chosen = lost !== undefined ? lost : length > 0 ? 0 : -1;
      describe(chosen);
      draw();
      if (options.onWindow) options.onWindow(...view());
    };

    return {show, choose, setWindow: (from, to) => setWindow(from, to, false)};
  };
})();
