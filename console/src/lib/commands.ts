// What people can say of a case, in the order of an incident, with the words that are asked for.

import type { Ms } from '../api/types';
import { whole } from './time';

export interface Field { name: string; label: string; kind: 'text' | 'area' | 'severity' | 'role' | 'case' | 'time' | 'usd' | 'number' | 'entry' | 'lever'; isOptional?: boolean; hint?: string }
export interface Verb {
  command: string; label: string; explain: string; fields: Field[]; access: 'responder' | 'commander'; isGrave?: boolean;
}

const area = (name: string, label: string, hint?: string, isOptional = false): Field => ({ name, label, kind: 'area', isOptional, ...(hint ? { hint } : {}) });

export const VERBS: Verb[] = [
  { command: 'acknowledge', label: 'Acknowledge', access: 'responder', explain: 'Says that you are awake and looking at it. Pages stop going to the next person.', fields: [] },
  { command: 'triage', label: 'Triage', access: 'responder', explain: 'Say that you have looked, and that it is worth going on.', fields: [area('note', 'What you saw')] },
  { command: 'declare', label: 'Declare', access: 'commander', explain: 'Say which grade it has. In doubt, choose the higher one; it can be corrected.', fields: [{ name: 'severity', label: 'Grade', kind: 'severity' }, area('why', 'Why this grade')] },
  { command: 'contain', label: 'Contain', access: 'responder', explain: 'Say that you now stop the loss, by hand or with the machine.', fields: [area('how', 'How')] },
  { command: 'contained', label: 'Contained', access: 'responder', explain: 'Say that the loss has stopped, and how that is known: the chain, not a hope.', fields: [area('how', 'How you know')] },
  { command: 'investigate', label: 'Investigate', access: 'responder', explain: 'Say that you now look for the cause.', fields: [] },
  { command: 'recover', label: 'Recover', access: 'responder', explain: 'Say that you now bring service and funds back, and by which plan.', fields: [area('plan', 'The plan')] },
  { command: 'monitor', label: 'Monitor', access: 'responder', explain: 'Say that all is back, and that you now watch it.', fields: [] },
  { command: 'resolve', label: 'Resolve', access: 'commander', explain: 'Say that it is over. A P1 or P2 is watched for seven days first.', fields: [area('summary', 'How it ended'), area('early', 'Why before the seven days are over', 'Only where that is so.', true)] },
  { command: 'review', label: 'Review', access: 'responder', explain: 'Say that the review is written, and where it lies.', fields: [{ name: 'report', label: 'Where it lies', kind: 'text' }] },
  { command: 'falsePositive', label: 'False alarm', access: 'commander', isGrave: true, explain: 'Say that there was no attack. The case is closed; detectors learn from the reason.', fields: [area('why', 'What it was')] },
  { command: 'duplicate', label: 'Duplicate', access: 'commander', isGrave: true, explain: 'Say that it is the same incident as another case, which goes on.', fields: [{ name: 'of', label: 'The other case', kind: 'case', hint: 'Such as PC-000042.' }] },
  { command: 'merge', label: 'Merge', access: 'commander', isGrave: true, explain: 'Say that it goes on as part of another case.', fields: [{ name: 'into', label: 'The other case', kind: 'case', hint: 'Such as PC-000042.' }] },
  { command: 'reOpen', label: 'Re-open', access: 'responder', explain: 'Say that it was closed and should not have been.', fields: [area('why', 'Why')] },
];

/** Always possible: they write something down and change no stage. */
export const WRITES: Verb[] = [
  { command: 'note', label: 'Write a note', access: 'responder', explain: 'It is journaled under your name and cannot be changed later.', fields: [area('text', 'Note')] },
  { command: 'assign', label: 'Give a role', access: 'responder', explain: 'It counts once they acknowledge it themselves.', fields: [{ name: 'role', label: 'Role', kind: 'role' }, { name: 'to', label: 'Who', kind: 'text', hint: 'By the name in the roster.' }] },
  { command: 'began', label: 'When it began', access: 'responder', explain: 'When the attack’s first transaction came into a block. Detection is measured from here.', fields: [{ name: 'at', label: 'Time of the attack’s first transaction (UTC)', kind: 'time' }, { name: 'how', label: 'The transaction', kind: 'text' }] },
  { command: 'blocked', label: 'Users kept waiting', access: 'responder', explain: 'How many honest users a held lever keeps from what they came for.', fields: [{ name: 'lever', label: 'Lever', kind: 'lever' }, { name: 'users', label: 'How many at a time', kind: 'number' }] },
  { command: 'returned', label: 'Funds came back', access: 'responder', explain: 'Funds came back, or were brought to safety.', fields: [{ name: 'amount', label: 'How much, US dollars', kind: 'usd' }, area('how', 'From whom, and where it lies')] },
  { command: 'correct', label: 'Correct an entry', access: 'responder', explain: 'The old entry stays; the correction is written beside it.', fields: [{ name: 'entry', label: 'Number of the entry', kind: 'entry' }, area('text', 'How it really was')] },
];

export const verbOf = (command: string): Verb | undefined => [...VERBS, ...WRITES].find((verb) => verb.command === command);

/** The verbs that move an incident on, as a person would take them; the others are exits. */
const FORWARD = ['acknowledge', 'contained', 'declare', 'contain', 'investigate', 'recover', 'monitor', 'resolve', 'review', 'triage'];

/** Stages in which the loss has stopped: to contain is then a step back, and not what comes next. */
const AFTER_CONTAINED = ['contained', 'investigating', 'recovering', 'monitoring', 'resolved'];

/** What to say next, from what is allowed now. */
export function nextVerb(allowed: readonly string[], stage: string, isAcknowledged: boolean): Verb | undefined {
  if (!isAcknowledged && allowed.includes('acknowledge')) return verbOf('acknowledge');
  const byStage: Record<string, string[]> = {
    detected: ['declare', 'triage'], reOpened: ['declare', 'triage'], triaged: ['declare'], declared: ['contain', 'investigate'], containing: ['contained'],
    contained: ['investigate'], investigating: ['recover', 'monitor'], recovering: ['monitor'], monitoring: ['resolve'], resolved: ['review'],
  };
  const isStopped = AFTER_CONTAINED.includes(stage);
  const next = [...(byStage[stage] ?? []), ...FORWARD.filter((command) => command !== 'acknowledge' && !(isStopped && command === 'contain'))].find((command) => allowed.includes(command));
  // Anything that is closed asks for nothing.
  return ['reviewed', 'falsePositive', 'duplicate', 'merged'].includes(stage) || !next ? undefined : verbOf(next);
}

/** All that can be said now. Once the loss has stopped, to contain means that it leaks again, and is called so. */
export function sayable(allowed: readonly string[], stage: string): Verb[] {
  const again = (verb: Verb): Verb => (verb.command === 'contain' && AFTER_CONTAINED.includes(stage) ? { ...verb, label: 'Contain again', explain: 'Say that it leaks again or still, and how you stop it now.' } : verb);
  return VERBS.filter(({ command }) => allowed.includes(command)).map(again);
}

/** `{command:"declare", severity:"P1", why:"…"}` from a form. Empty optional fields are `null`. */
export function toCommand(verb: Verb, values: Record<string, string>): Record<string, unknown> {
  const command: Record<string, unknown> = { command: verb.command };
  for (const field of verb.fields) {
    const value = (values[field.name] ?? '').trim();
    if (field.kind === 'number' || field.kind === 'entry') command[field.name] = Number(value);
    else if (field.kind === 'time') command[field.name] = Date.parse(`${value}Z`);
    else command[field.name] = field.isOptional && value === '' ? null : value;
  }
  return command;
}

/** What a time is held against: an attack begins before it is seen, and nothing has happened in the future. */
export interface Clock { openedAt: Ms; now: Ms }
function wrongTime(text: string, clock: Clock | undefined): string | null {
  const at = Date.parse(`${text}Z`);
  if (!Number.isFinite(at)) return 'A time such as 2026-11-21T03:12:45.';
  if (clock && at > clock.now) return `That is in the future: now it is ${whole(clock.now).slice(0, 19)} UTC.`;
  if (clock && at > clock.openedAt) return `The case was opened at ${whole(clock.openedAt).slice(0, 19)} UTC: the attack began before it was seen.`;
  return null;
}

/** What is missing or wrong, by field. */
export function wrong(verb: Verb, values: Record<string, string>, clock?: Clock): Record<string, string> {
  const found: Record<string, string> = {};
  for (const field of verb.fields) {
    const value = (values[field.name] ?? '').trim();
    if (value === '') { if (!field.isOptional) found[field.name] = 'Please fill this in.'; continue; }
    if (field.kind === 'usd' && !/^\d+(\.\d{1,6})?$/.test(value)) found[field.name] = 'A number of dollars such as 1250000 or 0.25.';
    if ((field.kind === 'number' || field.kind === 'entry') && !/^\d{1,15}$/.test(value)) found[field.name] = 'A whole number.';
    if (field.kind === 'case' && !/^PC-\d{1,18}$/.test(value)) found[field.name] = 'A case such as PC-000042.';
    const problem = field.kind === 'time' ? wrongTime(value, clock) : null;
    if (problem) found[field.name] = problem;
    if (new TextEncoder().encode(value).length > 8_192) found[field.name] = 'Longer than 8,192 bytes: write the essence, and where the rest lies.';
  }
  return found;
}
