// Pictures of every page of a real drill, light and dark, on a desktop and on a phone, for eyes:
//   node tests/real/shots.mjs FOLDER [only,these,pages]
// CONSOLE_DIST=1 shows console/dist in place of the pages in the binary.

import { mkdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { addWallet } from '../e2e/wallet.mjs';
import { startDrill } from './drill.mjs';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const folder = process.argv[2] ?? 'shots';
const only = process.argv[3]?.split(',');
await mkdir(folder, { recursive: true });
const drill = process.env.CONSOLE_DRILL ? { ...JSON.parse(process.env.CONSOLE_DRILL), end: async () => undefined } : await startDrill();
const { url, caseId, people } = drill;
const VIEWS = ['now', 'timeline', 'attack', 'decision', 'playbook', 'approvals', 'notes', 'people', 'report'];
const PAGES = { overview: '/', cases: '/cases', ...Object.fromEntries(VIEWS.map((view) => [view, `/case/${caseId}?view=${view}`])), protocols: '/protocols', protocol: '/protocol/lending-market', rules: '/rules', reports: '/reports', drills: '/drills', journal: '/journal', channels: '/channels', audit: '/audit', you: '/sign-in', missing: '/case/PC-999999', nowhere: '/nowhere' };
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

async function window(name, options) {
  const context = await browser.newContext(options);
  if (process.env.CONSOLE_DIST) await context.route((one) => !/^\/(api|health|metrics)(\/|$)/.test(one.pathname), async (route) => {
    const { pathname } = new URL(route.request().url());
    await route.fulfill({ body: await readFile(join(DIST, extname(pathname) in TYPES ? pathname : 'index.html')), contentType: TYPES[extname(pathname)] ?? 'text/html; charset=utf-8' });
  });
  const page = await context.newPage();
  page.on('console', (line) => { if (['error', 'warning'].includes(line.type())) console.log(line.text().slice(0, 300)); });
  page.on('pageerror', (error) => console.log('page error', error.message));
  if (name) await addWallet(page, people[name].key);
  return { context, page };
}
async function signIn(page) {
  await page.goto(`${url}/sign-in`);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('button', { name: 'Sign with the wallet' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}
const LOOKS = Object.entries({ desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } }).flatMap(([size, viewport]) => ['light', 'dark'].map((colorScheme) => ({ look: `${size}-${colorScheme}`, options: { viewport, colorScheme } })));
async function pictures(prefix, names) {
  for (const { look, options } of LOOKS) {
    const { context, page } = await window('ada', options);
    await signIn(page);
    for (const name of names) {
      if (only && !only.includes(name)) continue;
      await page.goto(url + PAGES[name]);
      await page.waitForTimeout(700);
      await page.screenshot({ path: join(folder, `${prefix}${name}-${look}.png`), fullPage: !['timeline', 'journal'].includes(name) });
    }
    await context.close();
  }
}

// As a visitor finds it, then with people at work.
for (const { look, options } of LOOKS) {
  if (only && !only.includes('sign-in')) break;
  const { context, page } = await window('ada', options);
  await page.goto(`${url}/sign-in`);
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(folder, `sign-in-${look}.png`), fullPage: true });
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(folder, `sign-in-text-${look}.png`), fullPage: true });
  await context.close();
}
await pictures('first-', ['overview', 'now', 'playbook', 'report']);
{
  const { context, page } = await window('ada', {});
  await signIn(page);
  await page.evaluate(async (id) => {
    const { csrf } = await (await fetch('/api/v1/session')).json();
    const post = async (path, body) => { const answer = await fetch(`/api/v1/cases/${id}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-csrf-token': csrf }, body: JSON.stringify(body) }); return answer.json(); };
    await post('commands', { command: { command: 'acknowledge' } });
    await post('commands', { command: { command: 'declare', severity: 'P1', why: 'Funds left in two blocks.' } });
    const { seq } = await post('playbooks', { playbook: 'market-is-drained' });
    await post(`playbooks/${seq}/steps/take-command`, { do: 'done', text: 'ada leads, ben reads, cleo has the market' });
    await post('commands', { command: { command: 'note', text: 'The pair moved by a factor of sixteen inside one transaction. The market reads the spot price.' } });
    const form = new FormData();
    form.append('name', 'strike.json'); form.append('note', 'The trace of the first strike'); form.append('file', new File(['{}'.repeat(900)], 'strike.json'));
    await fetch(`/api/v1/cases/${id}/evidence`, { method: 'POST', headers: { 'x-csrf-token': csrf }, body: form });
  }, caseId).catch((error) => console.log(String(error)));
  await context.close();
}
await pictures('', Object.keys(PAGES));
for (const { look, options } of LOOKS) {
  if (only && !only.includes('sign')) break;
  const { context, page } = await window('cleo', options);
  await signIn(page);
  await page.goto(`${url}/case/${caseId}?view=playbook`);
  await page.getByRole('button', { name: 'Agree (sign) …' }).click();
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(folder, `sign-${look}.png`) });
  await context.close();
}
await browser.close();
await drill.end();
