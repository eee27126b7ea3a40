// Screenshots of every page, dark and light, desktop and phone, for eyes. CONSOLE_URL names a running program; without it
// the fixture is shown. `node tests/shots.mjs [folder] [only these pages]`

import { mkdir } from 'node:fs/promises';
import { chromium } from 'playwright-core';
import { startFixture } from './fixture/server.mjs';
import { WALLET_KEY, addWallet, signIn } from './e2e/wallet.mjs';

const folder = process.argv[2] ?? 'shots';
const only = process.argv[3]?.split(',');
const fixture = process.env.CONSOLE_URL ? null : await startFixture();
const base = process.env.CONSOLE_URL ?? fixture.url;
const id = process.env.CONSOLE_CASE ?? 'PC-000012';
const protocol = process.env.CONSOLE_PROTOCOL ?? 'lending';
const PAGES = { overview: '/', cases: '/cases', now: `/case/${id}`, timeline: `/case/${id}?view=timeline`, attack: `/case/${id}?view=attack`, decision: `/case/${id}?view=decision`, playbook: `/case/${id}?view=playbook`, approvals: `/case/${id}?view=approvals`, notes: `/case/${id}?view=notes`, people: `/case/${id}?view=people`, report: `/case/${id}?view=report`, protocols: '/protocols', protocol: `/protocol/${protocol}`, rules: '/rules', reports: '/reports', drills: '/drills', journal: '/journal', channels: '/channels', audit: '/audit', 'sign-in': '/sign-in', missing: '/case/PC-999999' };
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' });
for (const [size, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } })) {
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 1 });
    const tab = await context.newPage();
    tab.on('console', (line) => { if (['error', 'warning'].includes(line.type())) console.log(size, colorScheme, line.text().slice(0, 300)); });
    tab.on('pageerror', (error) => console.log('page error', error.message));
    await addWallet(tab, process.env.CONSOLE_KEY ?? WALLET_KEY);
    if (process.env.CONSOLE_SIGN_IN !== 'no') await signIn(tab, base);
    for (const [name, path] of Object.entries(PAGES)) {
      if (only && !only.includes(name)) continue;
      await tab.goto(base + path);
      await tab.waitForTimeout(450);
      await tab.screenshot({ path: `${folder}/${name}-${size}-${colorScheme}.png`, fullPage: !['timeline', 'journal'].includes(name) });
    }
    await context.close();
  }
}
await browser.close();
await fixture?.close();
