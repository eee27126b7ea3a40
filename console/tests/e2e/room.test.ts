// Every page through a whole incident, with a wallet, in Chromium. With CONSOLE_URL it runs against the real program:
//   CONSOLE_URL=http://127.0.0.1:7711 CONSOLE_CASE=PC-000012 CONSOLE_PROTOCOL=lending CONSOLE_KEY=0x… CONSOLE_LEVER=… npm run e2e
// Without it, against the fixture. What needs a state that only the fixture can make is marked so.

import AxeBuilder from '@axe-core/playwright';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
// @ts-expect-error -- plain JavaScript, so that node runs it without a build
import { startFixture } from '../fixture/server.mjs';
// @ts-expect-error -- likewise
import { SECOND_KEY, WALLET_KEY, addWallet, signIn } from './wallet.mjs';

interface Fixture { url: string; note: (id: string, kind: string, who: string | null, text: string) => number; controls: { isDown: boolean }; close: () => Promise<void>; state: { cases: Map<string, { acknowledged: boolean }> } }
const REAL = process.env['CONSOLE_URL'];
const CASE = process.env['CONSOLE_CASE'] ?? 'PC-000012';
const PROTOCOL = process.env['CONSOLE_PROTOCOL'] ?? 'lending';
/** A console that only reads a record takes no orders. */
const READ_ONLY = !!process.env['CONSOLE_TOKEN'];
const KEY = process.env['CONSOLE_KEY'] ?? WALLET_KEY;
const VIEWS = ['now', 'timeline', 'attack', 'decision', 'playbook', 'approvals', 'notes', 'people', 'report'];
const PAGES = ['/', '/cases', ...VIEWS.map((view) => `/case/${CASE}?view=${view}`), '/protocols', `/protocol/${PROTOCOL}`, '/rules', '/reports', '/drills', '/journal', '/channels', '/audit', '/sign-in', '/case/PC-999999', '/nowhere'];

let browser: Browser;
let fixture: Fixture | null;
let base: string;
let context: BrowserContext;
let page: Page;
let problems: string[];
let foreign: string[];

beforeAll(async () => { browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium' }); }, 60_000);
afterAll(async () => { await browser?.close(); });

async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<void> {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  page = await context.newPage();
  problems = [];
  foreign = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (line) => { if (line.type() === 'error' && !/status of (4\d\d|503)|ERR_CONNECTION|ERR_EMPTY/.test(line.text())) problems.push(line.text()); });
  page.on('request', (request) => { if (!request.url().startsWith(base) && !request.url().startsWith('data:')) foreign.push(request.url()); });
  page.on('dialog', (dialog) => { problems.push(`a dialog opened: ${dialog.message()}`); void dialog.dismiss(); });
}
beforeEach(async () => {
  fixture = REAL ? null : await startFixture();
  base = REAL ?? fixture!.url;
  await open();
}, 30_000);
afterEach(async () => {
  await context.close();
  await fixture?.close();
});

const settled = (): Promise<unknown> => page.waitForFunction(() => document.querySelector('h1') !== null && !document.querySelector('.loading'), undefined, { timeout: 10_000 });

async function serious(where: string): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact ?? '')).map((one) => `${where}: ${one.id}: ${one.nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary?.slice(0, 200) ?? ''}`).join(' | ')}`);
}

describe.each([['desktop', 1280, 800], ['phone', 360, 740]] as const)('%s', (_, width, height) => {
  it.each(['light', 'dark'] as const)('every page in %s: no error, no foreign request, nothing wider than the screen, no serious axe finding', async (colorScheme) => {
    await context.close();
    await open({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
    await addWallet(page, KEY);
    await signIn(page, base);
    const found: string[] = [];
    for (const path of PAGES) {
      await page.goto(base + path);
      await settled();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (overflow > 0) found.push(`${path}: ${overflow} px wider than the screen`);
      // Here in one of the four looks, as it takes seconds a page; tests/real has both themes and both sizes.
      if (width > height && colorScheme === 'dark') found.push(...(await serious(path)));
    }
    expect(found).toEqual([]);
    expect(problems).toEqual([]);
    expect(foreign).toEqual([]);
  }, 240_000);
});

describe('the war room', () => {
  it.skipIf(READ_ONLY)('leads from the overview through an incident: acknowledge, declare, note, evidence, agree, sign, report', async () => {
    const wallet = await addWallet(page, KEY);
    await signIn(page, base);
    // What another program says of itself is on the first page, as text, and leads to the case.
    const alerts = page.locator('section[aria-labelledby="alerts"]');
    await alerts.getByText('BridgeRelayerDown').waitFor();
    expect(await alerts.innerText()).toContain('ten minutes <b>');
    await alerts.getByRole('link', { name: CASE }).click();
    await page.waitForURL(`**/case/${CASE}`);
    await settled();
    if (await page.locator('#next').getByRole('button', { name: 'Acknowledge' }).count()) {
      await page.locator('#next').getByRole('button', { name: 'Acknowledge' }).click();
      await page.getByText(/^✓ acknowledged$/).waitFor();
    }
    const declare = page.getByRole('button', { name: 'Declare', exact: true });
    if (await declare.count()) {
      await declare.click();
      await page.getByRole('dialog').locator('#f-severity').selectOption('P1');
      expect(await serious('the declare dialog')).toEqual([]);
      // Nothing is sent before it is filled in, and the place that is missing gets the focus.
      await page.getByRole('dialog').getByRole('button', { name: 'Declare' }).click();
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('f-why');
      await page.getByLabel('Why this grade').fill('Funds leave in every block.');
      await page.getByRole('dialog').getByRole('button', { name: 'Declare' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.locator('.casehero .sev-p1:not(.suggested)').waitFor();
    }

    await page.goto(`${base}/case/${CASE}?view=notes`);
    const words = `Hostile on purpose ${Date.now()}: <img src=x onerror=alert(1)> \u202Etxt`;
    await page.getByLabel('A note under your name').fill(words);
    await page.getByRole('button', { name: 'Write it down' }).click();
    await page.getByText(`${words.slice(0, 30)}`).first().waitFor();
    expect(await page.getByText('\\u{202e}txt').count()).toBeGreaterThan(0);
    await page.getByLabel('A file, at most 10 MiB').setInputFiles({ name: 'screenshot <b>.png', mimeType: 'image/png', buffer: Buffer.from(`evidence ${Date.now()}`) });
    await page.getByLabel('What it shows').fill('The pool before the attack');
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByText('Kept and journaled').first().waitFor();
    await page.getByRole('link', { name: 'screenshot <b>.png' }).first().waitFor();

    await page.goto(`${base}/case/${CASE}?view=approvals`);
    await settled();
    const see = page.getByRole('button', { name: 'See what is signed …' });
    if (await see.count()) {
      await see.first().click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('You agree that the lever').waitFor();
      expect(await serious('the signing dialog')).toEqual([]);
      await dialog.getByText('Hashes, to compare').click();
      await dialog.getByText('hash that is signed').waitFor();
      const before = wallet.asked.filter(({ method }: { method: string }) => method === 'eth_signTypedData_v4').length;
      await dialog.getByRole('button', { name: 'Sign with the wallet' }).click();
      await dialog.getByText('Your signature was taken.').waitFor();
      const asked = wallet.asked.filter(({ method }: { method: string }) => method === 'eth_signTypedData_v4');
      expect(asked.length).toBe(before + 1);
      expect(JSON.parse(asked.at(-1).params[1]).message.case).toBe(CASE);
      await dialog.getByRole('button', { name: 'Done' }).click();
    } else if (!REAL) throw new Error('the fixture asks for a signature');

    await page.goto(`${base}/case/${CASE}?view=report`);
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Markdown' }).click()]);
    expect(download.suggestedFilename()).toContain(CASE);
    const [bundle] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download the bundle' }).click()]);
    expect(await bundle.failure()).toBeNull();

    await page.goto(`${base}/journal`);
    await page.getByRole('button', { name: 'Verify it now' }).click();
    await page.getByText(/✓ Whole$/).waitFor();
    expect(problems).toEqual([]);
  }, 60_000);

  it('works by keyboard alone: skip link, shortcuts, dialogs, lists, the call tree', async () => {
    await addWallet(page, KEY);
    await signIn(page, base);
    await page.goto(`${base}/case/${CASE}`);
    await settled();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.className)).toBe('skip');
    await page.keyboard.press('Enter');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    if (!READ_ONLY) {
      await page.keyboard.press('w');
      await page.getByRole('dialog', { name: 'Write a note' }).waitFor();
      await page.getByRole('dialog').locator('textarea').fill('half a tho');
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.keyboard.press('w');
      expect(await page.getByRole('dialog').locator('textarea').inputValue()).toBe('half a tho');
      await page.keyboard.press('Escape');
    }
    await page.keyboard.press('2');
    await page.getByRole('feed').waitFor();
    await page.locator('.feed article').first().focus();
    await page.keyboard.press('j');
    await page.waitForFunction(() => document.activeElement?.getAttribute('aria-posinset') === '2');
    await page.keyboard.press('End');
    await page.waitForFunction(() => document.activeElement?.getAttribute('aria-posinset') === document.activeElement?.getAttribute('aria-setsize'));
    await page.keyboard.press('3');
    const item = page.getByRole('treeitem').first();
    if (await item.or(page.getByText('No trace of it is kept')).first().waitFor().then(() => item.count())) {
      await item.focus();
      await page.keyboard.press('ArrowLeft');
      await page.waitForFunction(() => document.querySelectorAll('[role=treeitem]').length === 1);
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowDown');
      await page.waitForFunction(() => document.activeElement?.getAttribute('data-row') === '1');
    }
    await page.keyboard.press('g');
    await page.keyboard.press('j');
    await page.waitForURL('**/journal');
    expect(problems).toEqual([]);
  }, 60_000);

  it.skipIf(REAL)('a declined signature sends nothing, and a stranger’s account is refused before the wallet is asked', async () => {
    const wallet = await addWallet(page, KEY);
    await signIn(page, base);
    await page.goto(`${base}/case/${CASE}?view=approvals`);
    await page.getByRole('button', { name: 'See what is signed …' }).click();
    wallet.refuse = { code: 4001, message: 'User rejected the request.' };
    await page.getByRole('button', { name: 'Sign with the wallet' }).click();
    await page.getByText('you declined it in the wallet').first().waitFor();
    wallet.refuse = null;
    await page.getByRole('button', { name: 'Sign with the wallet' }).click();
    await page.getByText('Your signature was taken.').first().waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByText('1 of 2').waitFor();
    // The same guardian again: the program says no, and the page says why.
    await page.getByRole('button', { name: 'See what is signed …' }).click();
    await page.getByRole('button', { name: 'Sign with the wallet' }).click();
    await page.getByText('has signed this already').first().waitFor();
  }, 30_000);

  it.skipIf(REAL)('two guardians complete it', async () => {
    for (const key of [WALLET_KEY, SECOND_KEY]) {
      await open();
      await addWallet(page, key);
      await signIn(page, base);
      await page.goto(`${base}/case/${CASE}?view=approvals`);
      await page.getByRole('button', { name: 'See what is signed …' }).click();
      await page.getByRole('button', { name: 'Sign with the wallet' }).click();
      await page.getByText('Your signature was taken.').first().waitFor();
      await page.getByRole('button', { name: 'Done' }).click();
    }
    await page.getByText('2 of 2').waitFor();
    expect(await page.getByRole('button', { name: 'See what is signed …' }).count()).toBe(0);
  }, 30_000);
});

describe.skipIf(REAL)('when things go wrong (fixture)', () => {
  it('shows news at once, and does not push away what is read', async () => {
    await page.goto(`${base}/case/PC-010000?view=timeline`);
    await page.getByText('10,000 entries', { exact: true }).waitFor();
    fixture!.note('PC-010000', 'decision', null, 'Brand new entry');
    await page.getByText('Brand new entry').waitFor();
    await page.mouse.wheel(0, 4_000);
    await page.waitForTimeout(200);
    const seen = await page.locator('.feed article').nth(12).innerText();
    fixture!.note('PC-010000', 'decision', null, 'Another new entry');
    await page.getByRole('button', { name: '1 new entry: show' }).waitFor();
    expect(await page.locator('.feed article').nth(12).innerText()).toBe(seen);
    await page.getByRole('button', { name: '1 new entry: show' }).click();
    await page.getByText('Another new entry').waitFor();
  }, 30_000);

  it('says since when it cannot look, keeps what it knows, and recovers', async () => {
    await page.goto(base);
    await page.getByText('Can we see?').waitFor();
    fixture!.controls.isDown = true;
    await fixture!.close().catch(() => undefined);
    await page.getByText(/^Cut off/).first().waitFor({ timeout: 20_000 });
    await page.getByText('Could not look: the overview.').first().waitFor();
    await page.getByText('What you see is from').waitFor();
    expect(await page.getByText('Will the brakes hold?').count()).toBe(1);
    const port = Number(new URL(base).port);
    fixture = await startFixture({ port });
    await page.getByText(/● Live$/).waitFor({ timeout: 20_000 });
    await page.getByText('Could not look: the overview.').waitFor({ state: 'detached' });
  }, 60_000);

  it('a page that never could look says that it knows nothing, not that there is nothing', async () => {
    await page.route('**/api/v1/cases?*', (route) => route.abort());
    await page.goto(`${base}/cases`);
    await page.getByText('which does not mean that there is nothing').waitFor();
    expect(await page.getByText('No case is open.').count()).toBe(0);
  }, 20_000);

  it('asks to sign in where the program wants that, and goes on where one wanted to go', async () => {
    await fixture!.close();
    fixture = await startFixture({ mustSignIn: true });
    base = fixture!.url;
    await addWallet(page, KEY);
    await page.goto(`${base}/case/${CASE}?view=decision`);
    await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('wants you to sign in with your Ethereum account').waitFor();
    await page.getByRole('button', { name: 'Sign with the wallet' }).click();
    await page.waitForURL(`**/case/${CASE}?view=decision`);
    await page.getByText('The newest decision').waitFor();
  }, 30_000);

  it('a wallet that nobody knows is told what to do', async () => {
    await addWallet(page, `0x${'42'.repeat(32)}`);
    await page.goto(`${base}/sign-in`);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('button', { name: 'Sign with the wallet' }).click();
    await page.getByText('this address is in no roster').first().waitFor();
  }, 20_000);

  it('hostile names stay text', async () => {
    await page.goto(`${base}/cases`);
    await page.getByText('gpj.exe').first().waitFor();
    expect(await page.evaluate(() => document.querySelectorAll('main img, main script').length)).toBe(0);
    expect(await page.getByText('\\u{202e}').count()).toBeGreaterThan(0);
    expect(problems).toEqual([]);
  }, 20_000);

  it('a report in its frame runs no script', async () => {
    await page.goto(`${base}/reports?name=2026-10`);
    await page.frameLocator('iframe').getByText('Report').waitFor();
    expect(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked)).toBeUndefined();
  }, 20_000);
});
