// Every page of the real program while a drill's case is open: no error, nothing wider than the screen, in both themes and
// sizes; no serious finding of axe-core in light on a desktop and in dark on a phone (tests/e2e has dark on a desktop).

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CASE, DESKTOP, PAGES, PHONE, drill, launch, open, serious, settled, signInByWallet, wider } from './kit';

let browser: Browser;
beforeAll(async () => { browser = await launch(); });
afterAll(async () => { await browser?.close(); });

const LOOKS = [['desktop', 'light', DESKTOP], ['phone', 'dark', PHONE], ['desktop', 'dark', DESKTOP], ['phone', 'light', PHONE]] as const;

it.each(LOOKS)('every page on a %s in %s', async (_, colorScheme, viewport) => {
  const { page, context, problems, foreign } = await open(browser, drill.url, { viewport, colorScheme, reducedMotion: 'reduce' }, drill.people.ada.key);
  await signInByWallet(page, drill.url);
  const found: string[] = [];
  for (const path of PAGES) {
    await page.goto(drill.url + path);
    await settled(page);
    const over = await wider(page);
    if (over > 0) found.push(`${path}: ${over} px wider than the screen`);
    if ((viewport === DESKTOP) === (colorScheme === 'light')) found.push(...(await serious(page, path)));
  }
  expect(found).toEqual([]);
  expect(problems).toEqual([]);
  expect(foreign).toEqual([]);
  await context.close();
}, 120_000);

it('shows the attack: what called what, by keyboard too, who gained, where the tokens went', async () => {
  const { page, context, problems } = await open(browser, drill.url, {}, drill.people.ben.key);
  await signInByWallet(page, drill.url);
  await page.goto(`${drill.url}/case/${CASE}?view=attack`);
  const tree = page.getByRole('treeitem');
  await tree.first().waitFor();
  const words = await page.locator('#main').innerText();
  for (const name of ['attacker', 'flashLoan', 'onFlashLoan', 'market', 'borrow', 'RUSD']) expect(words).toContain(name);
  const all = await tree.count();
  expect(all).toBeGreaterThan(10);
  await tree.first().focus();
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(() => document.querySelectorAll('[role=treeitem]').length === 1);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => document.activeElement?.getAttribute('data-row') === '1');
  await page.getByText('The same as a table').click();
  await page.goto(`${drill.url}/case/${CASE}?view=decision`);
  await page.getByText('The newest decision').waitFor();
  expect(await page.locator('#main').innerText()).toContain('pause-market');
  expect(problems).toEqual([]);
  await context.close();
});

it('tells a wallet that is in no roster what to do', async () => {
  const { page, context } = await open(browser, drill.url, {}, `0x${'42'.repeat(32)}`);
  await page.goto(`${drill.url}/sign-in`);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('button', { name: 'Sign with the wallet' }).click();
  await page.locator('.answer.bad').waitFor();
  expect(await page.locator('.answer.bad').innerText()).toMatch(/roster/);
  await context.close();
});

it('without signing in nothing of a case is told', async () => {
  for (const path of ['overview', `cases/${CASE}`, `cases/${CASE}/timeline`, `cases/${CASE}/bundle`, `cases/${CASE}/evidence`, 'journal', 'events', 'audit']) {
    expect((await fetch(`${drill.url}/api/v1/${path}`)).status, path).toBe(401);
  }
  const { page, context } = await open(browser, drill.url);
  await page.goto(`${drill.url}/case/${CASE}`);
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).first().waitFor();
  await context.close();
});
