// Live news over server-sent events, read with fetch: EventSource hides the heartbeat, and without it a stream that is
// stuck looks like one on which nothing happens.

import { Cell } from '../lib/cell';
import { now } from '../lib/time';
import { loadSession, session, shutOut } from './client';
import type { ChangeNews, Ms } from './types';

/** The program sends a heartbeat every 15 s; two missing ones are an outage. */
const SILENCE_MS = 40_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MOST_MS = 15_000;
/** Longest unfinished event, characters. More is no news of ours. */
const BUFFER_MAX = 1_000_000;

export type StreamState = { state: 'connecting' | 'live' | 'down'; since: Ms; why: string };
export const stream = new Cell<StreamState>({ state: 'connecting', since: now(), why: '' });

export interface SseEvent { event: string; data: string; id: string | null }

/** Parses server-sent events piece by piece (WHATWG HTML §9.2.6). */
export class SseParser {
  #rest = '';
  #event = '';
  #data: string[] = [];
  #id: string | null = null;
  push(chunk: string): SseEvent[] {
    const events: SseEvent[] = [];
    this.#rest += chunk;
    if (this.#rest.length > BUFFER_MAX) throw new Error('an event longer than any of ours');
    for (;;) {
      const end = /\r\n|\n|\r(?=[^\n])/.exec(this.#rest);
      if (!end) return events;
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      if (line === '') {
        if (this.#data.length) events.push({ event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id });
        this.#event = '';
        this.#data = [];
      } else if (!line.startsWith(':')) {
        const colon = line.indexOf(':');
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (field === 'event') this.#event = value;
        else if (field === 'data') this.#data.push(value);
        else if (field === 'id' && !value.includes('\0')) this.#id = value;
      }
    }
  }
}

type Listener = (news: ChangeNews | 'resync') => void;
const listeners = new Set<Listener>();
export function onNews(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
function tell(news: ChangeNews | 'resync'): void { for (const listener of [...listeners]) listener(news); }

function read(data: string): ChangeNews | null {
  try {
    const value = JSON.parse(data) as Partial<ChangeNews>;
    return typeof value.seq === 'number' ? { seq: value.seq, cases: value.cases ?? [], what: value.what ?? [] } : null;
  } catch { return null; }
}

let lastId: string | null = null;
let isRunning = false;
let kick: (() => void) | undefined;

function say(state: StreamState['state'], why = ''): void {
  const before = stream.get();
  if (before.state !== state || before.why !== why) stream.set({ state, why, since: before.state === state ? before.since : now() });
}

async function follow(): Promise<void> {
  const stop = new AbortController();
  let watchdog = setTimeout(() => stop.abort(), SILENCE_MS);
  try {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (lastId) headers['last-event-id'] = lastId;
    const answer = await fetch('/api/v1/events', { headers, signal: stop.signal, cache: 'no-store', credentials: 'same-origin' });
    if (answer.status === 401 && !session.get()?.signedIn) shutOut.set(true);
    if (!answer.ok || !answer.body) throw new Error(answer.status === 401 ? 'sign in to get live news' : `the stream answered ${answer.status}`);
    const wasDown = stream.get().state === 'down';
    say('live');
    if (wasDown && !lastId) tell('resync');
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error('the stream ended');
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stop.abort(), SILENCE_MS);
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        if (event.id) lastId = event.id;
        const news = event.event === 'resync' ? 'resync' : read(event.data);
        if (news) tell(news);
      }
    }
  } catch (error) {
    throw stop.signal.aborted ? new Error(`nothing came for ${SILENCE_MS / 1_000} s, not even the heartbeat`) : error;
  } finally {
    clearTimeout(watchdog);
    stop.abort();
  }
}

/** Follows the stream for as long as the page lives. */
export function startStream(): void {
  if (isRunning) return;
  isRunning = true;
  let wait = RETRY_FIRST_MS;
  void (async () => {
    for (;;) {
      const began = now();
      await follow().catch((error: unknown) => say('down', error instanceof Error ? error.message : String(error)));
      wait = now() - began > 30_000 ? RETRY_FIRST_MS : Math.min(wait * 2, RETRY_MOST_MS);
      await new Promise<void>((resolve) => {
        // Whoever is not signed in gets the same refusal each time: wait for somebody who is.
        const timer = shutOut.get() ? undefined : setTimeout(resolve, wait);
        kick = () => { clearTimeout(timer); resolve(); };
      });
      kick = undefined;
    }
  })();
  window.addEventListener('online', () => kick?.());
  shutOut.watch((isOut) => { if (!isOut) kick?.(); });
  // Somebody may have signed in in another tab meanwhile.
  const isBack = () => { if (shutOut.get() && !document.hidden) void loadSession(); };
  document.addEventListener('visibilitychange', isBack);
  window.addEventListener('focus', isBack);
}
/** After signing in: do not wait for the next try. */
export const retryStream = (): void => { kick?.(); };
