// Reports open from disk and show what happened: usage: report_test.mjs LOSSY FOLDER
import assert from 'node:assert/strict';
import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {close, judge, launch, open, run, sizes, until} from './browser.mjs';

const [lossy, folder] = process.argv.slice(2);
const file = (name) => path.join(folder, name);
const json = (...options) => JSON.parse(execFileSync(lossy, [...options, '--json'], {maxBuffer: 1 << 28}));
const browser = await launch();

const network = ['--delay=20ms', '--jitter=6ms', '--drop=8%', '--burst=2', '--duplicate=4%', '--corrupt=3%',
  '--reorder=3%', '--count=300', '--window=6', '--seed=7'];
const report = (name, ...command) => {
  const result = spawnSync(lossy, [...command, `--report=${file(name)}`], {maxBuffer: 1 << 28});
  assert.ok(result.status === 0 || result.status === 1, String(result.stderr));
  return file(name);
};

// The cells of a table's row, by its key.
const cells = (page, key) => page.locator(`tr[data-key="${key}"]`).first().locator('th, td').allTextContents();
const counts = async (page, key) => {
  const row = await cells(page, key);
  return [Number(row[2]), Number(row[4])];
};
const detail = (page) => page.locator('.detail').innerText();
const inView = async (page) => {
  const [shown, all] = (await page.locator('.count').innerText()).match(/[\d,]+/g)
    .map((number) => Number(number.replaceAll(',', '')));
  return {shown, all};
};
const press = async (page, ...keys) => {
  await page.locator('.picture').focus();
  for (const key of keys) await page.keyboard.press(key);
};

const tests = [];
const test = (name, body) => tests.push([name, body]);

test('counts are those of --json for the same seed, in tables and arrows', async () => {
  const said = json('simulate', ...network);
  const page = await open(browser, report('simulate.html', 'simulate', ...network));
  for (const key of ['offered', 'delivered', 'lost', 'duplicated', 'reordered', 'corrupted', 'held_back']) {
    assert.deepEqual(await counts(page, key), [said.uplink[key], said.downlink[key]], key);
    assert.ok(said.uplink[key] > 0, `${key} did not happen`);
  }
  const drawn = await page.evaluate(() => {
    const shown = lossy.decode(JSON.parse(document.getElementById('data').textContent).runs[0]);
    const count = (way, wanted) => d3.range(shown.arrows.length).filter((i) => {
      const {is} = lossy.arrow(shown, i);
      return is.downlink === (way === 1) && wanted(is);
    }).length;
    const runs = lossy.lossRuns(shown);
    return [0, 1].map((way) => ({
      lost: count(way, (is) => is.lost), copies: count(way, (is) => is.copy),
      delivered: count(way, (is) => !is.lost && !is.copy), reordered: count(way, (is) => is.reordered),
      again: count(way, (is) => is.retransmission && !is.copy), inRuns: d3.sum(Array.from(runs[way]), ([length, times]) => length * times),
    }));
  });
  [said.uplink, said.downlink].forEach((link, way) => {
    const {lost, copies, delivered, reordered, inRuns} = drawn[way];
    assert.deepEqual({lost, copies, delivered, reordered, inRuns}, {lost: link.lost, copies: link.duplicated,
      delivered: link.delivered, reordered: link.reordered, inRuns: link.lost});
  });
  assert.equal(drawn[0].again, said.attempts - said.requests);
  assert.match(await page.locator('.facts').innerText(), new RegExp(`${said.greeted} of ${said.requests}`));
  assert.match(await page.locator('#reproduce').innerText(), /simulate .*--seed=7[^]*seed 7/);
  await close(page);
});

test('pointing at an arrow, or the arrow keys, show a datagram', async () => {
  const page = await open(browser, file('simulate.html'));
  const before = await detail(page);
  const box = await page.locator('.picture').boundingBox();
  let hovered = before;
  for (let y = 60; y < box.height && hovered === before; y += 7) {
    await page.mouse.move(box.x + box.width * 0.62, box.y + y);
    hovered = await detail(page);
  }
  assert.notEqual(hovered, before);
  assert.match(hovered, /^(up|down)link\.\d+\n/);
  assert.match(hovered, /\d+ bytes/);
  assert.match(hovered, /0000 {2}[0-9a-f]{2} /);
  assert.match(hovered, /lost|arrived after/);
  await page.mouse.move(0, 0);
  assert.equal(await detail(page), before);
  await press(page, 'Home');
  assert.match(await detail(page), /^uplink\.1\n[^]*"guest-1"/);
  await press(page, 'ArrowDown');
  assert.match(await detail(page), /^uplink\.2\n/);
  assert.match(await page.locator('.ladder ~ [role=status]').innerText(), /^uplink\.2 /);
  await press(page, 'End');
  assert.match(await detail(page), /^(up|down)link\.\d+\n/);
  await close(page);
});

test('the keyboard zooms, and so does a brush', async () => {
  const page = await open(browser, file('simulate.html'));
  await press(page, '0');
  const {shown, all} = await inView(page);
  assert.equal(shown, all);
  await press(page, '+', '+', '+');
  const near = (await inView(page)).shown;
  assert.ok(near < all / 2, `${near} of ${all}`);
  await press(page, 'PageDown', '-');
  assert.ok((await inView(page)).shown > near);
  await press(page, '0');
  await page.locator('.brush').scrollIntoViewIfNeeded();
  const chart = await page.locator('.brush .background').boundingBox();
  await page.mouse.move(chart.x + chart.width * 0.4, chart.y + 50);
  await page.mouse.down();
  await page.mouse.move(chart.x + chart.width * 0.5, chart.y + 60, {steps: 4});
  await page.mouse.up();
  const brushed = (await inView(page)).shown;
  assert.ok(brushed > 0 && brushed < all / 4, `${brushed} of ${all}`);
  await close(page);
});

const ticks = (page) => page.locator('.picture .axis text').allTextContents();

test('the ladder tells no time before the run, fills its room, and makes up no time for a run that took none', async () => {
  const page = await open(browser, file('simulate.html'));
  await press(page, '0', '+', '+', '+', 'Home');
  const told = await ticks(page);
  assert.ok(told.length > 3 && /^0 /.test(told[0]), told.join());
  await page.setViewportSize({width: sizes.desktop.width, height: 640});
  await until(page, () => {
    const picture = document.querySelector('.picture');
    return parseInt(picture.querySelector('canvas').style.height) === picture.clientHeight;
  });
  await close(page);
  const instant = await open(browser, report('instant.html', 'simulate', '--count=1'));
  assert.deepEqual((await ticks(instant)).filter((text) => text.includes('.')), []);
  await close(instant);
});

const hostile = ['<script>alert(1)</script>', '\u001b[31mred\u001b[2J', 'ab\u202egnp.exe', '\u05e9\u05dc\u05d5\u05dd',
  '"><img src=x onerror=alert(2)>', '</script><!--'];

test('names of others are text, whatever is in them', async () => {
  const page = await open(browser, report('hostile.html', 'simulate', ...hostile));
  await page.waitForTimeout(100);
  assert.equal(await page.locator('script').count(), 2);
  assert.equal(await page.locator('img').count(), 0);
  const seen = [];
  await press(page, 'Home');
  for (let i = 0; i < 2 * hostile.length; ++i) {
    seen.push(await detail(page));
    await press(page, 'ArrowDown');
  }
  const all = seen.join('\n');
  for (const shown of ['"<script>alert(1)</script>"', '\\x1b[31mred\\x1b[2J', 'ab\\xe2\\x80\\xaegnp.exe', '\u05e9\u05dc\u05d5\u05dd',
    '"><img src=x onerror=alert(2)>']) {
    assert.ok(all.includes(shown), `${shown} is not in ${all}`);
  }
  const text = await page.locator('body').innerText();
  assert.match(text, /Throughput\s+All of it took no time\./);  // And not so many petabits a second.
  assert.doesNotMatch(all + text, /[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/);
  await close(page);
  // What is put into the page by whatever means does not run.
  const attacked = await open(browser, file('hostile.html'));
  const ran = await attacked.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.body.append(script);
    return window.ran === true;
  });
  assert.equal(ran, false);
  assert.match(attacked.complaints.join(), /Content Security Policy/);
  await attacked.close();
});

// Starts a server, runs `use` with where it is, and ends the server.
const withServer = async (use) => {
  const server = spawn(lossy, ['serve', '--listen=127.0.0.1:0', '--json'], {stdio: ['ignore', 'pipe', 'pipe']});
  try {
    const address = await new Promise((resolve, reject) => {
      let said = '';
      const hear = (bytes) => {
        said += bytes;
        const port = said.match(/127\.0\.0\.1:(\d+)|on (\d+)\.\.\./);
        if (port) resolve(`127.0.0.1:${port[1] || port[2]}`);
      };
      server.stdout.on('data', hear);
      server.stderr.on('data', hear);
      server.on('exit', () => reject(new Error(`the server ended: ${said}`)));
    });
    server.removeAllListeners('exit');
    return use(address);
  } finally {
    server.kill();
  }
};

test('a recording of a proxy is shown as inspect counts it, and the proxy reports the same', async () => {
  await withServer((address) => {
    const result = spawnSync(lossy, ['proxy', `--to=${address}`, '--faults=uplink.2:drop,downlink.2:duplicate',
      '--delay=5ms', `--record=${file('proxy.pcap')}`, `--report=${file('proxy.html')}`, '--', lossy, 'greet', '--to={address}']);
    assert.equal(result.status, 0, String(result.stderr));
  });
  const [said] = json('inspect', file('proxy.pcap')).files;
  const page = await open(browser, report('inspect.html', 'inspect', file('proxy.pcap')));
  for (const key of ['sent', 'arrived', 'lost', 'duplicated', 'loss_periods']) {
    assert.deepEqual(await counts(page, key), [said.uplink[key], said.downlink[key]], key);
  }
  assert.equal(said.uplink.lost, 1);
  assert.match(await page.locator('h1').innerText(), /proxy\.pcap$/);
  assert.deepEqual(await inView(page), {shown: 8, all: 8});  // Four up, three down and a copy.
  await close(page);
  const proxied = await open(browser, file('proxy.html'));
  assert.deepEqual(await counts(proxied, 'offered'), [said.uplink.sent, said.downlink.sent]);
  assert.deepEqual(await counts(proxied, 'lost'), [said.uplink.lost, said.downlink.lost]);
  await close(proxied);
});

test('where a replay differs is told, and chosen', async () => {
  execFileSync(lossy, ['simulate', `--record=${file('changed.pcap')}`]);
  const bytes = readFileSync(file('changed.pcap'));
  const at = bytes.indexOf('Hello, Tracy!');
  writeFileSync(file('changed.pcap'), Buffer.concat([bytes.subarray(0, at), Buffer.from('Hello, Tracx!'),
    bytes.subarray(at + 13)]));
  const page = await open(browser, report('replay.html', 'replay', file('changed.pcap')));
  assert.match(await page.locator('#verdict').innerText(), /^differs\n/i);
  assert.match(await page.locator('#verdict').innerText(), /first difference at offset 11: expected 78 'x', actual 79 'y'/);
  assert.match(await detail(page), /^downlink\.2\n[^]*Hello, Tracx![^]*here the replay differs/);
  await close(page);
});

test('times that no double holds are drawn', async () => {
  const frame = (from, to, payload) => {
    const packet = Buffer.alloc(28 + payload.length);
    packet.write('4500', 'hex');
    packet.writeUInt16BE(packet.length, 2);
    packet.write('4011', 8, 'hex');  // TTL and UDP.
    packet.writeUInt32BE(0xC0000200 + from, 12);
    packet.writeUInt32BE(0xC0000200 + to, 16);
    packet.writeUInt16BE(5000 + from, 20);
    packet.writeUInt16BE(5000 + to, 22);
    packet.writeUInt16BE(8 + payload.length, 24);
    packet.write(payload, 28);
    return packet;
  };
  const record = (seconds, packet) =>
    Buffer.concat([Buffer.from(Uint32Array.of(seconds, 0, packet.length, packet.length).buffer), packet]);
  const header = Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex');  // Raw IP.
  writeFileSync(file('slow.pcap'), Buffer.concat([header, record(0, frame(1, 2, 'ask')),
    record(20_000_001, frame(2, 1, 'answer'))]));
  const page = await open(browser, report('slow.html', 'inspect', file('slow.pcap')));
  const [written, decoded] = await page.evaluate(() => {
    const run = JSON.parse(document.getElementById('data').textContent).runs[0];
    return [run.round_trips, lossy.decode(run).round_trips];
  });
  assert.equal(written.max, '20000001000000000');
  assert.equal(decoded.max, 20000001000000000);
  assert.match(await page.locator('body').innerText(), /1: median 231\.5 days, 99% 231\.5 days\./);
  assert.ok(decoded.edges.every((edge) => typeof edge === 'number' && edge > 2 ** 53), String(decoded.edges));
  await close(page);
});

test('no serious violation of accessibility, at any size, light or dark, and pictures of all', async () => {
  for (const size of Object.keys(sizes)) {
    for (const scheme of ['light', 'dark']) {
      for (const name of ['simulate', 'replay']) {
        const page = await open(browser, file(`${name}.html`), {size, scheme});
        if (name === 'simulate' || size === 'phone') await judge(page);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wider <= 0, `${name} is ${wider} pixels wider than a ${size}`);
        await page.screenshot({path: file(`${name}-${size}-${scheme}.png`), fullPage: true});
        await close(page);
      }
    }
  }
});

test('100,000 datagrams stay usable', async () => {
  const name = report('large.html', 'simulate', '--count=50000', '--interval=100us', '--delay=20ms', '--drop=2%', '--seed=1');
  const start = Date.now();
  const page = await open(browser, name);
  await page.locator('.count').waitFor();
  const loaded = Date.now() - start;
  const {all} = await inView(page);
  assert.ok(all > 100000, `${all}`);
  await press(page, '0');
  assert.equal((await inView(page)).shown, all);
  assert.match(await page.locator('.count').innerText(), /zoom in to see each/);
  const redraw = await page.evaluate(() => {
    const press = (key) => document.querySelector('.picture').dispatchEvent(new KeyboardEvent('keydown', {key}));
    const times = [];
    for (const key of ['0', '+', '+', 'PageDown', '+', 'PageDown', '-', '-', '0']) {
      const before = performance.now();
      press(key);
      times.push(performance.now() - before);
    }
    return {median: d3.median(times), most: d3.max(times)};
  });
  console.log(`        ${all} arrows, ${Math.round(readFileSync(name).length / 1e5) / 10} MB: loaded in ${loaded} ms; ` +
    `redrawn in ${redraw.median.toFixed(0)} ms, at most ${redraw.most.toFixed(0)} ms`);
  await close(page);
});

await run(tests);
await browser.close();
