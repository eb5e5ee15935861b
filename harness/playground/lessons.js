// The lessons that need no sockets: a question, then the experiment, run here and now.
(() => {
  const make = lossy.element;

  const number = (value, unit) => {
    const shown = String(Number((unit === 'share' ? value * 100 : value).toPrecision(4)));
    return shown + ({share: '%', ms: ' ms', bytes: ' bytes'}[unit] || '');
  };

  const figures = (list) => make('div', {class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': 'What happened'},
    make('table', {},
      make('thead', {}, make('tr', {}, make('td', {}), ...['measured', 'theory', 'holds'].map((name) =>
        make('th', {class: 'number', scope: 'col'}, name)))),
      make('tbody', {}, ...list.map(({what, unit, measured, theory, holds}) => make('tr', {},
        make('th', {scope: 'row'}, what), make('td', {class: 'number'}, number(measured, unit)),
        make('td', {class: 'number'}, number(theory, unit)), make('td', {class: 'number'}, holds ? 'yes' : 'FAR OFF'))))));

  const outcome = (lesson, playOn) => [
    make('p', {}, lesson.experiment),
    ...(lesson.ladder.length > 0 ? [make('pre', {class: 'dump', tabindex: '0', 'aria-label': 'Ladder of the lesson'},
      lesson.ladder.join('\n') + (lesson.ladder_lines_more > 0 ? `\n  … and ${lesson.ladder_lines_more} more` : ''))] : []),
    figures(lesson.figures),
    make('ul', {}, ...lesson.claims.map(({text, holds}) => make('li', {}, holds ? text : `Not so here: ${text}`))),
    ...lesson.why.map((paragraph) => make('p', {}, paragraph)),
    ...(/^lossy simulate /.test(lesson.play) ? [make('div', {class: 'actions'},
      make('button', {type: 'button', onclick: () => playOn(lesson.play)}, 'Play on with it above'),
      make('code', {}, lesson.play))] : [make('p', {}, 'Play on in a terminal: ', make('code', {}, lesson.play))]),
  ];

  // Draws the choice of lessons; playOn(command) takes a command to go on with.
  lossy.lessons = (element, call, playOn) => {
    const {lessons} = call('lessons');
    const opening = make('div', {class: 'lesson'});
    const result = make('div', {class: 'lesson', 'aria-live': 'polite'});
    const run = make('button', {type: 'button', onclick: () => {
      run.disabled = true;
      result.replaceChildren(make('p', {}, 'The experiment runs …'));
      // What is said is drawn before the page is busy.
      requestAnimationFrame(() => setTimeout(() => {
        const answer = call('learn', choice.value);
        result.replaceChildren(...(answer.error ? [make('p', {class: 'problem'}, answer.error)]
          : outcome(answer, playOn)));
        run.disabled = false;
      }));
    }}, 'Run the experiment');
    const open = () => {
      const lesson = lessons.find(({name}) => name === choice.value);
      opening.replaceChildren(make('p', {}, lesson.left_out),
        make('p', {class: 'question'}, make('strong', {}, 'First guess: '), lesson.question));
      result.replaceChildren();
    };
    const choice = make('select', {id: 'lesson', onchange: open},
      ...lessons.map(({lesson, name, title}) => make('option', {value: name}, `${lesson}. ${title}`)));
    element.replaceChildren(make('label', {for: 'lesson', class: 'hidden'}, 'Lesson'), choice, opening,
      make('div', {class: 'actions'}, run), result);
    open();
  };
})();
