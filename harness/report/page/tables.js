// Facts, notes and tables. lossy.tables(element).show(run) replaces what is there.
lossy.tables = (element) => {
  const make = lossy.element;

  const table = (whole) => {
    // A column in which nothing stands takes no room.
    const columns = d3.range(whole.columns.length).filter((i) => i < 2 || whole.columns[i] !== '' ||
      whole.rows.some((row) => row.cells[i] !== ''));
    const data = {
      title: whole.title, columns: columns.map((i) => whole.columns[i]), align: columns.map((i) => whole.align[i]),
      rows: whole.rows.map((row) => ({key: row.key, cells: columns.map((i) => row.cells[i])})),
    };
    const cell = (kind, text, i, more) =>
      make(kind, Object.assign({class: data.align[i] === 'r' ? 'number' : ''}, more),
        make('bdi', {}, text));
    const head = make('tr', {}, ...data.columns.map((name, i) =>
      name === '' ? make('td') : cell('th', name, i, {scope: 'col'})));
    const rows = data.rows.map((row) => make('tr', {'data-key': row.key}, ...row.cells.map(
      (text, i) => i === 0 ? cell('th', text, i, {scope: 'row', class: text.startsWith(' ') ? 'part' : ''})
        : cell('td', text, i))));
    return make('section', {class: 'card'},
      make('h2', {}, data.title),
      make('div', {class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': data.title},
        make('table', {}, make('thead', {}, head), make('tbody', {}, ...rows))));
  };

  return {
    show(run) {
      element.replaceChildren(...run.tables.map(table));
    },
  };
};

// The same for what comes first: facts, what the path was asked to do, and notes.
lossy.facts = (element) => {
  const make = lossy.element;
  return {
    show(run) {
      const facts = run.facts.map(([name, value]) =>
        make('div', {}, make('dt', {}, name), make('dd', {}, make('bdi', {}, value))));
      const path = run.path || {};
      const said = ['uplink', 'downlink'].map((way) => path[way] ? path[way].words.join('; ') : '');
      const alike = said[0] === said[1];
      const words = [['uplink', 'up', said[0]], ['downlink', 'down', alike ? '' : said[1]]]
        .filter(([, , text]) => text !== '').map(([way, colour, text]) => make('p', {},
          alike ? 'both ways: ' : make('span', {class: colour}, `${way}: `), make('bdi', {}, text)));
      const notes = run.notes.map((note) => make('li', {}, make('bdi', {}, note)));
      element.replaceChildren(
        ...(facts.length > 0 ? [make('dl', {class: 'facts'}, ...facts)] : []),
        ...(words.length > 0 ? [make('div', {class: 'words path'}, ...words)] : []),
        ...(notes.length > 0 ? [make('ul', {class: 'notes', 'aria-label': 'Notes'}, ...notes)] : []));
    },
  };
};
