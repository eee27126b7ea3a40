// Where the program may not act alone: guardians read what they sign in the console, sign with their wallets, and the
// program pulls the lever, on the chain.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
// @ts-expect-error -- plain JavaScript, so that node runs it without a build
import { ROOT, startDrill } from './drill.mjs';
import { drill as first, launch, open, portcullis, serious, settled, signInByWallet } from './kit';
import type { Drilled } from './setup';

/** Enough for some strikes of the twelve; block 20 of the play is the first of the attack. */
const BLOCKS = '26';

interface Asked { lever: string; kind: string; quorum: number; missing: number; signed: { name: string | null }[] }
let browser: Browser;
let drill: Drilled & { end: () => Promise<number | null> };
let place: string;
beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'portcullis-guardians-'));
  const scenario = join(place, 'lending-spot-oracle');
  cpSync(join(ROOT as string, 'scenarios/lending-spot-oracle'), scenario, { recursive: true });
  const file = join(scenario, 'portcullis.yaml');
  const guardians = `      autonomy: signature\n      guardians: {addresses: ["${first.people.ada.address}", "${first.people.ben.address}"], signatures: 2, ratifySeconds: 60}\n`;
  const changed = readFileSync(file, 'utf8').replace('      autonomy: act\n', guardians);
  if (!changed.includes('autonomy: signature')) throw new Error(`${file} has another policy than this test knows`);
  writeFileSync(file, changed);
  drill = await (startDrill as (options: object) => Promise<typeof drill>)({ scenario, more: ['--blocks', BLOCKS] });
  browser = await launch();
});
afterAll(async () => { await browser?.close(); await drill?.end(); if (place) rmSync(place, { recursive: true, force: true }); });

const api = async <Answer>(path: string): Promise<Answer> => (await (await fetch(`${drill.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${drill.token}` } })).json()) as Answer;

it('two guardians sign in the console, and the market is paused', async () => {
  const [line] = (await api<{ items: { id: string; phase: string }[] }>('cases')).items;
  expect(line?.phase, 'nothing is pulled unattended').toBe('open');
  const id = line?.id ?? '';
  const asked = async () => (await api<{ items: Asked[] }>(`cases/${id}/approvals`)).items.find(({ lever, kind }) => lever === 'pause-market' && kind === 'pull');
  expect(await asked()).toMatchObject({ quorum: 2, missing: 2 });
  for (const [name, missing] of [['ada', 1], ['ben', 0]] as const) {
    const { page, context, problems, wallet } = await open(browser, drill.url, {}, drill.people[name].key);
    await signInByWallet(page, drill.url, `/case/${id}`);
    const acknowledge = page.locator('#next').getByRole('button', { name: 'Acknowledge' });
    await page.locator('#next').waitFor();
    if (await acknowledge.count()) await acknowledge.click();
    await page.locator('#next').getByRole('link', { name: 'Look and sign' }).click();
    await settled(page);
    await page.getByRole('button', { name: 'See what is signed …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('You agree that the lever “pause-market” of lending-market on chain 31337 is pulled.').waitFor();
    expect(await serious(page, 'what guardians sign')).toEqual([]);
    await dialog.getByRole('button', { name: 'Sign with the wallet' }).click();
    await dialog.getByText('Your signature was taken.').waitFor();
    await dialog.getByRole('button', { name: 'Done', exact: true }).click();
    if (missing > 0) {
      await expect.poll(async () => (await asked())?.missing).toBe(missing);
      await page.getByText('1 of 2').waitFor();
      // The same guardian again: the program says no, and the page says why.
      await page.getByRole('button', { name: 'See what is signed …' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Sign with the wallet' }).click();
      await page.getByText('signed this already').first().waitFor();
    } else {
      // Pulled, mined and looked at: the page says so by itself.
      await page.goto(`${drill.url}/case/${id}`);
      await page.locator('.leverline').getByText('held').waitFor({ timeout: 30_000 });
    }
    expect(wallet?.asked.filter(({ method }) => method === 'eth_signTypedData_v4').length).toBe(missing > 0 ? 2 : 1);
    expect(problems).toEqual([]);
    await context.close();
  }
  const shown = JSON.parse(portcullis(['case', 'show', id, '--json', '--journal', drill.journal])) as { phase: string; timeline: { what: string; text: string }[] };
  expect(shown.phase).toBe('contained');
  expect(shown.timeline.filter(({ what }) => what === 'signed for').length).toBe(2);
}, 120_000);

it('once it holds nobody is asked any more', async () => {
  const [line] = (await api<{ items: { id: string }[] }>('cases')).items;
  const { items } = await api<{ items: Asked[] }>(`cases/${line?.id}/approvals`);
  expect(items.filter(({ kind }) => kind === 'pull')).toEqual([]);
});
