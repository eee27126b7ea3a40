// Lists by cursor. Oldest first: page by page until the end, then only the last page again when there is news. Newest
// first: from the top until something known comes; or all of it, where entries change after they were written.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { useCell } from '../lib/cell';
import { now } from '../lib/time';
import { Refused, Unreachable, get, session, shutOut } from './client';
import { onNews, stream } from './stream';
import type { ChangeNews, Ms, Page } from './types';

/** Entries asked for at once: the most that the API gives. */
const LIMIT = 500;
/** Most entries that a page of the browser holds. A case has at most 50,000. */
export const HELD_MAX = 60_000;
const GATHER_MS = 250;
const POLL_MS = 5_000;
/** Least time between two drawings of a list that is still being read, milliseconds. */
const DRAW_MS = 300;

/** How the API orders the list: `changing` is newest first, of entries that change. */
export type Order = 'oldest' | 'newest' | 'changing';

export interface Listed<Item> {
  /** Oldest first, however it was read. */
  items: Item[];
  isComplete: boolean;
  isLoading: boolean;
  at: Ms | null;
  error: Refused | Unreachable | null;
  failingSince: Ms | null;
  again: () => void;
}

/** Joins a page to what is there: the cursor may give an entry twice, and an entry may have been filled in since. */
export function join<Item>(into: Map<string, Item>, page: readonly Item[], keyOf: (item: Item) => string): number {
  let fresh = 0;
  for (const item of page) {
    const key = keyOf(item);
    if (!into.has(key)) fresh += 1;
    into.set(key, item);
  }
  return fresh;
}

export function useList<Item>(path: string | null, keyOf: (item: Item) => string, isNews: (news: ChangeNews) => boolean = () => false, order: Order = 'oldest', first: string | null = null): Listed<Item> {
  type State = Omit<Listed<Item>, 'again'>;
  const empty: State = { items: [], isComplete: false, isLoading: true, at: null, error: null, failingSince: null };
  const [state, set] = useState<State>(empty);
  const { state: streamState } = useCell(stream);
  const who = useCell(session);
  const held = useRef({ path, known: new Map<string, Item>(), cursor: null as string | null, isWhole: false, isBusy: false, isWanted: false });
  const asks = useRef({ isNews, keyOf });
  asks.current = { isNews, keyOf };

  const look = useCallback(() => {
    const mine = held.current;
    if (path === null || mine.path !== path) return;
    if (mine.isBusy) { mine.isWanted = true; return; }
    mine.isBusy = true;
    void (async () => {
      try {
        // What is read now, apart from what was known: new entries go on top of those.
        let drawn = -Infinity;
        const fresh = new Map<string, Item>();
        let cursor = order === 'oldest' || !mine.isWhole ? mine.cursor : null;
        for (;;) {
          const query = `limit=${LIMIT}${cursor === null ? '' : `&after=${encodeURIComponent(cursor)}`}`;
          const page = await get<Page<Item>>(`${path}${path.includes('?') ? '&' : '?'}${query}`);
          if (held.current !== mine) return;
          const isUpdate = order !== 'oldest' && mine.isWhole;
          const isKnown = isUpdate && order === 'newest' && page.items.some((item) => mine.known.has(asks.current.keyOf(item)));
          join(isUpdate ? fresh : mine.known, page.items, asks.current.keyOf);
          const isEnd = page.next === null || page.next === cursor || isKnown || mine.known.size + fresh.size >= HELD_MAX;
          if (isEnd && isUpdate) mine.known = order === 'changing' ? fresh : new Map([...fresh, ...mine.known]);
          // The first page is shown at once; after it not every page is worth drawing everything again.
          if (isEnd || (!isUpdate && performance.now() - drawn > DRAW_MS)) {
            drawn = performance.now();
            const items = [...mine.known.values()];
            set({ items: order === 'oldest' ? items : items.reverse(), isComplete: isEnd, isLoading: !isEnd, at: now(), error: null, failingSince: null });
          }
          if (isEnd) { mine.isWhole = true; break; }
          cursor = String(page.next);
          if (!isUpdate) mine.cursor = cursor;
        }
      } catch (error) {
        if (held.current !== mine) return;
        const known = error instanceof Refused || error instanceof Unreachable ? error : new Unreachable(`the answer could not be read (${String(error)})`);
        set((before) => ({ ...before, isLoading: false, error: known, failingSince: before.failingSince ?? now() }));
      } finally {
        mine.isBusy = false;
        if (mine.isWanted) { mine.isWanted = false; if (held.current === mine) look(); }
      }
    })();
  }, [path, order]);

  useEffect(() => {
    held.current = { path, known: new Map(), cursor: first, isWhole: false, isBusy: false, isWanted: false };
    set(empty);
    look();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `empty` is the same each time
  }, [look, path, first, who?.signedIn]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = onNews((news) => {
      if (news === 'resync' || asks.current.isNews(news)) timer ??= setTimeout(() => { timer = undefined; if (!shutOut.get()) look(); }, GATHER_MS);
    });
    const poll = streamState === 'live' ? undefined : setInterval(() => { if (!shutOut.get()) look(); }, POLL_MS);
    return () => { stop(); clearTimeout(timer); clearInterval(poll); };
  }, [look, streamState]);

  return { ...state, again: look };
}
