// The playground: its one state is a list of arguments for `lossy simulate`, which stands behind "#"
// in its address, in the command that it shows and in what its sliders say.
(() => {
  const make = lossy.element;
  const {get, has, set} = lossy.args;
  const place = (id) => document.getElementById(id);
  const kFirst = ['--drop=10%', '--duplicate=5%', '--delay=20ms', '--jitter=8ms', '--count=8', '--window=2', '--seed=67'];
  // A longer one is too long for a shell.
  const kCommandMax = 100000;
  const kWays = ['--uplink', '--downlink'];

  let call = null;
  let args = kFirst;
  let byChance = null;  // What a list of faults took the place of.
  let apart = false;    // Each direction has sliders of its own.

  // The arguments without listed faults, and with what was left to chance before there were any.
  lossy.backToChance = (list) => {
    if (!has(list, '--faults')) return list;
    if (!byChance) return set(list, '--faults', null);
    const before = byChance;
    if (kWays.some((line) => has(list, line) && !has(before, line))) return before;
    return lossy.args.options(before).reduce(
      (all, name) => has(all, name) ? all : set(all, name, get(before, name)), set(list, '--faults', null));
  };

  const problem = make('p', {class: 'problem', role: 'alert'});
  const status = place('status');
  const command = lossy.field('The command that does the same', {rows: 2, class: 'shell'}, (text) => typed(text));
  const others = make('ul', {class: 'others', 'aria-label': 'Further options'});
  const button = (text, onclick) => make('button', {type: 'button', onclick}, text);
  const copied = make('span', {class: 'copied', role: 'status'});
  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
      copied.textContent = `${what} copied`;
    } catch (error) {
      copied.textContent = `the browser does not let a page copy: select the ${what} instead`;
    }
  };
  const backward = button('Leave fates to chance again', () => change(lossy.backToChance(args), true));
  place('command').append(command.row,
    make('div', {class: 'actions'},
      button('Copy the command', () => copy(command.input.value, 'command')),
      button('Copy a link', () => copy(location.href.split('#')[0] + address(), 'link')),
      backward, copied),
    others, problem);

  const current = () => args;
  const moved = (changed) => change(changed, false);
  const both = lossy.pathControls('--', '--netem', current, moved);
  const ways = kWays.map((line) => lossy.pathControls(`${line}-`, line, current, moved));
  const greetings = lossy.greetingControls(current, moved);
  const seed = lossy.field('Seed', {inputmode: 'numeric', placeholder: '4'}, (value) =>
    moved(set(lossy.backToChance(args), '--seed', value.trim() === '' ? null : value.trim())));
  const another = button('Another', () => {
    const [drawn] = crypto.getRandomValues(new Uint32Array(1));
    moved(set(lossy.backToChance(args), '--seed', String(drawn % 100000)));
  });
  const profile = make('select', {id: 'profile', onchange: () =>
    moved(set(lossy.backToChance(args), '--profile', profile.value === '' ? null : profile.value))});
  const eachItsOwn = make('input', {id: 'apart', type: 'checkbox', onchange: () => change(
    eachItsOwn.checked ? divided(args) : joined(args), false, eachItsOwn.checked)});

  const group = (title, open, ...rows) =>
    make('details', open ? {open: ''} : {}, make('summary', {}, title), ...rows);
  const groups = [group('Path, both directions', true, ...both.rows),
    group('Uplink, client to server', true, ...ways[0].rows),
    group('Downlink, server to client', true, ...ways[1].rows)];
  seed.row.append(another);
  place('settings').append(
    make('h2', {}, 'Settings'),
    make('div', {class: 'control text'}, make('label', {for: 'profile'}, 'A network by its name'), profile),
    ...groups,
    make('div', {class: 'control check'}, eachItsOwn, make('label', {for: 'apart'}, 'Each direction has its own')),
    seed.row,
    group('Greetings', matchMedia('(min-width: 861px)').matches, ...greetings.rows));

  const isShared = (name) => both.known.includes(name) && name !== '--netem';
  // What was said for both, said for each.
  const divided = (list) => {
    let all = list;
    for (const name of lossy.args.options(list)) {
      if (!isShared(name) && name !== '--netem') continue;
      for (const way of kWays) {
        const own = name === '--netem' ? way : `${way}-${name.slice(2)}`;
        if (!has(all, own)) all = set(all, own, get(list, name));
      }
      all = set(all, name, null);
    }
    return all;
  };
  // What the uplink has, for both.
  const joined = (list) => {
    let all = list;
    for (const own of ways[0].known) {
      const name = own === kWays[0] ? '--netem' : `--${own.slice(kWays[0].length + 1)}`;
      if (has(all, own) && !has(all, name)) all = set(all, name, get(all, own));
    }
    for (const own of [...ways[0].known, ...ways[1].known]) all = set(all, own, null);
    return all;
  };

  const ladder = lossy.ladder(place('ladder'), {
    onWindow: (from, to) => { inView = [from, to]; charts.setWindow(from, to); },
    actions: (arrow) => actions(arrow),
  });
  const charts = lossy.charts(place('charts'), {onWindow: (from, to) => ladder.setWindow(from, to)});
  const views = [lossy.facts(place('facts')), lossy.tables(place('tables')), charts, ladder];
  let inView = [0, 1];
  let run = null;

  // What can be done to a datagram: whatever it is that only a list of faults can say.
  const actions = (arrow) => {
    const {is} = arrow;
    const act = (edit, label) => ({label, act: () => {
      const answer = call('fate', arrow.direction, String(arrow.number), edit, ...args);
      if (answer.error) return tell(answer.error);
      const [before, from] = [args, inView];
      if (!has(before, '--faults')) byChance = before;
      change(answer.arguments, true);
      inView = from;
      ladder.setWindow(...from);
      charts.setWindow(...from);
      const same = run.arrows.number.findIndex((number, i) => number === arrow.number &&
        ((run.arrows.traits[i] & lossy.traits.downlink) !== 0) === is.downlink);
      if (same >= 0) ladder.choose(same);
      const next = place('ladder').querySelector('.detail button');
      if (next) next.focus({preventScroll: true});
    }});
    const byFate = is.lost && ['drop', 'checksum'].includes(arrow.why);
    const list = [];
    if (!is.lost) list.push(act('drop', 'Drop it'), act('duplicate', 'Duplicate it'));
    if (byFate) list.push(act('deliver', 'Deliver it'));
    else if (!is.lost && (is.copy || is.heldBack || is.early || is.corrupted || is.truncated || copiesOf(arrow) > 1)) {
      list.push(act('deliver', 'Deliver it once, intact'));
    }
    return list;
  };
  const copiesOf = (arrow) => d3.range(run.arrows.length).filter((i) => run.arrows.number[i] === arrow.number &&
    (run.arrows.traits[i] & lossy.traits.downlink) === (arrow.traits & lossy.traits.downlink)).length;

  const tell = (error) => {
    problem.textContent = error;
    document.body.classList.toggle('stale', error !== '');
  };

  const share = ({lost, offered}, way) => `${lost} of ${offered} lost ${way}`;
  const sentence = ({greeted, requests, gave_up: gaveUp, attempts, uplink, downlink}) =>
    `${greeted} of ${requests} greeted${gaveUp > 0 ? `, ${gaveUp} given up` : ''}, in ${attempts} attempts; ` +
    `${share(uplink, 'up')}, ${share(downlink, 'down')}.`;

  const showSettings = () => {
    const options = lossy.args.options(args);
    const own = ways.flatMap(({known}) => known);
    apart = apart || options.some((name) => own.includes(name));
    eachItsOwn.checked = apart;
    groups.forEach((one, i) => { one.hidden = (i > 0) !== apart; });
    for (const one of [both, ...ways, greetings]) one.show(args);
    profile.value = get(args, '--profile') || '';
    seed.input.value = get(args, '--seed') || '';
    backward.hidden = !has(args, '--faults');
    const known = [...own, ...(apart ? [] : both.known), ...greetings.known, '--profile', '--seed'];
    others.replaceChildren(...options.filter((name) => !known.includes(name)).map((name) => {
      const value = get(args, name);
      const text = value.length > 60 ? `${value.slice(0, 60)}…` : value;
      return make('li', {}, make('code', {}, make('bdi', {}, value === '' ? name : `${name}=${text}`)),
        make('button', {type: 'button', 'aria-label': `Leave ${name} out`,
          onclick: () => moved(set(args, name, null))}, '×'));
    }));
  };

  const showCommand = (text) => {
    command.input.value = text;
    const lettersInRow = (innerWidth > 860 ? innerWidth - 440 : innerWidth - 70) / 8.5;
    command.input.rows = Math.min(8, Math.max(2, Math.ceil(text.length / lettersInRow)));
  };

  const rerun = () => {
    const answer = call('run', ...args);
    showSettings();
    if (answer.error) {
      showCommand(answer.command);
      return tell(answer.error);
    }
    tell('');
    run = lossy.decode(answer.page.runs[0]);
    const {reproduce} = answer.page;
    showCommand(reproduce);
    status.textContent = sentence(answer.summary) + (reproduce.length > kCommandMax
      ? ' The command is too long for a shell: --save-faults=FILE writes such a list to a file.' : '');
    for (const view of views) view.show(run);
    lossy.summary = answer.summary;
    return answer;
  };

  // Makes other arguments hold; `step` is whether going back in the browser undoes it.
  const change = (changed, step, asApart) => {
    args = changed;
    if (asApart !== undefined) apart = asApart;
    remember(step);
    rerun();
  };

  // Puts the state into the address; a slider's not at each of its moves, of which browsers stand only
  // so many.
  let unwritten = null;
  let timer = 0;
  const writeDown = () => {
    clearTimeout(timer);
    if (unwritten) history.replaceState(...unwritten);
    unwritten = null;
  };
  const address = () => `#${lossy.args.link(args)}`;
  const remember = (step) => {
    const state = [{byChance}, '', address()];
    if (step) {
      writeDown();
      history.pushState(...state);
      return;
    }
    unwritten = state;
    clearTimeout(timer);
    timer = setTimeout(writeDown, 200);
  };

  // A command as somebody types it, in the one form that sliders read.
  const typed = (text) => {
    try {
      const words = lossy.commandArguments(text);
      const answer = call('run', ...words);
      if (answer.error) return tell(answer.error);
      apart = false;
      return change(answer.arguments, true);
    } catch (error) {
      return tell(error.message);
    }
  };

  const fromAddress = () => {
    clearTimeout(timer);
    unwritten = null;
    byChance = history.state && history.state.byChance;
    apart = false;
    try {
      const given = lossy.args.unlink(location.hash.slice(1));
      args = given.length > 0 ? given : kFirst;
    } catch (error) {
      args = kFirst;
      return void (rerun(), tell('the address holds a link that cannot be read; this is where everybody begins'));
    }
    rerun();
  };

  const unpacked = async () => {
    const packed = new Blob([lossy.bytes(place('wasm').textContent)]);
    return new Response(packed.stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
  };

  const start = async () => {
    try {
      call = await lossy.engine(await unpacked());
    } catch (error) {
      tell(`this browser does not run the simulator (${error.message}); one of 2023 or later does`);
      return;
    }
    profile.append(make('option', {value: ''}, 'none'), ...call('profiles').profiles.map(({name, description}) =>
      make('option', {value: name}, `${name}: ${description}`)));
    lossy.lessons(place('lessons'), call, (play) => {
      typed(play);
      place('command').scrollIntoView();
    });
    addEventListener('popstate', fromAddress);
    fromAddress();
    document.body.classList.add('ready');
  };
  start();
})();
