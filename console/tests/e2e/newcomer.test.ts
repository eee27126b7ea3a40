// What somebody stumbled over who saw the console for the first time. On the fixture alone: it has a record, a lever that
// people let go, a case nobody has graded and a public word that nobody can read.

import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error -- plain JavaScript, so that node runs it without a build
import { startFixture } from '../fixture/server.mjs';
// @ts-expect-error -- likewise
import { SECOND_KEY, WALLET_KEY, addWallet, signIn } from './wallet.mjs';

const CASE = 'PC-000012';
let browser: Browser;
let fixture: { url: string; close: () => Promise<void> };
let page: Page;
beforeAll(async () => { browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium' }); }, 60_000);
afterAll(async () => { await browser?.close(); });
afterEach(async () => { await page.context().close(); await fixture.close(); });

async function begin(options: Record<string, unknown> = {}, key: string | null = WALLET_KEY): Promise<void> {
  fixture = await startFixture(options);
  page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await addWallet(page, key ?? WALLET_KEY);
  if (key) await signIn(page, fixture.url);
}
const go = async (path: string): Promise<void> => { await page.goto(fixture.url + path); await page.waitForFunction(() => document.querySelector('h1') !== null && !document.querySelector('.loading')); };

describe.skipIf(process.env['CONSOLE_URL'])('what is next', () => {
  it('is not over while a lever is held that people let go', async () => {
    await begin();
    await go('/case/PC-000044');
    await page.locator('#next').getByText('pause-market is still held: people let it go once the fault is mended.').waitFor();
    await page.locator('#next').getByText('Once that is done: say that it is over.').waitFor();
    await page.locator('.leverline').getByText(/^people let it go; its time ends in 00:4\d:\d\d$/).waitFor();
    await page.locator('#next').getByRole('button', { name: 'Resolve …' }).click();
    await page.getByRole('dialog').getByText('pause-market is still held').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.locator('[aria-labelledby=n-say] button').allInnerTexts()).toContain('Contain again');
  }, 30_000);

  it('is the grade, before the playbook', async () => {
    await begin();
    await go('/case/PC-010000');
    await page.locator('#next').waitFor();
    await page.locator('#next').getByText('A price is wrong').waitFor();
    expect(await page.locator('#next').innerText()).toMatch(/Say which grade it has.*Then start the playbook.*A price is wrong/s);
    await page.locator('#next').getByRole('button', { name: 'Declare …' }).click();
    await page.getByLabel('Why this grade').fill('It is not known how far it goes.');
    await page.getByRole('dialog').getByRole('button', { name: 'Declare' }).click();
    await page.locator('#next').getByRole('link', { name: 'Start it …' }).click();
    await page.getByRole('button', { name: 'Start it …' }).waitFor();
  }, 30_000);
});

describe.skipIf(process.env['CONSOLE_URL'])('a record', () => {
  it('says everywhere that it is one, and takes no order', async () => {
    await begin({ isRecord: true });
    await go('/');
    await page.getByText(/■ Record$/).waitFor();
    await page.getByText('Not now: this is a record').waitFor();
    await page.getByText('The brakes, as of the record’s end').waitFor();
    expect(await page.getByText(/● Live$/).count()).toBe(0);
    for (const view of ['now', 'playbook', 'approvals', 'notes', 'people', 'report']) {
      await go(`/case/${CASE}?view=${view}`);
      await page.getByText('Nobody writes to this journal any more').waitFor();
      const buttons = await page.locator('main button').allInnerTexts();
      expect(buttons.filter((name) => /^(Done|Skip|Agree|See what is signed|Start it|Write it down|Keep it|Give|I take it|Yes, I am here|Release|Declare|Acknowledge)/.test(name)), view).toEqual([]);
      expect(await page.locator('#next').count()).toBe(0);
    }
    await page.keyboard.press('w');
    expect(await page.getByRole('dialog').count()).toBe(0);
  }, 60_000);
});

describe.skipIf(process.env['CONSOLE_URL'])('forms', () => {
  it('when it began is chosen from the transactions of the case, and is never after it was seen', async () => {
    await begin();
    await go(`/case/${CASE}?view=notes`);
    await page.getByRole('button', { name: 'When it began …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await dialog.getByLabel('A transaction of this case').selectOption({ index: 1 });
    expect(await dialog.locator('#f-at').inputValue()).toMatch(/^20\d\d-\d\d-\d\dT/);
    expect(await dialog.locator('#f-how').inputValue()).toMatch(/^0x[0-9a-f]{64}$/);
    for (const [at, why] of [['2100-01-01T00:00:00', 'That is in the future'], [new Date(Date.now() - 60_000).toISOString().slice(0, 19), 'the attack began before it was seen']] as const) {
      await dialog.getByLabel('Time of the attack’s first transaction (UTC)').fill(at);
      await dialog.getByRole('button', { name: 'When it began' }).click();
      await dialog.getByText(why).waitFor();
    }
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Users kept waiting …' }).click();
    await dialog.getByLabel('Lever', { exact: true }).waitFor();
    // The one that is held is chosen already.
    expect(await dialog.getByLabel('Lever', { exact: true }).inputValue()).toBe('limit-outflow');
    expect(await dialog.getByLabel('Lever', { exact: true }).locator('option').allInnerTexts()).toEqual(['Choose …', 'limit-outflow', 'pause-market']);
  }, 30_000);

  it('a step with boxes is not done while one is open, unless somebody says why', async () => {
    await begin();
    await go(`/case/${CASE}?view=playbook`);
    const step = page.locator('[data-step=read-the-attack]');
    for (const index of [0, 1]) await step.getByRole('checkbox').nth(index).check();
    await step.getByRole('button', { name: 'Done …', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    expect(await dialog.locator('.notice li').allInnerTexts()).toEqual(['Every other contract with the same code or the same allowance']);
    await dialog.getByRole('button', { name: 'Done', exact: true }).click();
    await dialog.getByText('Please fill this in.').waitFor();
    await dialog.locator('#ask').fill('there is one contract only');
    await dialog.getByRole('button', { name: 'Done', exact: true }).click();
    await step.getByText('not ticked: Every other contract with the same code or the same allowance; there is one contract only').waitFor();
  }, 30_000);

  it('a public word that nobody can read is called that, before and in the question', async () => {
    await begin();
    await go(`/case/${CASE}?view=report`);
    await page.getByText('Nobody can read it yet: no channel for the public is configured').waitFor();
    await page.getByRole('button', { name: 'Release to the public …' }).click();
    await page.getByRole('dialog').getByText('Nobody can read it yet:').waitFor();
  }, 30_000);

  it('a role is said yes to where it is given', async () => {
    await begin({}, SECOND_KEY);
    await go(`/case/${CASE}?view=people`);
    await page.getByText('has not said yes').waitFor();
    await page.getByRole('button', { name: 'Yes, I am here' }).click();
    await page.getByText('has not said yes').waitFor({ state: 'detached' });
    expect(await page.getByRole('button', { name: 'Yes, I am here' }).count()).toBe(0);
  }, 30_000);
});

describe.skipIf(process.env['CONSOLE_URL'])('who is not signed in', () => {
  it('asks the program for nothing more, and comes back to where they were', async () => {
    await begin({ mustSignIn: true }, null);
    await page.goto(`${fixture.url}/case/${CASE}?view=decision`);
    await page.getByText(/○ Not signed in$/).waitFor();
    await page.waitForTimeout(2_500);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.waitForTimeout(6_000);
    expect(asked).toEqual([]);
    await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('button', { name: 'Sign with the wallet' }).click();
    await page.waitForURL(`**/case/${CASE}?view=decision`);
    await page.getByText('The newest decision').waitFor();
    await page.getByText(/● Live$/).waitFor();
  }, 40_000);
});
