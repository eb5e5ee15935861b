// Charts of a run: delay over time, round trips, runs of losses against the model, throughput. Of
// what is kept; where that is not all, the ladder says so. README.md says how to use them.
(() => {
  const make = lossy.element;
  const kHeight = 250;
  const ways = ['uplink', 'downlink'];
  const number = d3.format(',');
  const share = (part) => `${Number((part * 100).toPrecision(3))}%`;

  // A card with a title, what it says in words, and room for a picture.
  const card = (title) => {
    const words = make('p', {class: 'words'});
    const picture = make('div', {class: 'chart'});
    const keys = make('p', {class: 'keys'});
    const whole = make('section', {class: 'card'}, make('h2', {}, title), words, picture, keys);
    return {whole, words, picture, keys, heading: whole.firstChild};
  };

  const key = (name, kind) => [make('span', {class: `key ${kind}`, 'aria-hidden': 'true'}), name, ' '];

  // An SVG of the width there is, with margins; x and y are ranges in it.
  const frame = (picture, label) => {
    const margin = {top: 30, right: 14, bottom: 40, left: 56};
    const width = Math.max(180, Number(picture.dataset.width)) - margin.left - margin.right;
    const height = kHeight - margin.top - margin.bottom;
    picture.replaceChildren();
    picture.parentElement.classList.remove('nothing');
    const svg = d3.select(picture).append('svg').attr('width', width + margin.left + margin.right)
      .attr('height', kHeight).attr('role', 'img').attr('aria-label', label);
    const inner = svg.append('g').attr('transform', `translate(${margin.left},${margin.top})`);
    return {svg, inner, width, height, margin};
  };

  const axes = ({inner, width, height}, x, y, xName, yName, formats = {}) => {
    const across = d3.svg.axis().scale(x).orient('bottom').ticks(Math.max(2, Math.round(width / 80)))
      .tickSize(4).tickPadding(5);
    const up = d3.svg.axis().scale(y).orient('left').ticks(formats.rows || 4).tickSize(-width).tickPadding(7);
    if (formats.x) across.tickFormat(formats.x);
    if (formats.y) up.tickFormat(formats.y);
    if (formats.ticks) across.tickValues(formats.ticks);
    inner.append('g').attr('class', 'axis grid').call(up);
    inner.append('g').attr('class', 'axis').attr('transform', `translate(0,${height})`).call(across);
    inner.append('text').attr('class', 'name').attr('x', width).attr('y', height + 36)
      .attr('text-anchor', 'end').text(xName);
    inner.append('text').attr('class', 'name').attr('x', -52).attr('y', -16).text(yName);
  };

  const wayOf = (run, i) => (run.arrows.traits[i] & lossy.traits.downlink) !== 0 ? 1 : 0;
  const has = (run, i, trait) => (run.arrows.traits[i] & lossy.traits[trait]) !== 0;

  // A card says what it has to say, or why that is nothing: then it stands behind the others.
  const nothing = (one, why) => {
    one.whole.classList.add('nothing');
    one.words.textContent = why;
    one.picture.replaceChildren();
    one.keys.replaceChildren();
  };

  const delayChart = (options) => {
    const one = card('Delay over time');
    let run = null;
    let brush = null;
    let brushed = null;
    let x = null;
    let unit = ['ns', 1];

    const setWindow = (from, to) => {
      if (!brush) return;
      const [least, most] = x.domain();
      const [left, right] = [Math.max(least, from / unit[1]), Math.min(most, to / unit[1])];
      if (right - left > (most - least) * 0.98) brush.clear();
      else brush.extent([left, right]);
      brushed.call(brush);
    };

    const draw = () => {
      const {sent, delay, length} = run.arrows;
      const points = [];
      const lost = [];
      for (let i = 0; i < length; ++i) {
        if (has(run, i, 'lost')) lost.push(i);
        else if (delay[i] >= 0 && !has(run, i, 'oneSided')) points.push(i);
      }
      brush = null;
      if (points.length === 0) return nothing(one, 'Nothing tells how long datagrams took.');
      const most = d3.max(points, (i) => delay[i]);
      const median = [0, 1].map((way) => d3.median(points.filter((i) => wayOf(run, i) === way), (i) => delay[i]));
      one.words.textContent = ways.map((name, way) => median[way] === undefined ? '' :
        `${name} median ${lossy.time(median[way])}`).filter((text) => text).join(', ') +
        `, most ${lossy.time(most)}. Select a part of the time to see it in the ladder.`;
      one.keys.replaceChildren(...key('uplink', 'dot up'), ...key('downlink', 'square down'),
        ...key('lost', 'cross lost'));
      const shape = frame(one.picture, `Delay over time: ${one.words.textContent}`);
      unit = lossy.unit(run.span);
      const delayUnit = lossy.unit(Math.max(most, 1));
      x = d3.scale.linear().domain([0, run.span / unit[1]]).range([0, shape.width]);
      const y = d3.scale.linear().domain([0, Math.max(most, 1) * 1.05 / delayUnit[1]]).range([shape.height, 0]);
      axes(shape, x, y, `time, ${unit[0]}`, `delay, ${delayUnit[0]}`);

      const canvas = make('canvas', {'aria-hidden': 'true'});
      one.picture.prepend(canvas);
      canvas.style.left = `${shape.margin.left}px`;
      canvas.style.top = `${shape.margin.top - 8}px`;
      const colours = lossy.colours();
      const pen = lossy.sized(canvas, shape.width + 4, shape.height + 12);
      const taken = new Set();
      const size = points.length > 3000 ? 2 : 4;
      const spots = [new Path2D(), new Path2D()];  // Filled at once, which is faster by far.
      for (const i of points) {
        const way = wayOf(run, i);
        const left = Math.round(x(sent[i] / unit[1]));
        const top = Math.round(y(delay[i] / delayUnit[1])) + 8;
        const spot = (left * 1024 + top) * 2 + way;
        if (points.length > 3000 && taken.has(spot)) continue;
        taken.add(spot);
        if (way === 1 || size === 2) spots[way].rect(left - size / 2, top - size / 2, size, size);
        else spots[way].moveTo(left, top), spots[way].arc(left, top, size / 2 + 0.5, 0, 2 * Math.PI);
      }
      pen.fillStyle = colours.up, pen.fill(spots[0]);
      pen.fillStyle = colours.down, pen.fill(spots[1]);
      pen.strokeStyle = colours.lost;
      pen.lineWidth = 1.25;
      const crosses = new Set();
      for (const i of lost) {
        const left = Math.round(x(sent[i] / unit[1]));
        if (crosses.has(left)) continue;
        crosses.add(left);
        pen.beginPath(), pen.moveTo(left - 2.5, 1.5), pen.lineTo(left + 2.5, 6.5);
        pen.moveTo(left + 2.5, 1.5), pen.lineTo(left - 2.5, 6.5), pen.stroke();
      }
      brush = d3.svg.brush().x(x).on('brush', () => {
        const [from, to] = brush.extent();
        if (!brush.empty() && options.onWindow) options.onWindow(from * unit[1], to * unit[1]);
      });
      brushed = shape.inner.append('g').attr('class', 'brush').call(brush);
      brushed.selectAll('rect').attr('y', 0).attr('height', shape.height);
    };

    return {whole: one.whole, picture: one.picture, setWindow, draw: () => run && draw(),
      show: (shown) => { run = shown; draw(); }};
  };

  const roundTripChart = () => {
    const one = card('Round-trip time');
    let run = null;

    const draw = () => {
      const times = run.round_trips;
      if (!times) return nothing(one, 'No request was answered at its first attempt.');
      one.heading.textContent = times.title;
      const above = times.above > 0 ? ` ${number(times.above)} more are above, up to ${lossy.time(times.max)}.` : '';
      one.words.textContent = `${number(times.count)}: median ${lossy.time(times.median)}, ` +
        `99% ${lossy.time(times.p99)}.${above}`;
      const unit = lossy.unit(times.edges[times.edges.length - 1]);
      const shape = frame(one.picture, `${times.title}: ${one.words.textContent}`);
      const x = d3.scale.linear().domain([times.edges[0] / unit[1], times.edges[times.edges.length - 1] / unit[1]])
        .range([0, shape.width]);
      const y = d3.scale.linear().domain([0, d3.max(times.counts) || 1]).nice().range([shape.height, 0]);
      axes(shape, x, y, unit[0], 'number', {y: d3.format(',d'), rows: Math.min(4, d3.max(times.counts) || 1)});
      shape.inner.selectAll('.bar').data(times.counts).enter().append('rect').attr('class', 'bar again')
        .attr('x', (count, i) => x(times.edges[i] / unit[1]))
        .attr('width', (count, i) => Math.max(1, x(times.edges[i + 1] / unit[1]) - x(times.edges[i] / unit[1]) - 1))
        .attr('y', (count) => Math.min(y(count), count > 0 ? shape.height - 1 : shape.height))
        .attr('height', (count) => count > 0 ? Math.max(1, shape.height - y(count)) : 0);
      for (const [name, value] of [['median', times.median], ['99%', times.p99]]) {
        const left = x(value / unit[1]);
        if (left < 0 || left > shape.width) continue;
        shape.inner.append('line').attr('class', 'mark').attr('x1', left).attr('x2', left)
          .attr('y1', 0).attr('y2', shape.height);
        shape.inner.append('text').attr('class', 'name halo').attr('y', name === 'median' ? 12 : 27)
          .attr('x', left + (left > shape.width - 60 ? -5 : 5))
          .attr('text-anchor', left > shape.width - 60 ? 'end' : 'start').text(name);
      }
    };

    return {whole: one.whole, picture: one.picture, draw: () => run && draw(),
      show: (shown) => { run = shown; draw(); }};
  };

  // How often so many datagrams in a row were lost, by direction: of each flow, as sent.
  lossy.lossRuns = (run) => {
    const {flow, number: numbers, length} = run.arrows;
    const runs = [new Map(), new Map()];
    const open = new Map();
    const close = (state, way) => {
      if (state.lost > 0) runs[way].set(state.lost, (runs[way].get(state.lost) || 0) + 1);
      state.lost = 0;
    };
    for (let i = 0; i < length; ++i) {
      if (has(run, i, 'oneSided')) continue;
      const way = wayOf(run, i);
      const at = flow[i] * 2 + way;
      if (!open.has(at)) open.set(at, {lost: 0, number: -1, whole: false});
      const state = open.get(at);
      const isLost = has(run, i, 'lost');
      if (numbers[i] !== state.number) {
        state.number = numbers[i];
        if (isLost) ++state.lost;
        else close(state, way);
        state.arrived = !isLost;
      } else if (!isLost && !state.arrived) {  // Another copy of it came through.
        --state.lost;
        close(state, way);
        state.arrived = true;
      }
    }
    for (const [at, state] of open) close(state, at % 2);
    return runs;
  };

  const lossChart = () => {
    const one = card('Losses in a row, against the model');
    let run = null;

    const draw = () => {
      const runs = lossy.lossRuns(run);
      const models = ways.map((way) => (run.path && run.path[way] && run.path[way].loss_run_shares) || []);
      const totals = runs.map((counts) => d3.sum(Array.from(counts.values())));
      const hasModel = models.some((shares) => shares.length > 0);
      one.heading.textContent = hasModel ? 'Losses in a row, against the model' : 'Losses in a row';
      if (totals[0] + totals[1] === 0) return nothing(one, 'Nothing was lost.');
      const longest = runs.map((counts) => d3.max(Array.from(counts.keys())) || 0);
      let lengths = Math.max(3, ...longest);
      for (const shares of models) shares.forEach((part, i) => { if (part >= 0.005) lengths = Math.max(lengths, i + 1); });
      const shown = Math.min(lengths, 24);
      one.words.textContent = ways.map((name, way) =>
        `${name} ${number(totals[way])} ${totals[way] === 1 ? 'run' : 'runs'}, longest ${longest[way]}`).join('; ') + '. ' +
        (hasModel ? 'Bars are this run, rings what the loss model says.'
          : run.path ? 'The path has no model that says how often: bars are this run.'
            : 'Nothing is known of a model: bars are this run.') +
        (lengths > shown ? ` Longer ones than ${shown} are not drawn.` : '');
      one.keys.replaceChildren(...key('uplink', 'bar up'), ...key('downlink', 'bar down'),
        ...(hasModel ? key('model', 'ring') : []));
      const shape = frame(one.picture, `Losses in a row: ${one.words.textContent}`);
      const x = d3.scale.ordinal().domain(d3.range(1, shown + 1)).rangeBands([0, shape.width], 0.25);
      const observed = (way, length) => totals[way] > 0 ? (runs[way].get(length) || 0) / totals[way] : 0;
      const most = d3.max(d3.range(1, shown + 1), (length) =>
        d3.max([0, 1], (way) => Math.max(observed(way, length), models[way][length - 1] || 0)));
      const y = d3.scale.linear().domain([0, most]).nice().range([shape.height, 0]);
      const every = Math.ceil(shown / Math.max(1, Math.floor(shape.width / 28)));
      axes(shape, x, y, 'datagrams in a row', 'of the runs', {y: (part) => share(part),
        ticks: d3.range(1, shown + 1).filter((length) => (length - 1) % every === 0)});
      const half = x.rangeBand() / 2;
      [0, 1].forEach((way) => {
        const kind = way === 1 ? 'down' : 'up';
        const centre = (length) => x(length) + half * (way + 0.5);
        shape.inner.append('g').selectAll('rect').data(d3.range(1, shown + 1)).enter().append('rect')
          .attr('class', `bar ${kind}`).attr('x', (length) => x(length) + half * way + 0.5)
          .attr('width', Math.max(1, half - 1)).attr('y', (length) => y(observed(way, length)))
          .attr('height', (length) => shape.height - y(observed(way, length)));
        const modelled = models[way].slice(0, shown);
        if (modelled.length === 0 || totals[way] === 0) return;
        shape.inner.append('g').selectAll('circle').data(modelled).enter().append('circle')
          .attr('class', `ring ${kind}`).attr('r', Math.max(2.5, Math.min(5, half / 3)))
          .attr('cx', (part, i) => centre(i + 1)).attr('cy', (part) => y(part));
      });
    };

    return {whole: one.whole, picture: one.picture, draw: () => run && draw(),
      show: (shown) => { run = shown; draw(); }};
  };

  const throughputChart = () => {
    const one = card('Throughput');
    let run = null;

    const draw = () => {
      const {sent, delay, size, length} = run.arrows;
      if (length === 0) return nothing(one, 'No datagrams.');
      if (!run.took_time) return nothing(one, 'All of it took no time.');
      const bins = Math.max(20, Math.min(100, Math.ceil(length / 4)));
      const width = run.span / bins;
      const sums = ways.map(() => ({offered: new Float64Array(bins), delivered: new Float64Array(bins)}));
      const bin = (time) => Math.min(bins - 1, Math.max(0, Math.floor(time / width)));
      for (let i = 0; i < length; ++i) {
        const sum = sums[wayOf(run, i)];
        if (!has(run, i, 'copy')) sum.offered[bin(sent[i])] += size[i];
        if (delay[i] >= 0 && !has(run, i, 'lost')) sum.delivered[bin(sent[i] + delay[i])] += size[i];
      }
      const rate = (bytes) => bytes * 8 / (width / 1e9);
      const most = d3.max(sums, (sum) => Math.max(d3.max(sum.offered), d3.max(sum.delivered)));
      const [unit, scale] = [['Gbit/s', 1e9], ['Mbit/s', 1e6], ['kbit/s', 1e3], ['bit/s', 1]]
        .find((candidate) => rate(most) >= candidate[1]) || ['bit/s', 1];
      const mean = (bytes) => `${Number((d3.sum(bytes) * 8 / (run.span / 1e9) / scale).toPrecision(3))} ${unit}`;
      one.words.textContent = ways.map((name, way) =>
        `${name} ${mean(sums[way].offered)} offered, ${mean(sums[way].delivered)} delivered`).join('; ') +
        ', of payload, on average.';
      one.keys.replaceChildren(...key('uplink', 'line up'), ...key('downlink', 'line down'),
        ...key('offered', 'dashes'), ...key('delivered', 'line'));
      const shape = frame(one.picture, `Throughput: ${one.words.textContent}`);
      const time = lossy.unit(run.span);
      const x = d3.scale.linear().domain([0, run.span / time[1]]).range([0, shape.width]);
      const y = d3.scale.linear().domain([0, rate(most) / scale || 1]).nice().range([shape.height, 0]);
      axes(shape, x, y, `time, ${time[0]}`, unit);
      const line = d3.svg.line().interpolate('step-after').x((bytes, i) => x(i * width / time[1]))
        .y((bytes) => y(rate(bytes) / scale));
      sums.forEach((sum, way) => {
        for (const kind of ['offered', 'delivered']) {
          const values = Array.from(sum[kind]);
          values.push(values[values.length - 1]);
          shape.inner.append('path').attr('class', `rate ${kind} ${way === 1 ? 'down' : 'up'}`).attr('d', line(values));
        }
      });
    };

    return {whole: one.whole, picture: one.picture, draw: () => run && draw(),
      show: (shown) => { run = shown; draw(); }};
  };

  lossy.charts = (element, options = {}) => {
    const delays = delayChart(options);
    const all = [delays, roundTripChart(), lossChart(), throughputChart()];
    element.replaceChildren(...all.map((one) => one.whole));
    let latest = null;
    // All at once: to ask between two drawings lays the page out each time.
    const measure = () => {
      for (const {picture} of all) picture.dataset.width = picture.clientWidth;
    };
    const setWindow = (from, to) => {
      latest = [from, to];
      delays.setWindow(from, to);
    };
    lossy.whenShownAnew(element, () => {
      measure();
      for (const one of all) one.draw();
      if (latest) setWindow(...latest);
    });
    return {
      show(run) {
        measure();
        for (const one of all) one.show(run);
      },
      setWindow,
    };
  };
})();
