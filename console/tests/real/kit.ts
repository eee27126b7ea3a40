// What the tests against the real program share: a browser, somebody signed in, and the record as the program tells it.

import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { inject } from 'vitest';
// @ts-expect-error -- plain JavaScript, so that node runs it without a build
import { addWallet } from '../e2e/wallet.mjs';
// @ts-expect-error -- likewise
import { portcullis as run } from './drill.mjs';
import type { Drilled } from './setup';

export const portcullis = run as (args: string[], options?: { status?: number }) => string;
export const drill: Drilled = inject('drill');
export const CASE = drill.caseId;
export const PROTOCOL = 'lending-market';
export const VIEWS = ['now', 'timeline', 'attack', 'decision', 'playbook', 'approvals', 'notes', 'people', 'report'] as const;
export const PAGES = ['/', '/cases', ...VIEWS.map((view) => `/case/${CASE}?view=${view}`), '/protocols', `/protocol/${PROTOCOL}`, '/rules', '/reports', '/drills', '/channels', '/journal', '/audit', '/sign-in', '/case/PC-999999', '/nowhere'];
export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const TYPES: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
/** While the pages are being worked on: those of console/dist in place of the ones in the binary. Never for figures. */
async function ownPages(context: BrowserContext): Promise<void> {
  if (!process.env['CONSOLE_DIST']) return;
  await context.route((url) => !/^\/(api|health|metrics)(\/|$)/.test(url.pathname), async (route) => {
    const { pathname } = new URL(route.request().url());
    const ending = extname(pathname);
    await route.fulfill({ body: readFileSync(join(DIST, ending in TYPES ? pathname : 'index.html')), contentType: TYPES[ending] ?? 'text/html; charset=utf-8' });
  });
}

export interface Visitor { context: BrowserContext; page: Page; problems: string[]; foreign: string[]; wallet: { asked: { method: string; params: string[] }[] } | null }

/** A browser window; `key` puts a wallet into it. Whatever goes wrong in the page is kept. */
export async function open(browser: Browser, base: string, options: BrowserContextOptions = {}, key?: string): Promise<Visitor> {
  const context = await browser.newContext({ viewport: DESKTOP, acceptDownloads: true, ...options });
  await ownPages(context);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const problems: string[] = [];
  const foreign: string[] = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  // A refusal is an answer; so are `Not here`, and `sign in` before anybody has.
  page.on('console', (line) => { if (line.type() === 'error' && !/status of (400|401|404|409)/.test(line.text())) problems.push(line.text()); });
  page.on('request', (request) => { if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url())) foreign.push(request.url()); });
  page.on('dialog', (dialog) => { problems.push(`a dialog opened: ${dialog.message()}`); void dialog.dismiss(); });
  const wallet = key ? await addWallet(page, key) as Visitor['wallet'] : null;
  return { context, page, problems, foreign, wallet };
}

export async function signInByWallet(page: Page, base: string, to = '/'): Promise<void> {
  await page.goto(`${base}/sign-in?to=${encodeURIComponent(to)}`);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByText('wants you to sign in with your Ethereum account').waitFor();
  await page.getByRole('button', { name: 'Sign with the wallet' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

export async function signInByLink(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** There is a heading, and nothing is being looked up any more. */
export const settled = (page: Page): Promise<unknown> => page.waitForFunction(() => document.querySelector('h1') !== null && !document.querySelector('.loading'));

export async function serious(page: Page, where: string): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact ?? '')).map((one) => `${where}: ${one.id}: ${one.nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary?.slice(0, 200) ?? ''}`).join(' | ')}`);
}

export { isBusy } from '../busy';

export const wider = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** What the API says, asked beside the browser by the visitor's token. */
export async function api<Answer>(path: string): Promise<Answer> {
  const answer = await fetch(`${drill.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${drill.token}` } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json() as Promise<Answer>;
}

export interface Told { timeline: { seq: number; what: string; text: string }[]; life: { stage: unknown; severity: string | null; acknowledged: boolean }; playbooks: unknown[] }
/** The case as the journal alone tells it: `case show` folds the file and asks no running program. */
export const told = (): Told => JSON.parse(portcullis(['case', 'show', CASE, '--json', '--journal', drill.journal])) as Told;

/** The line of the record that somebody's word became; it has to be there. */
export function line(what: RegExp, text: string): { seq: number; what: string; text: string } {
  const all = told().timeline;
  const found = all.findLast((one) => what.test(one.what) && one.text.includes(text));
  if (!found) throw new Error(`no line ${String(what)} “${text}” in the journal; the newest: ${JSON.stringify(all.slice(-6))}`);
  return found;
}
