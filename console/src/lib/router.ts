// Addresses are plain paths, so that a link in a page at night leads to the place it means.

import { Cell } from './cell';

export interface Place { path: string; query: URLSearchParams; hash: string }
const read = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search), hash: location.hash });
export const place = new Cell<Place>(typeof location === 'undefined' ? { path: '/', query: new URLSearchParams(), hash: '' } : read());

/** Where to sign in, and to come back from to where one is. */
export function signInAt({ path, query, hash }: Place): string {
  const here = path === '/sign-in' ? (query.get('to') ?? '/') : `${path}${query.size > 0 ? `?${query.toString()}` : ''}${hash}`;
  return here === '/' ? '/sign-in' : `/sign-in?to=${encodeURIComponent(here)}`;
}

export function go(to: string, options: { isReplace?: boolean } = {}): void {
  if (options.isReplace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  const before = place.get().path;
  place.set(read());
  if (place.get().path !== before) {
    scrollTo(0, 0);
    // The new page's heading is read out, and Tab goes on from there.
    requestAnimationFrame(() => document.querySelector<HTMLElement>('#main')?.focus({ preventScroll: true }));
  }
}

/** Links work as links (new tab, copy); a plain click stays in the page. */
export function startRouter(): void {
  addEventListener('popstate', () => place.set(read()));
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    const to = new URL(link.href);
    if (to.pathname.startsWith('/api/') || (to.hash && to.pathname === location.pathname && to.search === location.search)) return;
    event.preventDefault();
    go(to.pathname + to.search + to.hash);
  });
}

/** `/case/PC-000042` as `['case', 'PC-000042']`; a segment that cannot be decoded stays as it is. */
export const segments = (path: string): string[] =>
  path.split('/').filter(Boolean).map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
