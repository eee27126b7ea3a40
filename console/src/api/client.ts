// Every request to the program. A refusal carries its reason and remedy; no answer at all is a third thing, and is never
// mixed up with "there is nothing".

import { Cell } from '../lib/cell';
import { learnClock, now } from '../lib/time';
import type { Ms, Problem, Session } from './types';

const BASE = '/api/v1';
/** Longest wait for an answer, milliseconds. On loopback anything above is an outage. */
const WAIT_MS = 15_000;

export class Refused extends Error {
  constructor(readonly status: number, readonly problem: Problem) { super(problem.message); }
  get isSignedOut(): boolean { return this.status === 401; }
}
/** The program could not be asked. What is true is not known. */
export class Unreachable extends Error {
  constructor(readonly why: string) { super(why); }
}

/** Since when the API does not answer; `null` while it does. */
export const downSince = new Cell<Ms | null>(null);
export const session = new Cell<Session | null>(null);

/** Whether the pages show a record that nobody writes to any more. */
export const record = new Cell(false);
export const RECORD_WORDS = 'This is a record: orders are not taken.';

/** Whether the program reads to nobody who is not signed in: then nothing is asked again until somebody is. */
export const shutOut = new Cell(false);
session.watch((who) => { if (who?.signedIn) shutOut.set(false); });

const isProblem = (value: unknown): value is { error: Problem } =>
  typeof value === 'object' && value !== null && typeof (value as { error?: { message?: unknown } }).error?.message === 'string';

/** Longest wait that a "too many requests" may ask for, and how often it is heeded. */
const PATIENCE_MS = 10_000;
const PATIENCE_TIMES = 3;

/** Reading waits and asks again when it was too much; orders are never repeated by themselves. */
async function ask(path: string, init: RequestInit = {}, times = 0): Promise<Response> {
  const before = session.get();
  const answer = await once(path, init);
  const wait = Number(answer.headers.get('retry-after') ?? '1') * 1_000;
  if (answer.status === 429 && (init.method ?? 'GET') === 'GET' && times < PATIENCE_TIMES && wait <= PATIENCE_MS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    return ask(path, init, times + 1);
  }
  // Somebody may have signed in while it was on its way.
  const isStale = !before?.signedIn && session.get()?.signedIn === true;
  if (answer.status === 401 && (init.method ?? 'GET') === 'GET' && !isStale) shutOut.set(true);
  return judge(answer);
}

async function judge(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const body: unknown = await answer.json().catch(() => null);
  const problem = isProblem(body) ? body.error : { code: String(answer.status), message: `the program answered ${answer.status}`, remedy: 'look into its log' };
  if (answer.status === 401 && session.get()?.signedIn) session.set({ ...session.get()!, signedIn: false, csrf: null });
  throw new Refused(answer.status, problem);
}

async function once(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('accept', headers.get('accept') ?? 'application/json');
  const csrf = session.get()?.csrf;
  if (init.method && init.method !== 'GET' && csrf) headers.set('x-csrf-token', csrf);
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), WAIT_MS);
  let answer: Response;
  try {
    answer = await fetch(BASE + path, { ...init, headers, credentials: 'same-origin', cache: 'no-store', signal: stop.signal });
  } catch (error) {
    downSince.set(downSince.get() ?? now());
    throw new Unreachable(stop.signal.aborted ? `no answer within ${WAIT_MS / 1_000} s` : `the program cannot be reached (${String(error)})`);
  } finally {
    clearTimeout(timer);
  }
  learnClock(answer.headers.get('date'));
  if (answer.status === 502 || answer.status === 504) {
    downSince.set(downSince.get() ?? now());
    throw new Unreachable(`something between here and the program answers ${answer.status}`);
  }
  downSince.set(null);
  return answer;
}

export async function get<Answer>(path: string): Promise<Answer> {
  return (await ask(path)).json() as Promise<Answer>;
}
export async function getText(path: string): Promise<string> {
  return (await ask(path, { headers: { accept: '*/*' } })).text();
}
export async function send<Answer = unknown>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<Answer> {
  const init: RequestInit = { method };
  if (body !== undefined) { init.body = JSON.stringify(body); init.headers = { 'content-type': 'application/json' }; }
  const text = await (await ask(path, init)).text();
  return (text ? JSON.parse(text) : null) as Answer;
}
export async function upload<Answer>(path: string, form: FormData): Promise<Answer> {
  return (await ask(path, { method: 'POST', body: form })).json() as Promise<Answer>;
}
/** A download whose refusal can be told: a link would save the refusal as a file. */
export async function save(path: string, name: string): Promise<void> {
  const bytes = await (await ask(path, { headers: { accept: '*/*' } })).blob();
  const address = URL.createObjectURL(bytes);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
/** A download by plain link: the cookie goes along, nothing is held in memory. */
export const href = (path: string): string => BASE + path;

export async function loadSession(): Promise<void> {
  try {
    session.set(await get<Session>('/session'));
  } catch (error) {
    if (error instanceof Refused && error.isSignedOut) {
      session.set({ signedIn: false, name: null, access: null, roles: [], csrf: null, expiresAt: null });
    }
  }
}

const RANK = ['viewer', 'responder', 'commander', 'admin'];
/** Whether an order of that access is taken from them. In a record none is, whoever asks. */
export const may = (who: Session | null, access: string): boolean =>
  (access === 'viewer' || !record.get()) && !!who?.signedIn && RANK.indexOf(who.access ?? '') >= RANK.indexOf(access);

export const segment = encodeURIComponent;
