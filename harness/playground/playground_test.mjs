// The playground opens from disk, and what it shows is what the command does:
//   playground_test.mjs LOSSY FOLDER     FOLDER holds playground.html, and gets the pictures
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {statSync} from 'node:fs';
import path from 'node:path';
import {close, judge, launch, open, run, sizes, until} from '../report/browser_test/browser.mjs';

const [lossy, folder] = process.argv.slice(2);
const file = (name) => path.join(folder, name);
const json = (...options) => JSON.parse(execFileSync(lossy, ['simulate', ...options, '--json'], {maxBuffer: 1 << 28}));
const browser = await launch();

// Those of a lesson's command, which needs no quotes.
const lossyArguments = (command) => command.split(' ').slice(2).filter((argument) => argument !== '--trace');

const tests = [];
const test = (name, body) => tests.push([name, body]);

// What two runs of the same must have in common: all but how long they took and what they are called.
const essence = ({timing, reproduce, ...rest}) => rest;
const linkOf = (args) => `#${args.map(encodeURIComponent).join('&')}`;
const playground = async (args, options) => {
  const page = await open(browser, file('playground.html'), options);
  if (args) await page.evaluate((hash) => { location.hash = hash; }, linkOf(args));
  await page.waitForSelector('body.ready');
  if (args) await until(page, (hash) => location.hash === hash && lossy.summary !== undefined, linkOf(args));
  return page;
};
const summary = (page) => page.evaluate(() => lossy.summary);
const problem = (page) => page.locator('.problem').innerText();
const commandOf = (page) => page.locator('.shell').inputValue();
const argsOf = (page) => page.evaluate(() => lossy.commandArguments(document.querySelector('.shell').value));
const detail = (page) => page.locator('.detail').innerText();
const cells = async (page, key) => {
  const row = await page.locator(`tr[data-key="${key}"]`).first().locator('th, td').allTextContents();
  return [Number(row[2]), Number(row[4])];
};
const slide = (page, label, by) => page.getByLabel(label, {exact: true}).first().focus().then(async () => {
  for (let i = 0; i < Math.abs(by); ++i) await page.keyboard.press(by > 0 ? 'ArrowRight' : 'ArrowLeft');
});
const press = async (page, ...keys) => {
  await page.locator('.picture').focus();
  for (const key of keys) await page.keyboard.press(key);
};

test('the page is one file of less than 1.5 MB', async () => {
  const {size} = statSync(file('playground.html'));
  console.log(`        ${size} bytes`);
  assert.ok(size < 1.5e6, `${size} bytes`);
});

// Everything that chance decides, and everything that only numbers decide.
const runs = [
  ['--drop=10%'],
  ['--count=2000', '--interval=100us', '--delay=2ms', '--jitter=1ms', '--duplicate=5%', '--reorder=5%', '--corrupt=5%'],
  ['--count=1000', '--window=8', '--uplink-drop=30%', '--downlink-duplicate=20%', '--ipv6', '--seed=18446744073709551615'],
  ['--count=1000', '--interval=100us', '--rate=1mbit', '--queue=20', '--jitter=2ms', '--delay=5ms', '--jitter-keeps-order'],
  ...['normal', 'pareto', 'paretonormal'].map((distribution) =>
    ['--count=1000', '--window=5', '--delay=50ms', '--jitter=5ms', `--distribution=${distribution}`]),
  ['--count=1000', '--interval=1ms', '--netem=delay 20ms 5ms 25% distribution normal loss gemodel 1% 10% duplicate 2% 30% ' +
    'corrupt 1% reorder 5% 50% gap 3'],
  ['--count=1000', '--interval=1ms', '--uplink=delay 20ms 5ms distribution pareto loss state 1% 20% 30% 40% 2% slot 1ms 3ms packets 5',
    '--downlink=delay 30ms 5ms 40% distribution paretonormal rate 1mbit 14 48 5 truncate 2% flip 3% bits 4 hold 1% 9ms'],
  ['--count=1000', '--interval=1ms', '--drop=10%', '--burst=4', '--timeline=500ms: loss every 7; 1s: delay 80ms 10ms slot ' +
    'distribution normal 5ms 1ms', '--outage=1200ms..1300ms'],
  ['--count=500', '--interval=5ms', '--profile=conference-wifi'],
  ['--faults=uplink.1:drop,downlink.2:duplicate+5ms', '--delay=20ms', '--window=3'],
];

test('WebAssembly and native give the same fates', async () => {
  const page = await open(browser, file('playground.html'));
  await page.waitForSelector('body.ready');
  for (const args of runs) {
    await page.evaluate((hash) => { lossy.summary = undefined; location.hash = hash; }, linkOf(args));
    await until(page, () => lossy.summary !== undefined);
    const said = json(...args);
    assert.deepEqual(essence(await summary(page)), essence(said), args.join(' '));
    for (const key of ['offered', 'delivered', 'lost', 'duplicated', 'reordered', 'corrupted']) {
      assert.deepEqual(await cells(page, key), [said.uplink[key], said.downlink[key]], `${key}: ${args.join(' ')}`);
    }
    // The command that is shown is that run, whatever a shell makes of it.
    const again = execFileSync('bash', ['-c', `lossy() { "$LOSSY" "$@" --json; }; ${await commandOf(page)}`],
      {env: {...process.env, LOSSY: lossy}, maxBuffer: 1 << 28});
    assert.deepEqual(essence(JSON.parse(again)), essence(said), await commandOf(page));
    assert.equal(await problem(page), '');
  }
  await close(page);
});

test('a slider moves, and everything with it', async () => {
  const page = await playground(['--count=500', '--drop=10%', '--delay=20ms', '--seed=3']);
  const before = await summary(page);
  await slide(page, 'Loss', 2);
  const after = await summary(page);
  assert.ok(after.uplink.lost > before.uplink.lost, `${before.uplink.lost} and then ${after.uplink.lost}`);
  assert.match(await commandOf(page), /--drop=20%/);
  await page.waitForURL(/#.*--drop=20%25/);
  assert.deepEqual(essence(json(...await argsOf(page))), essence(after));
  assert.deepEqual(await cells(page, 'lost'), [after.uplink.lost, after.downlink.lost]);
  assert.ok((await page.locator('#status').innerText()).includes(`${after.greeted} of 500 greeted`));
  // Back at nothing an option is no more.
  await slide(page, 'Loss', -30);
  assert.doesNotMatch(await commandOf(page), /drop/);
  assert.equal((await summary(page)).uplink.lost, 0);
  // Each direction has its own.
  await slide(page, 'Loss', 5);
  await page.getByLabel('Each direction has its own').check();
  const apart = await argsOf(page);
  assert.ok(apart.some((argument) => argument.startsWith('--uplink-drop=')) &&
    apart.some((argument) => argument.startsWith('--downlink-drop=')), apart.join(' '));
  const own = page.locator('details', {hasText: 'Downlink, server to client'}).getByLabel('Loss', {exact: true});
  await own.focus();
  // What is refused is told, and what was refused stands in the command.
  await page.getByLabel('netem line').locator('visible=true').last().fill('loss 1%');
  await own.focus();
  assert.match(await problem(page), /^--downlink-drop: --downlink says that, too \(loss\); leave one of them out$/);
  assert.match(await commandOf(page), /'--downlink=loss 1%'/);
  await page.getByLabel('netem line').locator('visible=true').last().fill('');
  await own.focus();
  assert.equal(await problem(page), '');
  await page.keyboard.press('Home');
  assert.equal((await summary(page)).downlink.lost, 0);
  assert.ok((await summary(page)).uplink.lost > 0);
  assert.deepEqual(essence(json(...await argsOf(page))), essence(await summary(page)));
  await close(page);
});

test('a netem line, names and a command are typed, and what cannot be done is said as the command says it', async () => {
  const page = await playground();
  const line = page.locator('details:not([hidden])').getByLabel('netem line').first();
  await page.locator('.shell').fill('lossy simulate --count=200');
  await page.locator('.shell').press('Tab');
  await line.fill('delay 20ms 2ms loss 10% 25%');
  await line.press('Tab');
  assert.deepEqual(essence(await summary(page)), essence(json('--count=200', '--netem=delay 20ms 2ms loss 10% 25%')));
  await page.locator('.shell').fill('lossy simulate --drop 30% --seed 9 "Ada L." \'Bob\' --trace --json=run.json');
  await page.locator('.shell').press('Tab');
  assert.deepEqual(essence(await summary(page)), essence(json('--drop=30%', '--seed=9', 'Ada L.', 'Bob')));
  assert.equal(await page.getByLabel('Names, one a line').inputValue(), 'Ada L.\nBob');
  assert.equal(await page.getByLabel('Loss', {exact: true}).first().getAttribute('aria-valuetext'), '30%');
  for (const wrong of [['--drop=10'], ['--jitter=5ms'], ['--nonsense'], ['--faults=uplink.0:drop']]) {
    await page.locator('.shell').fill(`lossy simulate ${wrong.join(' ')}`);
    await page.locator('.shell').press('Tab');
    let said = '';
    try { execFileSync(lossy, ['simulate', ...wrong], {stdio: 'pipe'}); } catch (error) { said = String(error.stderr); }
    assert.ok(said.startsWith(`lossy: ${await problem(page)}`), `${said} is not ${await problem(page)}`);
  }
  // There is no help to print on a page.
  await page.locator('.shell').fill('lossy simulate --help');
  await page.locator('.shell').press('Tab');
  assert.match(await problem(page), /not expected: --help$/);
  await close(page);
});

test('a datagram is dropped by click, and the command that is shown does the same', async () => {
  const page = await playground(['--drop=10%', '--delay=20ms', '--jitter=8ms', '--count=20', '--window=2', '--seed=4']);
  const before = await summary(page);
  await press(page, '0');
  const box = await page.locator('.picture').boundingBox();
  const drop = page.getByRole('button', {name: 'Drop it'});
  for (let y = 40; y < box.height - 10 && await drop.count() === 0; y += 5) {
    await page.mouse.click(box.x + box.width * 0.6, box.y + y);
  }
  const [, way, number] = (await detail(page)).match(/^(uplink|downlink)\.(\d+)\n/);
  await drop.click();
  assert.match(await detail(page), new RegExp(`^${way}\\.${number}\\n[^]*lost: drop`));
  assert.match(await commandOf(page), new RegExp(`--faults=.*${way}\\.${number}:drop`));
  const after = await summary(page);
  assert.ok(after.attempts > before.attempts, 'nothing had to be sent again');
  assert.deepEqual(essence(json(...await argsOf(page))), essence(after));
  // It is delivered again, and all is as it was, but for the seed.
  await page.getByRole('button', {name: 'Deliver it'}).click();
  await page.goBack();
  await page.goBack();
  assert.deepEqual(await summary(page), before);
  await close(page);
});

test('a datagram is duplicated by keyboard alone, and chance comes back', async () => {
  const page = await playground(['--drop=20%', '--delay=20ms', '--seed=4']);
  const before = await summary(page);
  await press(page, 'Home', 'Enter', 'Tab', 'Enter');
  assert.match(await commandOf(page), /--faults=.*uplink\.1:deliver\/deliver\+5ms/);
  const after = await summary(page);
  assert.equal(after.uplink.duplicated, 1);
  assert.equal(after.uplink.lost, before.uplink.lost);
  assert.deepEqual(essence(json(...await argsOf(page))), essence(after));
  await page.getByRole('button', {name: 'Leave fates to chance again'}).click();
  assert.deepEqual(essence(await summary(page)), essence(before));
  await close(page);
});

test('a lesson runs here as it runs in a terminal, and is gone on with', async () => {
  const page = await playground();
  await page.getByLabel('Lesson', {exact: true}).selectOption('order');
  const said = JSON.parse(execFileSync(lossy, ['learn', 'order', '--json']));
  assert.ok((await page.locator('#lessons').innerText()).includes(said.question));
  await page.getByRole('button', {name: 'Run the experiment'}).click();
  await page.locator('#lessons table').waitFor();
  const text = await page.locator('#lessons').innerText();
  for (const {text: claim} of said.claims) assert.ok(text.includes(claim), `${claim} is not in ${text}`);
  assert.doesNotMatch(text, /FAR OFF|Not so here/);
  assert.equal(await page.locator('#lessons tbody tr').count(), said.figures.length);
  await page.getByRole('button', {name: 'Play on with it above'}).click();
  const args = lossyArguments(said.play);
  assert.deepEqual(essence(await summary(page)), essence(json(...args)));
  await judge(page);
  await close(page);
});

const hostile = ['<script>alert(1)</script>', '\u001b[31mred', 'ab\u202egnp.exe', '"><img src=x onerror=alert(2)>'];

test('names of others are text, in a link, in the ladder and in the command', async () => {
  const page = await playground(hostile);
  await page.waitForTimeout(100);
  assert.equal(await page.locator('img').count(), 0);
  await press(page, 'Home');
  assert.match(await detail(page), /"<script>alert\(1\)<\/script>"/);
  assert.doesNotMatch(await page.locator('.outcome').innerText(), /[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/);
  assert.doesNotMatch(await commandOf(page), /[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/);
  assert.deepEqual(await argsOf(page), ['--seed=4', ...hostile]);
  await close(page);
  for (const hash of ['#%E0%A4%A', '#a%00b']) {
    const broken = await open(browser, file('playground.html'));
    await broken.waitForSelector('body.ready');
    await broken.evaluate((link) => { location.hash = link; }, hash);
    await until(broken, () => document.querySelector('.problem').textContent !== '');
    assert.match(await problem(broken), /a link that cannot be read/);
    await close(broken);
  }
});

test('thousands of names in a link are no more than that', async () => {
  const names = Array.from({length: 20000}, (ignored, i) => `n${i}`);
  const page = await playground(names);
  assert.equal((await summary(page)).greeted, names.length);
  await close(page);
});

test('a move of a slider draws the ladder once', async () => {
  const page = await playground(['--count=300', '--interval=1ms', '--delay=20ms', '--drop=5%']);
  const drawn = await page.evaluate(() => {
    const {sized} = lossy;
    let times = 0;
    lossy.sized = (canvas, ...size) => {
      if (canvas.parentElement && canvas.parentElement.className === 'picture') ++times;
      return sized(canvas, ...size);
    };
    const slider = document.querySelector('input[type=range]');
    slider.value = 3;
    slider.dispatchEvent(new Event('input'));
    return times;
  });
  assert.equal(drawn, 1);
  await close(page);
});

test('2,000 greetings run again at each move of a slider', async () => {
  const page = await playground(['--count=2000', '--interval=1ms', '--delay=20ms', '--jitter=5ms', '--drop=5%']);
  const times = await page.evaluate(async () => {
    const slider = document.querySelector('input[type=range]');
    const all = [];
    for (let i = 0; i < 21; ++i) {
      slider.value = 3 + i % 8;
      const start = performance.now();
      slider.dispatchEvent(new Event('input'));
      all.push(performance.now() - start);
      await new Promise(requestAnimationFrame);
    }
    return all.sort((a, b) => a - b);
  });
  console.log(`        least ${times[0].toFixed(1)} ms, median ${times[10].toFixed(1)} ms, most ${times[20].toFixed(1)} ms from the event to all drawn anew`);
  await close(page);
});

test('no serious violation of accessibility, at any size, light or dark, and pictures of all', async () => {
  for (const size of Object.keys(sizes)) {
    for (const scheme of ['light', 'dark']) {
      const page = await playground(null, {size, scheme});
      await press(page, 'Home', 'ArrowDown');
      await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
      await judge(page);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(wider <= 0, `it is ${wider} pixels wider than a ${size}`);
      await page.screenshot({path: file(`playground-${size}-${scheme}.png`), fullPage: true});
      await close(page);
    }
  }
});

await run(tests);
await browser.close();
