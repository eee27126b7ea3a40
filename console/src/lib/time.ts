// Clocks. Incidents are written in UTC; the browser's own zone is one click away. The server's clock is the one that
// counts: a laptop that is two minutes wrong must not show two minutes more on a step.

import type { Ms } from '../api/types';
import { Cell } from './cell';

/** Server time minus browser time, milliseconds. Below two seconds the header's resolution is all there is. */
let skew = 0;

export function learnClock(dateHeader: string | null, now = Date.now()): void {
  const theirs = dateHeader ? Date.parse(dateHeader) : NaN;
  if (!Number.isFinite(theirs)) return;
  const off = theirs - now;
  skew = Math.abs(off) < 2_000 ? 0 : off;
}
export const clockSkew = (): Ms => skew;
export const now = (): Ms => Date.now() + skew;

/** Ticks once a second while somebody looks. */
export const tick = new Cell<Ms>(now());
let timer: ReturnType<typeof setInterval> | undefined;
export function startClock(): void {
  timer ??= setInterval(() => { if (typeof document === 'undefined' || !document.hidden) tick.set(now()); }, 1_000);
}

export const zone = new Cell<'UTC' | 'local'>('UTC');

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

/** `03:12:45` today, `21 Nov 03:12:45` else; the zone is said once in the header of the page. */
export function clock(at: Ms | null | undefined, today: Ms = now(), where = zone.get()): string {
  if (at == null) return '–';
  const isUtc = where === 'UTC';
  const parts = (ms: Ms) => {
    const date = new Date(ms);
    return isUtc
      ? { y: date.getUTCFullYear(), m: date.getUTCMonth(), d: date.getUTCDate(), h: date.getUTCHours(), i: date.getUTCMinutes(), s: date.getUTCSeconds() }
      : { y: date.getFullYear(), m: date.getMonth(), d: date.getDate(), h: date.getHours(), i: date.getMinutes(), s: date.getSeconds() };
  };
  const then = parts(at);
  const here = parts(today);
  const time = `${pad(then.h)}:${pad(then.i)}:${pad(then.s)}`;
  if (then.y === here.y && then.m === here.m && then.d === here.d) return time;
  const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][then.m] ?? '';
  return `${then.d} ${month}${then.y === here.y ? '' : ` ${then.y}`} ${time}`;
}

/** Times on an axis, as fine as their distance: two of them never read the same. */
export function clockAxis(times: readonly Ms[], where = zone.get()): string[] {
  const step = times.length > 1 ? Math.abs((times[1] ?? 0) - (times[0] ?? 0)) : 0;
  return times.map((at) => {
    const time = clock(at, at, where);
    // Another day than itself: the date stands before the time.
    return step < 60_000 ? time : step < 86_400_000 ? time.slice(0, 5) : clock(at, at + 86_400_000, where).split(' ').slice(0, 2).join(' ');
  });
}

/** Whole, for titles: `2026-11-21 03:12:45.120 UTC`. */
export const whole = (at: Ms): string => `${new Date(at).toISOString().replace('T', ' ').replace('Z', '')} UTC`;

/** A length of time: `45 s`, `4 min 05 s`, `3 h 12 min`, `6 d 4 h`. */
export function span(ms: Ms | null | undefined): string {
  if (ms == null) return 'not known';
  if (ms !== 0 && Math.abs(ms) < 1_000) return `${Math.round(Math.abs(ms))} ms`;
  const seconds = Math.floor(Math.abs(ms) / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${pad(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `4 min 05 s ago`. */
export const ago = (at: Ms | null | undefined, current: Ms = now()): string =>
  at == null ? 'never' : at > current + 1_000 ? `in ${span(at - current)}` : current - at < 2_000 ? 'now' : `${span(current - at)} ago`;

/** A stopwatch: `00:04:05`, `3 d 04:12:09`; with a minus once a deadline is over. */
export function stopwatch(ms: Ms): string {
  const seconds = Math.floor(Math.abs(ms) / 1_000);
  const days = Math.floor(seconds / 86_400);
  const rest = `${pad(Math.floor(seconds / 3_600) % 24)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return `${ms < 0 && seconds > 0 ? '−' : ''}${days ? `${days} d ` : ''}${rest}`;
}
