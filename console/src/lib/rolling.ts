// How full a window was over time, from what left in single blocks.

import type { Ms, Usd } from '../api/types';

const MICRO = 1_000_000n;
function micro(amount: Usd): bigint {
  const parts = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(amount);
  if (!parts) return 0n;
  const value = BigInt(parts[2] ?? '0') * MICRO + BigInt((parts[3] ?? '').padEnd(6, '0'));
  return parts[1] ? -value : value;
}
const plain = (value: bigint): Usd => `${value < 0n ? '-' : ''}${(value < 0n ? -value : value) / MICRO}.${String((value < 0n ? -value : value) % MICRO).padStart(6, '0')}`;

/** The most values that the API gives. If it gives so many, older ones are missing and the first window is not whole. */
const POINTS_MAX = 288;

/** `[time, what left in the window that ends then]`: a step up where something left, a step down where it leaves the window. */
export function rolling(series: readonly (readonly [Ms, Usd])[], windowMs: Ms, until: Ms): [Ms, Usd][] {
  const moves = series.flatMap(([at, out]) => [{ at, by: micro(out) }, { at: at + windowMs, by: -micro(out) }])
    .filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
  const first = series[0]?.[0];
  if (first === undefined) return [];
  const from = series.length >= POINTS_MAX ? first + windowMs : first;
  const points: [Ms, Usd][] = [];
  let sum = 0n;
  moves.forEach(({ at, by }, index) => {
    sum += by;
    if (moves[index + 1]?.at !== at && at >= from) points.push([at, plain(sum)]);
  });
  if (points.length > 0 && (points.at(-1)?.[0] ?? 0) < until) points.push([until, plain(sum)]);
  return points;
}
