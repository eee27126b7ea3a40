// What a page may cost, measured on the real program over loopback: in Chromium with an empty cache, and with a phone's
// means as Lighthouse takes them (processor four times slower, 150 ms to and fro, 1.6 Mbit/s). The limits of the second
// are where web.dev draws the line for "good".

import type { Browser, CDPSession } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CASE, PHONE, PROTOCOL, drill, isBusy, launch, open, settled, signInByWallet } from './kit';

const RUNS = 3;
/** Everything that goes over the wire for a first visit, compressed, headers included, without the live stream. */
const BYTES_MAX = 150_000;
/** The journal's page shows 500 records, whose hashes do not compress, and reads on while blocks come. */
const JOURNAL_BYTES_MAX = 300_000;
const REQUESTS_MAX = 25;
const LOOPBACK = { dom: 500, load: 800, paint: 1_000, blocked: 200, shift: 0.1 };
const THROTTLED = { dom: 2_000, load: 2_500, paint: 2_500, blocked: 200, shift: 0.1 };
/** Time after the load in which late tasks and shifts are still counted, milliseconds. */
const WATCHED_MS = 1_000;
/** A task longer than this keeps a person waiting (Long Tasks API). */
const LONG_MS = 50;

interface Seen { shift: number; paint: number; blocked: number; element: string }
interface Cost { bytes: number; requests: number; dom: number; load: number; paint: number; blocked: number; shift: number; element: string }

let browser: Browser;
let cookies: Awaited<ReturnType<Awaited<ReturnType<typeof open>>['context']['storageState']>>;
beforeAll(async () => {
  browser = await launch();
  const { page, context } = await open(browser, drill.url, {}, drill.people.ben.key);
  await signInByWallet(page, drill.url);
  cookies = await context.storageState();
  await context.close();
});
afterAll(async () => { await browser?.close(); });

async function count(cdp: CDPSession): Promise<{ bytes: number; requests: number }> {
  const sum = { bytes: 0, requests: 0 };
  await cdp.send('Network.enable');
  cdp.on('Network.requestWillBeSent', ({ request }) => { if (!request.url.startsWith('data:')) sum.requests += 1; });
  cdp.on('Network.loadingFinished', ({ encodedDataLength }) => { sum.bytes += encodedDataLength; });
  return sum;
}

async function visit(path: string, isThrottled: boolean): Promise<Cost> {
  const { page, context, problems } = await open(browser, drill.url, { storageState: cookies, ...(isThrottled ? { viewport: PHONE } : {}) });
  const cdp = await context.newCDPSession(page);
  const sum = await count(cdp);
  if (isThrottled) {
    await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: (1.6 * 1_024 * 1_024) / 8, uploadThroughput: (750 * 1_024) / 8 });
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  }
  await page.addInitScript((long) => {
    const seen = { shift: 0, paint: 0, blocked: 0, element: '' };
    (window as unknown as { seen: typeof seen }).seen = seen;
    const watch = (type: string, each: (entry: PerformanceEntry) => void) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
    watch('layout-shift', (entry) => { const one = entry as PerformanceEntry & { value: number; hadRecentInput: boolean }; if (!one.hadRecentInput) seen.shift += one.value; });
    watch('largest-contentful-paint', (entry) => { seen.paint = entry.startTime; const { element } = entry as PerformanceEntry & { element?: Element }; seen.element = `${element?.tagName ?? ''}.${element?.className ?? ''}`; });
    watch('longtask', (entry) => { seen.blocked += entry.duration - long; });
  }, LONG_MS);
  await page.goto(drill.url + path, { waitUntil: 'load' });
  await settled(page);
  await page.waitForTimeout(WATCHED_MS);
  const { dom, load, ...seen } = await page.evaluate(() => {
    const [entry] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    return { ...(window as unknown as { seen: Seen }).seen, dom: entry?.domContentLoadedEventEnd ?? Infinity, load: entry?.loadEventEnd ?? Infinity };
  });
  expect(problems).toEqual([]);
  await context.close();
  return { ...sum, dom, load, ...seen };
}

const middle = (all: number[]): number => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? Infinity;
const PATHS = ['/', `/case/${CASE}`, `/case/${CASE}?view=attack`, `/protocol/${PROTOCOL}`, '/journal'];

it.each(PATHS.flatMap((path) => [[path, 'loopback', false], [path, 'a slow phone', true]] as const).filter(([path, , isSlow]) => !isSlow || path === '/' || path === `/case/${CASE}`))('%s costs little over %s', async (path, name, isThrottled) => {
  const all: Cost[] = [];
  for (let run = 0; run < RUNS; run += 1) all.push(await visit(path, isThrottled));
  const of = (key: Exclude<keyof Cost, 'element'>) => middle(all.map((one) => one[key]));
  process.stdout.write(`${path}, ${name}: ${of('bytes').toLocaleString('en')} bytes in ${of('requests')} requests, DOMContentLoaded ${Math.round(of('dom'))} ms, load ${Math.round(of('load'))} ms, largest paint ${Math.round(of('paint'))} ms (${all[0]?.element}), blocked ${Math.round(of('blocked'))} ms, shift ${of('shift').toFixed(3)}\n`);
  const limits = isThrottled ? THROTTLED : LOOPBACK;
  expect(of('bytes'), 'bytes over the wire').toBeLessThan(path === '/journal' ? JOURNAL_BYTES_MAX : BYTES_MAX);
  expect(of('requests'), 'requests').toBeLessThan(REQUESTS_MAX);
  expect(of('paint'), 'something was painted').toBeGreaterThan(0);
  expect(of('shift'), 'what jumps').toBeLessThan(limits.shift);
  if (!isBusy()) for (const key of ['dom', 'load', 'paint', 'blocked'] as const) expect(of(key), key).toBeLessThan(limits[key]);
}, 120_000);

it('what is hashed is kept for a year and comes compressed; the page itself is asked for anew', async () => {
  const page = await fetch(drill.url);
  expect(page.headers.get('cache-control')).toMatch(/no-cache/);
  const names = [...(await page.text()).matchAll(/\/assets\/[\w.-]+\.(?:js|css)/g)].map(([name]) => name);
  expect(names.length).toBeGreaterThan(1);
  for (const name of names) {
    const asset = await fetch(drill.url + name, { headers: { 'accept-encoding': 'gzip' } });
    expect(asset.headers.get('cache-control'), name).toMatch(/max-age=31536000.*immutable|immutable.*max-age=31536000/);
    expect(asset.headers.get('content-encoding'), name).toBe('gzip');
  }
});
