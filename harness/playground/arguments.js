// The arguments of `lossy simulate`, of which all that the page shows is made: each option as
// "--name=value", names behind them. A list is never changed in place.
(() => {
  const endOf = (args) => {
    const end = args.indexOf('--');
    return end < 0 ? args.length : end;
  };
  // Which of them are options: asked once for all, as there may be thousands of names.
  const marked = (args) => {
    const end = endOf(args);
    return args.map((argument, i) => i < end && argument.startsWith('--'));
  };
  const only = (args) => {
    const isOption = marked(args);
    return args.filter((argument, i) => isOption[i]);
  };
  // What no command can be given: the simulator would take it for two.
  const whole = (args) => {
    if (args.some((argument) => argument.includes('\0'))) throw new Error('an argument cannot hold a zero byte');
    return args;
  };
  const nameOf = (argument) => argument.split('=', 1)[0];

  lossy.args = {
    // The options, by their names, "--drop" say; flags are ''.
    get: (args, name) => {
      const found = only(args).filter((argument) => nameOf(argument) === name).pop();
      return found === undefined ? null : found.slice(name.length + 1);
    },
    has: (args, name) => lossy.args.get(args, name) !== null,
    options: (args) => only(args).map(nameOf),
    // With the option as given, where it stood; without it where the value is null.
    set: (args, name, value) => {
      const isOption = marked(args);
      const isIt = (argument, i) => isOption[i] && nameOf(argument) === name;
      const at = args.findIndex(isIt);
      const rest = args.filter((argument, i) => !isIt(argument, i));
      if (value === null) return rest;
      const option = value === '' ? name : `${name}=${value}`;
      const place = at >= 0 ? at : marked(rest).indexOf(false);
      return place < 0 ? [...rest, option] : [...rest.slice(0, place), option, ...rest.slice(place)];
    },
    names: (args) => {
      const isOption = marked(args);
      return args.filter((argument, i) => argument !== '--' && !isOption[i]);
    },
    setNames: (args, names) =>
      [...only(args), ...(names.some((name) => name.startsWith('-')) ? ['--'] : []), ...names],
    // As the part of a link behind "#", and back.
    link: (args) => args.map((argument) => encodeURIComponent(argument).replaceAll('%3D', '=')).join('&'),
    unlink: (text) => whole(text.split('&').filter((part) => part !== '').map(decodeURIComponent)),
  };

  const escapes = {n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", '"': '"'};

  // What stands behind $' up to the closing quote: escapes are bytes.
  const dollarQuoted = (text, at) => {
    const bytes = [];
    const encoder = new TextEncoder();
    for (; at < text.length && text[at] !== "'"; ++at) {
      const hex = /^\\x([0-9a-fA-F]{1,2})/.exec(text.slice(at, at + 4));
      if (hex) {
        bytes.push(parseInt(hex[1], 16));
        at += hex[0].length - 1;
      } else if (text[at] === '\\' && escapes[text[at + 1]] !== undefined) {
        bytes.push(...encoder.encode(escapes[text[++at]]));
      } else {
        const letter = String.fromCodePoint(text.codePointAt(at));
        bytes.push(...encoder.encode(letter));
        at += letter.length - 1;
      }
    }
    return [new TextDecoder().decode(Uint8Array.from(bytes)), at];
  };

  // The words of a command, as a shell would take it that expands nothing.
  lossy.words = (text) => {
    const words = [];
    let word = null;
    for (let at = 0; at < text.length; ++at) {
      const c = text[at];
      if (/\s/.test(c)) {
        if (word !== null) words.push(word);
        word = null;
        continue;
      }
      word = word === null ? '' : word;
      if (c === "'") {
        const end = text.indexOf("'", at + 1);
        if (end < 0) throw new Error("a quote ' is never closed");
        word += text.slice(at + 1, end);
        at = end;
      } else if (c === '$' && text[at + 1] === "'") {
        const [part, end] = dollarQuoted(text, at + 2);
        if (end >= text.length) throw new Error("a quote $' is never closed");
        word += part;
        at = end;
      } else if (c === '"') {
        for (++at; at < text.length && text[at] !== '"'; ++at) {
          if (text[at] === '\\' && /["\\$`]/.test(text[at + 1] || '')) ++at;
          word += text[at];
        }
        if (at >= text.length) throw new Error('a quote " is never closed');
      } else if (c === '\\' && text[at + 1] === '\n') {
        ++at;
        if (word === '') word = null;
      } else {
        word += c === '\\' && at + 1 < text.length ? text[++at] : c;
      }
    }
    if (word !== null) words.push(word);
    return words;
  };

  // The arguments in "lossy simulate --drop=10%", or in what stands behind its first two words.
  // What only says how a command shows its run is left out: the page shows it its own way.
  lossy.commandArguments = (text) => {
    const words = lossy.words(text);
    if (/(^|\/)lossy$/.test(words[0] || '')) {
      words.shift();
      if (words[0] !== 'simulate') throw new Error('the page runs lossy simulate, and no other command');
      words.shift();
    }
    return whole(words.filter((word) => !/^--(trace|json(=.*)?)$/.test(word)));
  };
})();
