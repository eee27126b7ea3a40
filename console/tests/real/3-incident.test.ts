// A whole incident on the real program, as people go through it. After each word: the journal holds it, and the page shows it.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASE, PHONE, PROTOCOL, api, drill, line, launch, open, portcullis, serious, settled, signInByLink, signInByWallet, told, wider, type Visitor } from './kit';

interface StepLine { id: string; status: string; approvals: string[]; doneBy: string | null; note: string }
interface Runs { offered: { id: string }[]; runs: { run: number; id: string; over: boolean; steps: StepLine[] }[] }
interface CaseNow { stage: string; severity: string | null; acknowledged: boolean; allowed: string[] }

let browser: Browser;
let ada: Visitor;
let ben: Visitor;
let cleo: Visitor;
const at = (view: string) => `${drill.url}/case/${CASE}?view=${view}`;
const theCase = () => api<CaseNow>(`cases/${CASE}`);
const theStep = async (id: string): Promise<StepLine> => {
  const { runs } = await api<Runs>(`cases/${CASE}/playbooks`);
  const step = runs[0]?.steps.find((one) => one.id === id);
  if (!step) throw new Error(`there is no step ${id}`);
  return step;
};
/** A card by the id of its heading. */
const card = (page: Page, id: string): Locator => page.locator(`section[aria-labelledby="${id}"]`);
const stepOf = (page: Page, id: string): Locator => page.locator(`[data-step="${id}"]`);
async function go(page: Page, url: string): Promise<void> { await page.goto(url); await settled(page); }
/** Everything in the page that has a button stands for a word; its dialog goes away once the program has taken it. */
async function answered(page: Page): Promise<void> { await page.getByRole('dialog').waitFor({ state: 'detached' }); }

beforeAll(async () => {
  browser = await launch();
  const person = (name: 'ada' | 'ben' | 'cleo') => open(browser, drill.url, {}, drill.people[name].key);
  [ada, ben, cleo] = [await person('ada'), await person('ben'), await person('cleo')];
});
afterAll(async () => { await browser?.close(); });

describe('a visitor with the link', () => {
  it('reads, and may not speak for a person', async () => {
    const { page, context, problems } = await open(browser, drill.url);
    await signInByLink(page, drill.link);
    // The token is not left in the address, where a screenshot or a history would keep it.
    expect(page.url()).not.toContain('token');
    await page.waitForURL(`${drill.url}/`);
    await page.getByRole('link', { name: 'Go to the war room' }).click();
    await settled(page);
    expect(new URL(page.url()).pathname).toBe(`/case/${CASE}`);
    expect(await page.locator('h1').innerText()).toMatch(/320,000 RUSD/);
    const session = await page.evaluate(async () => (await fetch('/api/v1/session')).json() as Promise<{ name: string }>);
    expect(session.name).toBe('visitor');
    expect(problems).toEqual([]);
    await context.close();
  });
});

describe('the first minutes', () => {
  it('signs in with Ethereum: what is signed is shown first', async () => {
    for (const [who, name] of [[ada, 'ada'], [ben, 'ben'], [cleo, 'cleo']] as const) {
      await signInByWallet(who.page, drill.url, `/case/${CASE}`);
      await who.page.waitForURL(`**/case/${CASE}`);
      expect(await who.page.locator('.who').innerText()).toContain(name);
      expect(who.wallet?.asked.map(({ method }) => method)).toContain('personal_sign');
    }
  });

  it('acknowledges by keyboard alone', async () => {
    const { page } = ada;
    await go(page, `${drill.url}/`);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/case/${CASE}`);
    await settled(page);
    await page.locator('#next').getByRole('button', { name: 'Acknowledge' }).waitFor();
    await page.keyboard.press('n');
    await page.keyboard.press('Enter');
    await page.getByText(/^✓ acknowledged$/).first().waitFor();
    expect((await theCase()).acknowledged).toBe(true);
    expect(told().life.acknowledged).toBe(true);
    line(/acknowledge/, 'ada');
    // Somebody else sees it without doing anything.
    await ben.page.getByText(/^✓ acknowledged$/).first().waitFor();
  });

  it('declares a grade', async () => {
    const { page } = ada;
    await go(page, at('now'));
    await page.getByRole('button', { name: 'Declare', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('#f-severity').selectOption('P1');
    await dialog.getByRole('button', { name: 'Declare' }).click();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('f-why');
    await dialog.getByLabel('Why this grade').fill('Funds left in two blocks, and the price that is believed can be moved again.');
    expect(await serious(page, 'the declare dialog')).toEqual([]);
    await dialog.getByRole('button', { name: 'Declare' }).click();
    await answered(page);
    await page.locator('.casehero .sev-p1:not(.suggested)').waitFor();
    expect((await theCase()).severity).toBe('P1');
    expect(told().life.severity).toBe('P1');
    line(/declare/, 'the price that is believed');
  });
});

describe('the playbook', () => {
  it('is offered and started by the commander', async () => {
    const { page } = ada;
    await go(page, at('now'));
    await page.locator('#next').getByText('The market is being borrowed empty').waitFor();
    await page.locator('#next').getByRole('link', { name: 'Start it …' }).click();
    await card(page, 'offered').locator('li').filter({ hasText: 'market-is-drained' }).getByRole('button', { name: 'Start it …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Start it' }).click();
    await answered(page);
    await stepOf(page, 'take-command').getByText('to be done').waitFor();
    const { runs } = await api<Runs>(`cases/${CASE}/playbooks`);
    expect(runs.map(({ id }) => id)).toEqual(['market-is-drained']);
    expect(told().playbooks).toHaveLength(1);
  });

  it('a checklist is done by keyboard alone', async () => {
    const { page } = ada;
    await go(page, at('now'));
    await page.locator('#next').getByText('One person leads, and says so').waitFor();
    await page.keyboard.press('n');
    await page.keyboard.press('Enter');
    // The step that is meant has the focus; its boxes and buttons come next.
    await page.waitForFunction(() => document.activeElement?.getAttribute('data-step') === 'take-command');
    const focused = () => page.evaluate(() => { const one = document.activeElement; return `${one?.tagName} ${(one as HTMLInputElement)?.type ?? ''} ${one?.textContent ?? ''}`; });
    let ticked = 0;
    let steps = 0;
    for (; !/^BUTTON .*Done …/.test(await focused()); steps += 1) {
      expect(steps, 'the button can be reached with Tab').toBeLessThan(20);
      await page.keyboard.press('Tab');
      if ((await focused()).startsWith('INPUT checkbox')) { await page.keyboard.press('Space'); ticked += 1; }
    }
    expect(ticked).toBe(3);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    // What is to be written has the focus already.
    await page.waitForFunction(() => document.activeElement?.id === 'ask');
    await page.keyboard.type('ada leads, ben reads the attack, cleo looks after the market');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await answered(page);
    await stepOf(page, 'take-command').getByText(/^✓ done$/).waitFor();
    expect(await theStep('take-command')).toMatchObject({ status: 'done', doneBy: 'ada' });
    line(/./, 'ben reads the attack');
  });

  it('another person does another step, and what is missing is said', async () => {
    const { page } = ben;
    await go(page, at('playbook'));
    await stepOf(page, 'read-the-attack').getByRole('button', { name: 'Could not be done …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Could not be done' }).click();
    await page.getByText('Please fill this in.').waitFor();
    await page.keyboard.press('Escape');
    await answered(page);
    await stepOf(page, 'read-the-attack').getByRole('button', { name: 'Done …', exact: true }).click();
    await page.getByRole('dialog').locator('#ask').fill('borrow() believes the pair; one other market asks nobody');
    await page.getByRole('dialog').getByRole('button', { name: 'Done', exact: true }).click();
    await answered(page);
    await stepOf(page, 'read-the-attack').getByText(/^✓ done$/).waitFor();
    expect(await theStep('read-the-attack')).toMatchObject({ status: 'done', doneBy: 'ben' });
    line(/./, 'borrow() believes the pair');
  });

  it('agreeing to what pulls a lever is a signature of two people, never a click', async () => {
    for (const [who, name, count] of [[ada, 'ada', 1], [cleo, 'cleo', 2]] as const) {
      const { page, wallet } = who;
      await go(page, at('playbook'));
      await stepOf(page, 'agree-to-stop').getByRole('button', { name: 'Agree (sign) …' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('You agree to the step “agree-to-stop” of the playbook “market-is-drained”').waitFor();
      await dialog.getByText('Hashes, to compare').click();
      await dialog.getByText('hash that is signed').waitFor();
      expect(await serious(page, 'the signing dialog')).toEqual([]);
      if (count === 1) {
        // A click is refused by the program, whoever's session it is.
        const run = (await api<Runs>(`cases/${CASE}/playbooks`)).runs[0]?.run;
        const refused = await page.evaluate(async ([path]) => {
          const { csrf } = await (await fetch('/api/v1/session')).json() as { csrf: string };
          return (await fetch(`/api/v1/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-csrf-token': csrf }, body: JSON.stringify({ do: 'approve', text: '' }) })).status;
        }, [`cases/${CASE}/playbooks/${run}/steps/agree-to-stop`]);
        expect(refused).toBe(400);
        expect((await theStep('agree-to-stop')).approvals).toEqual([]);
      }
      await dialog.getByRole('button', { name: 'Sign with the wallet' }).click();
      await dialog.getByText('Your signature was taken.').waitFor();
      await dialog.getByRole('button', { name: 'Done', exact: true }).click();
      await answered(page);
      const signed = wallet?.asked.filter(({ method }) => method === 'eth_signTypedData_v4') ?? [];
      expect(signed).toHaveLength(1);
      expect(JSON.parse(signed[0]?.params[1] ?? '{}')).toMatchObject({ primaryType: 'StepApproval', message: { case: CASE, step: 'agree-to-stop', lever: 'pause-market' } });
      // What is read follows what is written by a moment.
      await expect.poll(async () => (await theStep('agree-to-stop')).approvals.length).toBe(count);
      line(/./, name);
    }
    await stepOf(cleo.page, 'agree-to-stop').getByText(/^✓ done$/).waitFor();
  });

  it('finds by itself that the market is paused already, and looks at the chain', async () => {
    await stepOf(cleo.page, 'stop-borrowing').getByText(/^✓ done$/).waitFor({ timeout: 30_000 });
    expect((await theStep('stop-borrowing')).note).toMatch(/holds since block/);
  });

  it('is carried to its end', async () => {
    const { page } = ada;
    await go(page, at('playbook'));
    await stepOf(page, 'first-words').getByText('We have stopped the market').waitFor();
    await stepOf(page, 'first-words').getByRole('button', { name: 'Done …', exact: true }).click();
    await page.getByRole('dialog').locator('#ask').fill('said on the status page and in the forum');
    await page.getByRole('dialog').getByRole('button', { name: 'Done', exact: true }).click();
    await answered(page);
    await page.getByText('5 of 5 steps are over').waitFor();
    const { runs } = await api<Runs>(`cases/${CASE}/playbooks`);
    expect(runs[0]?.over).toBe(true);
  });
});

describe('the record', () => {
  it('takes a note, however hostile, and a correction of it', async () => {
    const { page } = ben;
    await go(page, at('notes'));
    const words = 'Seen on the pair: <img src=x onerror=alert(1)> \u202Etxt';
    await page.getByLabel('A note under your name').fill(words);
    await page.getByRole('button', { name: 'Write it down' }).click();
    await card(page, 'notes').getByText('Seen on the pair').last().waitFor();
    const { seq } = line(/note/, 'Seen on the pair: <img src=x');
    await page.goto(at('timeline'));
    await page.locator('#filter').fill('Seen on the pair');
    await page.locator('.feed article').first().getByRole('button', { name: `More about entry ${seq}` }).click();
    await page.getByRole('button', { name: 'Correct it …' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.locator('#f-entry').inputValue()).toBe(String(seq));
    await dialog.locator('textarea').fill('it was seen in the trace, not on the pair');
    await dialog.getByRole('button', { name: /^Correct/ }).click();
    await answered(page);
    line(/note/, 'it was seen in the trace');
  });

  it('keeps a file, and gives back the same bytes', async () => {
    const { page } = ben;
    await go(page, at('notes'));
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31) % 251));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await page.getByLabel('A file, at most 10 MiB').setInputFiles({ name: 'trace <b>.bin', mimeType: 'application/octet-stream', buffer: bytes });
    await page.getByLabel('What it shows').fill('The trace of the first strike');
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.locator('.answer').getByText('Kept and journaled: ').waitFor();
    const link = page.getByRole('link', { name: 'trace <b>.bin' });
    await link.waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    const got = readFileSync(await download.path());
    expect(createHash('sha256').update(got).digest('hex')).toBe(sha256);
    line(/./, sha256.slice(0, 16));
  });

  it('says when it began, what was blocked, what came back', async () => {
    const { page } = ben;
    await go(page, at('notes'));
    const say = async (label: string, fields: Record<string, string>) => {
      await card(page, 'notes').getByRole('button', { name: `${label} …` }).click();
      for (const [name, value] of Object.entries(fields)) await page.locator(`#f-${name}`).fill(value);
      await page.getByRole('dialog').locator('button[type=submit]').click();
      await answered(page);
    };
    const opened = (await api<{ openedAt: number }>(`cases/${CASE}`)).openedAt;
    await say('When it began', { at: new Date(opened - 1_000).toISOString().slice(0, 19), how: 'the block of the first strike' });
    await say('Funds came back', { amount: '1250.5', how: 'a white hat' });
    expect((await api<{ numbers: { mttd: number | null } }>(`cases/${CASE}`)).numbers.mttd).not.toBeNull();
    line(/note/, 'the block of the first strike');
    line(/note/, 'a white hat');
  });

  it('gives a role', async () => {
    const { page } = ada;
    await go(page, at('people'));
    const scribe = card(page, 'role-scribe');
    await scribe.getByRole('button', { name: 'I take it …' }).click();
    expect(await page.locator('#f-to').inputValue()).toBe('ada');
    await page.getByRole('dialog').locator('button[type=submit]').click();
    await answered(page);
    await scribe.getByText('ada').waitFor();
    line(/note/, 'scribe: ada');
  });
});

describe('the end of it', () => {
  const WORDS: Record<string, Record<string, string>> = {
    contain: { how: 'the market is paused by the program' }, contained: { how: 'paused() is true and nothing left since' }, recover: { plan: 'price from a feed, then unpause' },
    resolve: { summary: 'Two strikes of twelve came through.', early: 'It is a drill.' }, review: { report: 'docs/reviews/drill.md' },
  };
  it('goes through its stages to the review; a refused word says what is allowed', async () => {
    const { page } = ada;
    await go(page, at('now'));
    const walked: string[] = [];
    for (const verb of ['contain', 'contained', 'investigate', 'recover', 'monitor', 'resolve', 'review']) {
      const before = await theCase();
      if (!before.allowed.includes(verb)) continue;
      await page.locator('[aria-labelledby=n-say]').getByRole('button', { name: new RegExp(`^${verb}( again)?$`, 'i') }).click();
      for (const [name, value] of Object.entries(WORDS[verb] ?? {})) await page.locator(`#f-${name}`).fill(value);
      await page.getByRole('dialog').locator('button[type=submit]').click();
      await answered(page);
      await expect.poll(async () => (await theCase()).stage).not.toBe(before.stage);
      walked.push((await theCase()).stage);
      const words = walked.at(-1) ?? '';
      await page.locator('.casehero .herotop strong').filter({ hasText: new RegExp(words, 'i') }).waitFor();
      if (WORDS[verb]) line(new RegExp(verb), Object.values(WORDS[verb])[0] ?? '');
    }
    expect(walked.slice(-4)).toEqual(['recovering', 'monitoring', 'resolved', 'reviewed']);
    const told409 = await page.evaluate(async (id) => {
      const { csrf } = await (await fetch('/api/v1/session')).json() as { csrf: string };
      const answer = await fetch(`/api/v1/cases/${id}/commands`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-csrf-token': csrf }, body: JSON.stringify({ command: { command: 'monitor' } }) });
      return { status: answer.status, body: await answer.json() as { error: { message: string; remedy: string } } };
    }, CASE);
    expect(told409.status).toBe(409);
    expect(told409.body.error.remedy).not.toBe('');
  });

  it('a public word is released where the program has that route', async ({ skip }) => {
    const route = await fetch(`${drill.url}/api/v1/cases/${CASE}/status`, { headers: { authorization: `Bearer ${drill.token}` } });
    const { page } = ada;
    await go(page, at('report'));
    if (route.status === 404) {
      expect(await page.locator('#public').count()).toBe(0);
      skip('this program has no route `status` yet: the page offers nothing');
    }
    expect((await route.json() as { released: unknown }).released).toBeNull();
    await page.getByText('Nothing was said in public yet.').waitFor();
    const words = 'We stopped the market. Nothing is asked of you. We speak again at noon.';
    await page.locator('#public-text').fill(words);
    await page.getByRole('button', { name: 'Release to the public …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Release it' }).click();
    await answered(page);
    await page.locator('.note').getByText(words).waitFor();
    // A token's session speaks for nobody.
    const visitor = await open(browser, drill.url);
    await signInByLink(visitor.page, drill.link);
    await go(visitor.page, at('report'));
    await visitor.page.locator('.note').getByText(words).waitFor();
    expect(await visitor.page.locator('#public-text').count()).toBe(0);
    await visitor.context.close();
    const after = await api<{ released: { text: string; who: string } | null }>(`cases/${CASE}/status`);
    expect(after.released).toMatchObject({ text: words, who: 'ada' });
    line(/./, 'We stopped the market. Nothing is asked of you.');
  });

  it('hands out the post-mortem as Markdown, HTML and JSON', async () => {
    const { page } = ada;
    await go(page, at('report'));
    const save = async (name: string): Promise<[string, string]> => {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name, exact: true }).click()]);
      return [download.suggestedFilename(), readFileSync(await download.path(), 'utf8')];
    };
    const [mdName, md] = await save('Markdown');
    expect(mdName).toBe(`${CASE}-postmortem.md`);
    expect(md).toMatch(new RegExp(`^# Post-mortem of ${CASE}`));
    for (const words of ['P1', 'pause-market', 'market-is-drained', 'a white hat']) expect(md).toContain(words);
    expect(md).not.toContain('<img');
    const [, html] = await save('HTML');
    expect(html).toMatch(/<h1/i);
    expect(html).not.toMatch(/<img|<script/i);
    const [, json] = await save('JSON');
    expect(JSON.stringify(JSON.parse(json))).toContain(CASE);
  });

  it('hands out a bundle that others can check', async () => {
    const { page } = ada;
    await go(page, at('report'));
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download the bundle' }).click()]);
    const file = join(drill.place, 'case.tar');
    await download.saveAs(file);
    const checked = JSON.parse(portcullis(['case', 'verify', file, '--json'])) as { verified: boolean; bundle: { manifest: { case: string; head: string; last: number; files: unknown[] } } };
    expect(checked.verified).toBe(true);
    expect(checked.bundle.manifest.case).toBe(CASE);
    expect(JSON.stringify(checked.bundle.manifest.files)).toContain('evidence');
    // The head is one that the journal has, told by another way than the file.
    const { last, head } = checked.bundle.manifest;
    const { items } = await api<{ items: { seq: number; hash: string }[] }>(`journal?after=${last - 1}&limit=1`);
    expect(items[0]?.hash).toBe(head);
    portcullis(['case', 'verify', file, '--expect-head', head]);
    portcullis(['case', 'verify', file, '--expect-head', `0x${'11'.repeat(32)}`], { status: 1 });
  });

  it('the journal is whole, and the audit names who did it', async () => {
    const { page } = ada;
    await go(page, `${drill.url}/journal`);
    await page.getByRole('button', { name: 'Verify it now' }).click();
    await page.getByText(/✓ Whole$/).waitFor({ timeout: 30_000 });
    expect((JSON.parse(portcullis(['journal', 'verify', '--json', '--journal', drill.journal])) as { verified?: boolean; ok?: boolean })).toBeTruthy();
    await page.getByRole('link', { name: 'Who did what' }).click();
    await settled(page);
    const audit = await page.locator('table').innerText();
    for (const name of ['ada', 'ben', 'cleo']) expect(audit).toContain(name);
    expect(audit).toContain('refused');
  });

  it('is in the list of closed cases, and its drill in the list of drills', async () => {
    const { page } = ada;
    await go(page, `${drill.url}/cases`);
    await page.getByText('No case is open.').waitFor();
    await page.getByRole('button', { name: 'Closed' }).click();
    await page.getByRole('link', { name: new RegExp(CASE) }).waitFor();
    await go(page, `${drill.url}/drills`);
    await page.getByText('lending-spot-oracle').waitFor();
    await go(page, `${drill.url}/protocol/${PROTOCOL}`);
    await page.locator('table').getByText('pause-market').first().waitFor();
  });

  it('reads well afterwards on a phone, and nothing went wrong in any page', async () => {
    const phone = await open(browser, drill.url, { viewport: PHONE, colorScheme: 'dark' });
    await signInByLink(phone.page, drill.link);
    const found: string[] = [];
    for (const view of ['now', 'playbook', 'notes', 'people', 'report']) {
      await go(phone.page, at(view));
      const over = await wider(phone.page);
      if (over > 0) found.push(`${view}: ${over} px wider than the phone`);
      found.push(...(await serious(phone.page, view)));
    }
    expect(found).toEqual([]);
    for (const { problems, foreign } of [ada, ben, cleo, phone]) { expect(problems).toEqual([]); expect(foreign).toEqual([]); }
    await phone.context.close();
  }, 120_000);
});
