// A case with 10,000 entries is there in less than a second, and only what can be seen is in the page.

import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
// @ts-expect-error -- plain JavaScript, so that node runs it without a build
import { startFixture } from '../fixture/server.mjs';
// @ts-expect-error -- likewise
import { WALLET_KEY, addWallet, signIn } from './wallet.mjs';

const REAL = process.env['CONSOLE_URL'];
const CASE = process.env['CONSOLE_LONG_CASE'] ?? (REAL ? '' : 'PC-010000');
const LOAD_MS_MAX = 1_000;
const NODES_MAX = 3_000;

let browser: Browser;
let fixture: { url: string; close: () => Promise<void> } | null = null;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium' });
  if (!REAL) fixture = await startFixture();
}, 60_000);
afterAll(async () => { await browser?.close(); await fixture?.close(); });

it.skipIf(CASE === '')(`shows a case of 10,000 entries within ${LOAD_MS_MAX} ms`, async () => {
  const base = REAL ?? fixture!.url;
  const page = await browser.newPage();
  await addWallet(page, process.env['CONSOLE_KEY'] ?? WALLET_KEY);
  await signIn(page, base);
  const firsts: number[] = [];
  const wholes: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    await page.goto('about:blank');
    await page.goto(`${base}/case/${CASE}?view=timeline`, { waitUntil: 'commit' });
    await page.locator('.feed article').first().waitFor();
    firsts.push(await page.evaluate(() => performance.now()));
    await page.waitForFunction(() => /^[\d,]+ entr(y|ies)$/.test(document.querySelector('.view [role=status]')?.textContent ?? ''), undefined, { timeout: 10_000 });
    wholes.push(await page.evaluate(() => performance.now()));
  }
  const count = await page.locator('.view [role=status]').innerText();
  const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  process.stdout.write(`first entries after ${firsts.map(Math.round).join(', ')} ms; all (${count}) after ${wholes.map(Math.round).join(', ')} ms; ${nodes} elements\n`);
  const median = (all: number[]) => [...all].sort((a, b) => a - b)[2] ?? Infinity;
  expect(median(firsts)).toBeLessThan(LOAD_MS_MAX);
  expect(median(wholes)).toBeLessThan(LOAD_MS_MAX);
  expect(nodes).toBeLessThan(NODES_MAX);
  // Scrolling to the far end shows what is there.
  await page.locator('.feed article').first().focus();
  await page.keyboard.press('End');
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-posinset') === document.activeElement?.getAttribute('aria-setsize'));
  await page.close();
}, 60_000);
