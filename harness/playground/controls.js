// What sliders and fields say of the arguments, and make of them.
(() => {
  const make = lossy.element;
  const {get, has, set} = lossy.args;

  const percents = ['0%', '0.1%', '0.2%', '0.5%', '1%', '2%', '3%', '5%', '7%', '10%', '15%', '20%', '25%', '30%',
    '40%', '50%', '70%', '100%'];
  const times = ['0ms', '1ms', '2ms', '5ms', '10ms', '15ms', '20ms', '30ms', '40ms', '50ms', '75ms', '100ms',
    '150ms', '200ms', '300ms', '500ms', '1s'];

  // What slides for a path. The value that `off` names is no option at all; `needs` is an option
  // without which this one would do nothing. `chance` is what a list of faults takes the place of.
  const path = [
    {field: 'drop', label: 'Loss', values: percents, off: '0%', chance: true},
    {field: 'burst', label: 'in runs of', values: ['1', '1.5', '2', '3', '4', '6', '8', '12', '20'], off: '1',
      needs: 'drop', chance: true, part: true},
    {field: 'delay', label: 'Delay', values: times, off: '0ms'},
    {field: 'jitter', label: 'Jitter', values: times, off: '0ms', chance: true},
    {field: 'distribution', label: 'distributed', choices: ['uniform', 'normal', 'pareto', 'paretonormal'],
      off: 'uniform', needs: 'jitter', chance: true, part: true},
    {field: 'duplicate', label: 'Duplication', values: percents, off: '0%', chance: true},
    {field: 'reorder', label: 'Held back', values: percents, off: '0%', chance: true},
    {field: 'corrupt', label: 'Corruption', values: percents, off: '0%', chance: true},
    {field: 'rate', label: 'Rate', values: ['no limit', '100mbit', '10mbit', '5mbit', '2mbit', '1mbit', '500kbit',
      '200kbit', '100kbit', '50kbit', '20kbit', '10kbit', '5kbit'], off: 'no limit'},
    {field: 'queue', label: 'queue', values: ['1000', '500', '200', '100', '50', '20', '10', '5', '2', '1', '0'],
      off: '1000', needs: 'rate', part: true},
  ];

  const greetings = [
    {field: 'count', label: 'Made-up names', values: ['none', '1', '2', '5', '10', '20', '50', '100', '200', '500',
      '1000', '2000', '5000', '10000', '20000'], off: 'none'},
    {field: 'window', label: 'Outstanding at a time', values: ['1', '2', '3', '5', '10', '20', '50', '100', '1000'],
      off: '1'},
    {field: 'interval', label: 'A new one each', values: ['when there is room', '100us', '1ms', '2ms', '5ms', '10ms',
      '20ms', '50ms', '100ms', '200ms', '500ms', '1s'], off: 'when there is room'},
    {field: 'attempts', label: 'Attempts', values: ['1', '2', '3', '4', '5', '6', '8', '10', '15', '20', '40'], off: '5'},
    {field: 'initial-rto', label: 'First wait for an answer', values: ['50ms', '100ms', '200ms', '300ms', '500ms', '1s',
      '2s', '3s', '5s'], off: '1s'},
  ];

  const units = {'%': 0.01, '': 1, ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9};
  const magnitude = (text) => {
    const found = /^([0-9.]+)([a-z%]*)$/i.exec(text);
    const unit = units[found?.[2].toLowerCase()];
    return unit === undefined ? NaN : Number(found[1]) * unit;
  };

  // Where a value lies on a slider: at the nearest one there is.
  const placeOf = ({values, off}, value) => {
    if (value === null || values.includes(value)) return values.indexOf(value === null ? off : value);
    const size = magnitude(value);
    let best = 0;
    values.forEach((one, i) => {
      if (Math.abs(magnitude(one) - size) < Math.abs(magnitude(values[best]) - size) ||
        Number.isNaN(magnitude(values[best]))) best = i;
    });
    return best;
  };

  let ids = 0;

  // A slider or a choice for an option; change(value) takes null for none.
  const control = (spec, change) => {
    const id = `control-${++ids}`;
    const told = make('output', {for: id});
    const valueOf = (value) => value === spec.off ? null : value;
    const input = spec.choices
      ? make('select', {id, onchange: () => change(valueOf(input.value))},
        ...spec.choices.map((choice) => make('option', {value: choice}, choice)))
      : make('input', {id, type: 'range', min: 0, max: spec.values.length - 1, step: 1,
        oninput: () => change(valueOf(spec.values[input.value]))});
    const row = make('div', {class: `control ${spec.part ? 'part' : ''}`},
      make('label', {for: id}, spec.label), told, input);
    const show = (value, enabled) => {
      const shown = value === null ? spec.off : value;
      input.disabled = !enabled;
      row.classList.toggle('idle', value === null);
      if (spec.choices) {
        if (!spec.choices.includes(shown)) input.append(make('option', {value: shown}, shown));
        input.value = shown;
        return;
      }
      told.textContent = shown;
      input.value = placeOf(spec, value);
      input.setAttribute('aria-valuetext', shown);
    };
    return {row, show};
  };

  // A field for text that is taken over when one leaves it, or with Enter.
  lossy.field = (label, attributes, change) => {
    const id = `control-${++ids}`;
    const input = make(attributes.rows ? 'textarea' : 'input', Object.assign({id, spellcheck: 'false', autocomplete: 'off',
      autocapitalize: 'off', onchange: () => change(input.value)}, attributes));
    return {row: make('div', {class: 'control text'}, make('label', {for: id}, label), input), input};
  };

  // The settings of a path for options with one prefix, "--" or "--uplink-". `change(args)` is
  // called with arguments that say otherwise, `args()` gives those that hold.
  lossy.pathControls = (prefix, line, args, change) => {
    const option = (field) => prefix + field;
    // Whoever asks for chance takes leave of a list.
    const without = (list, spec) => {
      let changed = spec.chance ? lossy.backToChance(list) : list;
      for (const one of path) {
        if (one.needs === spec.field) changed = set(changed, option(one.field), null);
      }
      return changed;
    };
    const put = (spec, value) => {
      const base = spec.chance ? lossy.backToChance(args()) : args();
      let changed = set(value === null ? without(base, spec) : base, option(spec.field), value);
      // Uniform jitter reaches as far as the delay: one moves the other along.
      const delay = get(changed, option('delay')) || '0ms';
      const jitter = get(changed, option('jitter')) || '0ms';
      if (magnitude(jitter) > magnitude(delay) && !has(changed, line)) {
        changed = spec.field === 'delay'
          ? set(value === null ? without(changed, path.find((one) => one.field === 'jitter')) : changed, option('jitter'), value)
          : set(changed, option('delay'), jitter);
      }
      change(changed);
    };
    const rows = path.map((spec) => ({spec, ...control(spec, (value) => put(spec, value))}));
    const text = lossy.field('netem line', {placeholder: 'delay 40ms 8ms distribution normal loss 10% 25%'}, (value) =>
      change(set(lossy.backToChance(args()), line, value.trim() === '' ? null : value.trim())));
    return {
      rows: [...rows.map(({row}) => row), text.row],
      show: (list) => {
        for (const {spec, show} of rows) {
          show(get(list, option(spec.field)), !spec.needs || has(list, option(spec.needs)));
        }
        text.input.value = get(list, line) || '';
      },
      known: [...path.map(({field}) => option(field)), line],
    };
  };

  lossy.greetingControls = (args, change) => {
    const rows = greetings.map((spec) => ({spec, ...control(spec, (value) => {
      const changed = set(args(), `--${spec.field}`, value);
      change(spec.field === 'count' && value !== null ? lossy.args.setNames(changed, []) : changed);
    })}));
    const names = lossy.field('Names, one a line', {rows: 3, placeholder: 'Michael\nTracy\nSarah'}, (value) => {
      const given = value.split('\n').filter((name) => name !== '');
      change(lossy.args.setNames(given.length > 0 ? set(args(), '--count', null) : args(), given));
    });
    return {
      rows: [names.row, ...rows.map(({row}) => row)],
      show: (list) => {
        for (const {spec, show} of rows) show(get(list, `--${spec.field}`), true);
        names.input.value = lossy.args.names(list).join('\n');
      },
      known: greetings.map(({field}) => `--${field}`),
    };
  };
})();
