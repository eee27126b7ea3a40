// A case of 10,000 entries, served by the real program from a journal: there within a second, and still only what can be
// seen is in the page.

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
// @ts-expect-error -- plain JavaScript, so that node runs it without a build
import { BINARY, pause } from './drill.mjs';
// @ts-expect-error -- likewise
import { lengthen } from './long.mjs';
import { CASE, drill, isBusy, launch, open, portcullis, signInByLink } from './kit';

const ENTRIES = 10_000;
const LOAD_MS_MAX = 1_000;
const NODES_MAX = 3_000;
const RUNS = 5;

let browser: Browser;
let server: ChildProcess;
let place: string;
let url: string;
let link: string;
let records: number;
beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'portcullis-long-'));
  const journal = join(place, 'long.sqlite');
  ({ records } = lengthen({ journal: drill.journal, to: journal, id: CASE, count: ENTRIES }) as { records: number });
  const ready = join(place, 'ready');
  let said = '';
  server = spawn(BINARY as string, ['console', '--json', '--journal', journal, '--listen', '127.0.0.1:0', '--ready-file', ready], { stdio: ['ignore', 'pipe', 'inherit'] });
  server.stdout?.on('data', (bytes: Buffer) => { said += bytes.toString(); });
  while (!existsSync(ready)) { if (server.exitCode !== null) throw new Error(`the console ended with ${server.exitCode}`); await pause(50); }
  url = `http://${readFileSync(ready, 'utf8').trim()}`;
  link = `${url}/sign-in#token=${(JSON.parse(said) as { token: string }).token}`;
  browser = await launch();
}, 120_000);
afterAll(async () => { await browser?.close(); server?.kill('SIGINT'); if (place) rmSync(place, { recursive: true, force: true }); });

it(`opens a case of ${ENTRIES.toLocaleString('en')} entries within ${LOAD_MS_MAX} ms`, async () => {
  const { page, context, problems } = await open(browser, url);
  await signInByLink(page, link);
  // The program has read all of the journal.
  await expect.poll(async () => (await page.evaluate(async () => (await (await fetch('/api/v1/overview')).json()) as { seq: number })).seq, { timeout: 60_000 }).toBe(records);
  const firsts: number[] = [];
  const wholes: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    await page.goto('about:blank');
    await page.goto(`${url}/case/${CASE}?view=timeline`, { waitUntil: 'commit' });
    await page.locator('.feed article').first().waitFor();
    firsts.push(await page.evaluate(() => performance.now()));
    await page.waitForFunction(() => /^[\d,]+ entries$/.test(document.querySelector('.view [role=status]')?.textContent ?? ''));
    wholes.push(await page.evaluate(() => performance.now()));
  }
  const count = Number((await page.locator('.view [role=status]').innerText()).replace(/\D/g, ''));
  const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  process.stdout.write(`${count.toLocaleString('en')} entries: the first after ${firsts.map(Math.round).join(', ')} ms, all after ${wholes.map(Math.round).join(', ')} ms; ${nodes} elements\n`);
  const middle = (all: number[]) => [...all].sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? Infinity;
  expect(count).toBeGreaterThan(ENTRIES);
  if (!isBusy()) {
    expect(middle(firsts)).toBeLessThan(LOAD_MS_MAX);
    expect(middle(wholes)).toBeLessThan(LOAD_MS_MAX);
  }
  expect(nodes).toBeLessThan(NODES_MAX);
  // The newest is on top, the oldest at the far end, and a word among ten thousand is found.
  await page.locator('.feed article').first().focus();
  await page.keyboard.press('End');
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-posinset') === document.activeElement?.getAttribute('aria-setsize'));
  expect(await page.evaluate(() => document.activeElement?.textContent ?? '')).toContain('opened');
  await page.locator('#filter').fill('(7777)');
  await page.waitForFunction(() => document.querySelectorAll('.feed article').length === 1);
  expect(problems).toEqual([]);
  await context.close();
}, 120_000);

it('a record takes no orders, and says so', async () => {
  const { page, context } = await open(browser, url);
  await signInByLink(page, link);
  await page.getByText('This is a record.').waitFor();
  await page.goto(`${url}/case/${CASE}`);
  await page.locator('h1').waitFor();
  expect(await page.getByRole('button', { name: 'Acknowledge' }).count()).toBe(0);
  await context.close();
});

it('the long journal is genuine: its chain holds, and its answers follow from it', () => {
  const told = JSON.parse(portcullis(['journal', 'verify', '--json', '--journal', join(place, 'long.sqlite')])) as { verified: boolean; journal: { records: number } };
  expect(told).toMatchObject({ verified: true, journal: { records } });
}, 120_000);
