// What a held lever means: until when, and who lets it go. A countdown alone reads as if it opened by itself.

import type { CaseDetail, CaseLever, Ms } from '../api/types';
import { stopwatch } from './time';

/** Levers that are held for this case. */
export const heldLevers = (one: Pick<CaseDetail, 'id' | 'levers'>): CaseLever[] =>
  one.levers.filter(({ standing, case: owner }) => standing === 'held' && (owner == null || owner === one.id));

const byPeople = (lever: CaseLever): boolean => lever.release === 'people';

/** Beside the word “held”: how long yet, and what happens then. */
export function holdWords(lever: CaseLever, current: Ms): string {
  const { heldUntil } = lever;
  const left = heldUntil === null ? null : heldUntil - current;
  if (!byPeople(lever)) return left === null ? '' : left > 0 ? `${stopwatch(left)} left, then it is let go by itself` : `its time is over since ${stopwatch(-left)}`;
  if (left === null) return 'people let it go';
  return left > 0 ? `people let it go; its time ends in ${stopwatch(left)}` : 'its time is over, people let it go';
}

/** Stages in which people bring things back, and a lever that is still held is what stands in the way. */
const STAGES = ['recovering', 'monitoring', 'resolved'];
/** The words that say that all is back, or over. */
const WORDS = ['monitor', 'resolve', 'review'];

export const heldNow = (one: Pick<CaseDetail, 'id' | 'levers' | 'stage'>): CaseLever[] => (STAGES.includes(one.stage) ? heldLevers(one) : []);
/** What the dialog of a word has to remind of. */
export const heldAt = (one: Pick<CaseDetail, 'id' | 'levers'>, command: string): CaseLever[] => (WORDS.includes(command) ? heldLevers(one) : []);

/** What has to happen with it, after its name. */
export const letGo = (lever: CaseLever): string => (byPeople(lever) ? 'people let it go once the fault is mended' : lever.heldUntil === null ? 'it has to be let go once the fault is mended' : 'it is let go by itself when its time is over; the fault has to be mended by then');
