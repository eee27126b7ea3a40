// What is around every page: where one is, whether the news are live, who one is, the theme, and the shortcuts.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { downSince, record, send, session, shutOut } from '../api/client';
import { stream } from '../api/stream';
import { Cell, remembered, useCell } from '../lib/cell';
import { go, place, segments, signInAt } from '../lib/router';
import { visible } from '../lib/text';
import { zone } from '../lib/time';
import { Alarm } from './alarm';
import { announce } from './announce';
import { Ago, T, Time } from './basics';
import { Dialog } from './dialog';

export type Theme = 'system' | 'dark' | 'light';
export const theme = new Cell<Theme>('system');
export function startSettings(): void {
  theme.watch((value) => { if (value === 'system') delete document.documentElement.dataset['theme']; else document.documentElement.dataset['theme'] = value; });
  remembered('portcullis.theme', theme, ['system', 'dark', 'light']);
  remembered('portcullis.zone', zone, ['UTC', 'local']);
}

const PAGES: [string, string, string][] = [
  ['/', 'Overview', 'o'], ['/cases', 'Cases', 'c'], ['/protocols', 'Protocols', 'p'], ['/rules', 'Rules', 'u'], ['/reports', 'Reports', 'r'],
  ['/drills', 'Drills', 'd'], ['/channels', 'Channels', 'h'], ['/journal', 'Journal', 'j'],
];

export const help = new Cell(false);
/** Shortcuts of the page that is shown, besides those everywhere. */
export const pageKeys = new Cell<{ key: string; words: string; run: () => void }[]>([]);

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && !!target.closest('input,textarea,select,[contenteditable],dialog[open]');
}

function useShortcuts(): void {
  useEffect(() => {
    let isGoing = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (isGoing) {
        isGoing = false;
        clearTimeout(timer);
        const page = PAGES.find(([, , key]) => key === event.key);
        if (page) { event.preventDefault(); go(page[0]); }
        return;
      }
      if (event.key === 'g') { isGoing = true; timer = setTimeout(() => { isGoing = false; }, 1_500); return; }
      if (event.key === '?') { event.preventDefault(); help.set(!help.get()); return; }
      if (event.key === 't') { turnTheme(); return; }
      if ((event.key === 'j' || event.key === 'k') && !(event.target as Element).closest?.('.feed,.tree')) {
        const lines = [...document.querySelectorAll<HTMLElement>('.caseline')];
        const at = lines.indexOf(document.activeElement as HTMLElement);
        lines[Math.max(0, Math.min(lines.length - 1, event.key === 'j' ? at + 1 : at - 1))]?.focus();
        return;
      }
      const own = pageKeys.get().find(({ key }) => key === event.key);
      if (own) { event.preventDefault(); own.run(); }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

function turnTheme(): void {
  const next: Record<Theme, Theme> = { system: 'dark', dark: 'light', light: 'system' };
  theme.set(next[theme.get()]);
  announce(`Theme: ${theme.get()}`);
}

function Help() {
  const own = useCell(pageKeys);
  return (
    <Dialog title="Keyboard" onClose={() => help.set(false)}>
      <dl class="keys">
        {own.map(({ key, words }) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{words}</dd></div>)}
        {PAGES.map(([path, name, key]) => <div key={path}><dt><kbd>g</kbd> <kbd>{key}</kbd></dt><dd>{name}</dd></div>)}
        <div><dt><kbd>j</kbd> <kbd>k</kbd> or <kbd>↓</kbd> <kbd>↑</kbd></dt><dd>Next and previous in a list</dd></div>
        <div><dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>Close and open a branch of the call tree</dd></div>
        <div><dt><kbd>t</kbd></dt><dd>Theme: system, dark, light</dd></div>
        <div><dt><kbd>Esc</kbd></dt><dd>Close a dialog; what you wrote is kept</dd></div>
        <div><dt><kbd>?</kbd></dt><dd>These shortcuts</dd></div>
      </dl>
    </Dialog>
  );
}

function Liveness() {
  const { state, since, why } = useCell(stream);
  const down = useCell(downSince);
  const isRecord = useCell(record);
  const isShutOut = useCell(shutOut);
  useEffect(() => { if (down !== null) announce('The program cannot be reached. What you see is old.', true); }, [down === null]);
  if (down !== null) return <span class="live bad" role="status"><span aria-hidden="true">✕ </span>Cut off <Ago at={down} /></span>;
  // Nothing is wrong with the program: nobody is signed in.
  if (isShutOut) return <span class="live" role="status"><span aria-hidden="true">○ </span>Not signed in</span>;
  if (isRecord) return <span class="live" role="status"><span aria-hidden="true">■ </span>Record</span>;
  if (state === 'live') return <span class="live good" role="status"><span aria-hidden="true">● </span>Live</span>;
  if (state === 'connecting') return <span class="live" role="status"><span aria-hidden="true">○ </span>Connecting</span>;
  return <span class="live warn" role="status" title={visible(why)}><span aria-hidden="true">! </span>Not live <Ago at={since} /></span>;
}

function Outage() {
  const { state, since, why } = useCell(stream);
  const down = useCell(downSince);
  const isRecord = useCell(record);
  const isShutOut = useCell(shutOut);
  if (down !== null) {
    return <div class="outage bad" role="status"><strong>Cut off since <Time at={down} />.</strong> The program cannot be reached from here. What you see is what was known then; detection and containment may go on without this page. <span class="dim">On its machine: <code>portcullis case list</code>.</span></div>;
  }
  // Of a record there are no news.
  if (state === 'down' && !isShutOut && !isRecord) {
    return <div class="outage warn" role="status"><strong>No live news since <Time at={since} />.</strong> The page asks every five seconds instead. {visible(why)}.</div>;
  }
  if (isRecord) {
    return <div class="outage info" role="status"><strong>This is a record.</strong> Nobody writes to this journal any more: what you see is what was, and orders are not taken.</div>;
  }
  return null;
}

function Who() {
  const who = useCell(session);
  const here = useCell(place);
  if (!who) return null;
  if (!who.signedIn) return <a class="button small" href={signInAt(here)}>Sign in</a>;
  const leave = () => { void send('DELETE', '/session').then(() => session.set({ ...who, signedIn: false, name: null, csrf: null })).catch(() => announce('Could not sign out: the program cannot be reached.', true)); };
  return <span class="who"><a href="/sign-in" title={`${who.access ?? ''}${who.roles.length ? `: ${who.roles.join(', ')}` : ''}`}><T s={who.name} max={24} /></a> <button type="button" class="plain small" onClick={leave}>Sign out</button></span>;
}

export function Shell({ children }: { children: ComponentChildren }) {
  useShortcuts();
  const { path } = useCell(place);
  const isHelp = useCell(help);
  const where = useCell(zone);
  const look = useCell(theme);
  const [isOpen, open] = useState(false);
  const top = useRef<HTMLElement>(null);
  // What sticks below the header has to know how high it is; it grows when there is an alarm.
  useEffect(() => {
    const element = top.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => document.documentElement.style.setProperty('--top', `${element.offsetHeight}px`));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => open(false), [path]);
  const first = segments(path)[0] ?? '';
  const isAt = (page: string) => (page === '/' ? first === '' : `/${first}` === page || `/${first}s` === page);
  return (
    <>
      <header class="top" ref={top}>
        <a class="brand" href="/" aria-label="Portcullis, overview"><img src="/favicon.svg" alt="" width="22" height="22" /> <span>Portcullis</span></a>
        <button type="button" class="plain menu" aria-expanded={isOpen} aria-controls="nav" onClick={() => open(!isOpen)}>Menu</button>
        <nav id="nav" class={isOpen ? 'open' : ''} aria-label="Pages">
          {PAGES.map(([page, name]) => <a key={page} href={page} aria-current={isAt(page) ? 'page' : undefined}>{name}</a>)}
        </nav>
        <div class="topend">
          <Liveness />
          <button type="button" class="plain small" aria-label={`Times are ${where}. Change`} onClick={() => zone.set(where === 'UTC' ? 'local' : 'UTC')}>{where}</button>
          <button type="button" class="plain small wideonly" aria-label={`Theme: ${look}. Change`} onClick={turnTheme}>{look === 'system' ? '◐' : look === 'dark' ? '●' : '○'}</button>
          <button type="button" class="plain small wideonly" aria-label="Keyboard shortcuts" onClick={() => help.set(true)}>?</button>
          <Who />
        </div>
        <Alarm />
      </header>
      <Outage />
      <main id="main" tabIndex={-1}>{children}</main>
      {isHelp && <Help />}
    </>
  );
}
