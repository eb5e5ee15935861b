// Facts, notes and tables. lossy.tables(element).show(run) replaces what is there.
lossy.tables = (element) => {
  const make = lossy.element;

  const table = (data) => {
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
      const words = ['uplink', 'downlink'].filter((way) => path[way] && path[way].words.length > 0).map((way) =>
        make('p', {}, make('span', {class: way === 'uplink' ? 'up' : 'down'}, way), ' ',
          make('bdi', {}, path[way].words.join('; '))));
      const notes = run.notes.map((note) => make('li', {}, make('bdi', {}, note)));
      element.replaceChildren(
        ...(facts.length > 0 ? [make('dl', {class: 'facts'}, ...facts)] : []),
        ...(words.length > 0 ? [make('div', {class: 'words path'}, ...words)] : []),
        ...(notes.length > 0 ? [make('ul', {class: 'notes', 'aria-label': 'Notes'}, ...notes)] : []));
    },
  };
};
