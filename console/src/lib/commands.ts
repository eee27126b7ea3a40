// What people can say of a case, in the order of an incident, with the words that are asked for.

export interface Field { name: string; label: string; kind: 'text' | 'area' | 'severity' | 'role' | 'case' | 'time' | 'usd' | 'number' | 'entry'; isOptional?: boolean; hint?: string }
export interface Verb {
  command: string; label: string; explain: string; fields: Field[]; access: 'responder' | 'commander'; isGrave?: boolean;
}

const area = (name: string, label: string, hint?: string, isOptional = false): Field => ({ name, label, kind: 'area', isOptional, ...(hint ? { hint } : {}) });

export const VERBS: Verb[] = [
  { command: 'acknowledge', label: 'Acknowledge', access: 'responder', explain: 'Says that you are awake and looking at it. Pages stop going to the next person.', fields: [] },
  { command: 'triage', label: 'Triage', access: 'responder', explain: 'Somebody has looked, and it is worth going on.', fields: [area('note', 'What you saw')] },
  { command: 'declare', label: 'Declare', access: 'commander', explain: 'It is an incident of this grade. In doubt, choose the higher one; it can be corrected.', fields: [{ name: 'severity', label: 'Grade', kind: 'severity' }, area('why', 'Why this grade')] },
  { command: 'contain', label: 'Contain', access: 'responder', explain: 'Containment begins, by hand or with the machine.', fields: [area('how', 'How')] },
  { command: 'contained', label: 'Contained', access: 'responder', explain: 'The loss has stopped. Say how that is known: the chain, not a hope.', fields: [area('how', 'How you know')] },
  { command: 'investigate', label: 'Investigate', access: 'responder', explain: 'The causes are being looked for.', fields: [] },
  { command: 'recover', label: 'Recover', access: 'responder', explain: 'Service and funds are being brought back.', fields: [area('plan', 'The plan')] },
  { command: 'monitor', label: 'Monitor', access: 'responder', explain: 'All is back, and it is watched.', fields: [] },
  { command: 'resolve', label: 'Resolve', access: 'commander', explain: 'It is over. A P1 or P2 is watched for seven days first.', fields: [area('summary', 'How it ended'), area('early', 'Why before the seven days are over', 'Only where that is so.', true)] },
  { command: 'review', label: 'Review', access: 'responder', explain: 'The review is written.', fields: [{ name: 'report', label: 'Where it lies', kind: 'text' }] },
  { command: 'falsePositive', label: 'False alarm', access: 'commander', isGrave: true, explain: 'There was no attack. The case is closed; detectors learn from the reason.', fields: [area('why', 'What it was')] },
  { command: 'duplicate', label: 'Duplicate', access: 'commander', isGrave: true, explain: 'The same incident as another case, which goes on.', fields: [{ name: 'of', label: 'The other case', kind: 'case', hint: 'Such as PC-000042.' }] },
  { command: 'merge', label: 'Merge', access: 'commander', isGrave: true, explain: 'Goes on as part of another case.', fields: [{ name: 'into', label: 'The other case', kind: 'case', hint: 'Such as PC-000042.' }] },
  { command: 'reOpen', label: 'Re-open', access: 'responder', explain: 'It was closed and should not have been.', fields: [area('why', 'Why')] },
];

/** Always possible: they write something down and change no stage. */
export const WRITES: Verb[] = [
  { command: 'note', label: 'Write a note', access: 'responder', explain: 'It is journaled under your name and cannot be changed later.', fields: [area('text', 'Note')] },
  { command: 'assign', label: 'Give a role', access: 'responder', explain: 'It counts once they acknowledge it themselves.', fields: [{ name: 'role', label: 'Role', kind: 'role' }, { name: 'to', label: 'Who', kind: 'text', hint: 'By the name in the roster.' }] },
  { command: 'began', label: 'When it began', access: 'responder', explain: 'The time of the first transaction that belongs to the attack. Detection is measured from here.', fields: [{ name: 'at', label: 'Time of that block (UTC)', kind: 'time' }, { name: 'how', label: 'The transaction', kind: 'text' }] },
  { command: 'blocked', label: 'Users kept waiting', access: 'responder', explain: 'How many honest users a held lever keeps from what they came for.', fields: [{ name: 'lever', label: 'Lever', kind: 'text' }, { name: 'users', label: 'How many at a time', kind: 'number' }] },
  { command: 'returned', label: 'Funds came back', access: 'responder', explain: 'Funds came back, or were brought to safety.', fields: [{ name: 'amount', label: 'How much, US dollars', kind: 'usd' }, area('how', 'From whom, and where it lies')] },
  { command: 'correct', label: 'Correct an entry', access: 'responder', explain: 'The old entry stays; the correction is written beside it.', fields: [{ name: 'entry', label: 'Number of the entry', kind: 'entry' }, area('text', 'How it really was')] },
];

export const verbOf = (command: string): Verb | undefined => [...VERBS, ...WRITES].find((verb) => verb.command === command);

/** The verbs that move an incident on, as a person would take them; the others are exits. */
const FORWARD = ['acknowledge', 'contained', 'declare', 'contain', 'investigate', 'recover', 'monitor', 'resolve', 'review', 'triage'];

/** What to say next, from what is allowed now. */
export function nextVerb(allowed: readonly string[], stage: string, isAcknowledged: boolean): Verb | undefined {
  if (!isAcknowledged && allowed.includes('acknowledge')) return verbOf('acknowledge');
  const byStage: Record<string, string[]> = {
    detected: ['declare', 'triage'], reOpened: ['declare', 'triage'], triaged: ['declare'], declared: ['contain', 'investigate'], containing: ['contained'],
    contained: ['investigate'], investigating: ['recover', 'monitor'], recovering: ['monitor'], monitoring: ['resolve'], resolved: ['review'],
  };
  const next = [...(byStage[stage] ?? []), ...FORWARD.filter((command) => command !== 'acknowledge')].find((command) => allowed.includes(command));
  // Anything that is closed asks for nothing.
  return ['reviewed', 'falsePositive', 'duplicate', 'merged'].includes(stage) || !next ? undefined : verbOf(next);
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

/** What is missing or wrong, by field. */
export function wrong(verb: Verb, values: Record<string, string>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const field of verb.fields) {
    const value = (values[field.name] ?? '').trim();
    if (value === '') { if (!field.isOptional) found[field.name] = 'Please fill this in.'; continue; }
    if (field.kind === 'usd' && !/^\d+(\.\d{1,6})?$/.test(value)) found[field.name] = 'A number of dollars such as 1250000 or 0.25.';
    if ((field.kind === 'number' || field.kind === 'entry') && !/^\d{1,15}$/.test(value)) found[field.name] = 'A whole number.';
    if (field.kind === 'case' && !/^PC-\d{1,18}$/.test(value)) found[field.name] = 'A case such as PC-000042.';
    if (field.kind === 'time' && !Number.isFinite(Date.parse(`${value}Z`))) found[field.name] = 'A time such as 2026-11-21T03:12:45.';
    if (new TextEncoder().encode(value).length > 8_192) found[field.name] = 'Longer than 8,192 bytes: write the essence, and where the rest lies.';
  }
  return found;
}
