// What browser tests have in common: a chromium without a window, pages that must be silent and ask
// no network for anything, and a judge of accessibility. The packages are those of the folder that
// the test runs in.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

const require = createRequire(path.join(process.cwd(), 'package.json'));
const {chromium} = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const sizes = {desktop: {width: 1280, height: 900}, phone: {width: 390, height: 844}};

export async function launch() {
  const flags = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'];
  if (process.getuid() === 0) flags.push('--no-sandbox');
  return chromium.launch({executablePath: '/usr/bin/chromium', args: flags});
}

// Opens a file. `page.complaints` are what the console, the page or the network said that they
// should not have.
export async function open(browser, file, {size = 'desktop', scheme = 'light'} = {}) {
  const page = await browser.newPage({viewport: sizes[size], colorScheme: scheme, hasTouch: size === 'phone'});
  const url = pathToFileURL(file).href;
  page.complaints = [];
  page.on('console', (message) => page.complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => page.complaints.push(`error: ${error.stack}`));
  page.on('dialog', (dialog) => { page.complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => {
    if (request.url().split('#')[0] !== url) page.complaints.push(`request: ${request.url()}`);
  });
  page.setDefaultTimeout(60000);
  await page.goto(url);
  return page;
}

// Until something holds in the page, looking at each frame. (Playwright's waitForFunction looks again
// with eval(), which the policy of our pages forbids: it only works where nothing has to be waited for.)
export async function until(page, holds, value) {
  const end = Date.now() + 60000;
  while (!await page.evaluate(holds, value)) {
    assert.ok(Date.now() < end, `this never held: ${holds}`);
    await page.evaluate(() => new Promise((seen) => { requestAnimationFrame(() => seen()); }));
  }
}

export async function close(page) {
  assert.deepEqual(page.complaints, []);
  await page.close();
}

// No violation that axe-core calls serious, or worse.
export async function judge(page) {
  await page.evaluate(axe);
  const {violations, passes} = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
  const serious = violations.filter(({impact}) => impact === 'serious' || impact === 'critical')
    .map(({id, nodes}) => `${id}: ${nodes.map(({target, failureSummary}) => `${target} ${failureSummary}`).join('; ')}`);
  assert.deepEqual(serious, []);
  assert.ok(passes.length > 10, 'axe-core found nothing to look at');
}

// Runs the tests one after the other, tells how each ended, and ends the process.
export async function run(tests) {
  let failed = 0;
  for (const [name, test] of tests) {
    const start = Date.now();
    try {
      await test();
      console.log(`ok      ${name} (${Date.now() - start} ms)`);
    } catch (error) {
      ++failed;
      console.log(`FAILED  ${name}\n${error.stack}`);
    }
  }
  console.log(`${tests.length - failed} of ${tests.length} passed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
