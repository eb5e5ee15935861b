// The page of a report: a run at a time, of what the element `data` holds.
(() => {
  const make = lossy.element;
  const place = (id) => document.getElementById(id);
  const data = JSON.parse(place('data').textContent);

  document.title = `lossy ${data.command}`;
  place('command').textContent = data.command;
  place('program').textContent = data.program;
  place('reproduce').replaceChildren(
    make('pre', {tabindex: '0', 'aria-label': 'The command that made this'}, make('bdi', {}, data.reproduce)),
    ...(data.seed ? [make('p', {class: 'seed'}, `seed ${data.seed}`)] : []));

  const ladder = lossy.ladder(place('ladder'), {onWindow: (from, to) => charts.setWindow(from, to)});
  const charts = lossy.charts(place('charts'), {onWindow: (from, to) => ladder.setWindow(from, to)});
  const views = [lossy.facts(place('facts')), lossy.tables(place('tables')), charts, ladder];

  const titles = {
    simulate: 'Greetings over a simulated network', loopback: 'Greetings over sockets of one machine',
    proxy: 'What the proxy did', inspect: 'What the capture holds', replay: 'A capture, replayed',
  };

  const show = (chosen) => {
    const run = lossy.decode(data.runs[chosen]);
    place('title').replaceChildren(
      run.name ? make('bdi', {}, run.name) : titles[data.command] || 'Report');
    place('verdict').replaceChildren(...(run.verdict ? [make('section',
      {class: `card verdict ${run.verdict.holds ? 'holds' : 'differs'}`},
      make('h2', {}, run.verdict.title),
      ...(run.verdict.text ? [make('pre', {tabindex: '0', 'aria-label': 'What differs'},
        make('bdi', {}, run.verdict.text))] : []))] : []));
    for (const view of views) view.show(run);
    const different = run.arrows.traits.findIndex((traits) => (traits & lossy.traits.different) !== 0);
    if (different >= 0) ladder.choose(different);
  };

  if (data.runs.length > 1) {
    const choice = make('select', {id: 'run', onchange: () => show(Number(choice.value))},
      ...data.runs.map((run, i) => make('option', {value: i},
        `${i + 1}. \u2068${run.name}\u2069${run.verdict ? `: ${run.verdict.title}` : ''}`)));
    place('runs').append(make('label', {for: 'run'}, `${data.runs.length} captures`), choice);
  }
  show(0);
})();
