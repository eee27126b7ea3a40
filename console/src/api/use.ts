// What a page shows of the API: the last answer, how old it is, and why there is no newer one.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { useCell } from '../lib/cell';
import { now } from '../lib/time';
import { Refused, Unreachable, get, session, shutOut } from './client';
import { onNews, stream } from './stream';
import type { ChangeNews, Ms } from './types';

export interface Looked<Value> {
  value: Value | null;
  /** When the value was read. */
  at: Ms | null;
  /** Why the newest look failed. */
  error: Refused | Unreachable | null;
  /** Since when looks fail. */
  failingSince: Ms | null;
  isLoading: boolean;
  again: () => void;
}

/** While the stream is down, and for what it does not tell, one looks again every so often, milliseconds. */
const POLL_DOWN_MS = 5_000;
const POLL_LIVE_MS = 60_000;
/** News within this time lead to one request, milliseconds: a storm of findings must not become a storm of requests. */
const GATHER_MS = 250;

export function useApi<Value>(path: string | null, isNews: (news: ChangeNews) => boolean = () => false): Looked<Value> {
  const [state, set] = useState<Omit<Looked<Value>, 'again'> & { path: string | null }>({ path, value: null, at: null, error: null, failingSince: null, isLoading: path !== null });
  const { state: streamState } = useCell(stream);
  const who = useCell(session);
  const wanted = useRef(path);
  wanted.current = path;
  const under = useRef({ isBusy: false, isWanted: false });
  const asks = useRef(isNews);
  asks.current = isNews;

  const look = useCallback(() => {
    if (path === null) return;
    if (under.current.isBusy) { under.current.isWanted = true; return; }
    const flight = { isBusy: true, isWanted: false };
    under.current = flight;
    void get<Value>(path)
      .then((value) => { if (wanted.current === path) set({ path, value, at: now(), error: null, failingSince: null, isLoading: false }); })
      .catch((error: unknown) => {
        if (wanted.current !== path) return;
        const known = error instanceof Refused || error instanceof Unreachable ? error : new Unreachable(`the answer could not be read (${String(error)})`);
        set((before) => {
          const same = before.path === path;
          return { path, value: same ? before.value : null, at: same ? before.at : null, error: known, failingSince: (same ? before.failingSince : null) ?? now(), isLoading: false };
        });
      })
      .finally(() => {
        flight.isBusy = false;
        if (flight.isWanted && wanted.current === path) look();
      });
  }, [path]);

  useEffect(() => {
    under.current = { isBusy: false, isWanted: false };
    set((before) => (before.path === path ? before : { path, value: null, at: null, error: null, failingSince: null, isLoading: path !== null }));
    look();
  }, [look, path, who?.signedIn]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = onNews((news) => {
      if (news === 'resync' || asks.current(news)) timer ??= setTimeout(() => { timer = undefined; if (!shutOut.get()) look(); }, GATHER_MS);
    });
    return () => { stop(); clearTimeout(timer); };
  }, [look]);

  useEffect(() => {
    const timer = setInterval(() => { if (!shutOut.get()) look(); }, streamState === 'live' ? POLL_LIVE_MS : POLL_DOWN_MS);
    return () => clearInterval(timer);
  }, [look, streamState]);

  const isMine = state.path === path;
  return isMine ? { ...state, again: look } : { value: null, at: null, error: null, failingSince: null, isLoading: true, again: look };
}
