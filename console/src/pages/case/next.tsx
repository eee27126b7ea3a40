// The one thing to do next, on top of every view of a case: a signature that is missing, else looking at it, else a step
// of mine, else the grade, else the playbook, else the stage.

import type { ComponentChildren } from 'preact';
import { may, record, segment, session } from '../../api/client';
import type { Playbooks } from '../../api/types';
import { useCell } from '../../lib/cell';
import { nextVerb, verbOf, type Verb } from '../../lib/commands';
import { heldNow, letGo } from '../../lib/held';
import { signInAt, place } from '../../lib/router';
import { words } from '../../lib/text';
import { Act } from '../../ui/act';
import { Countdown, T } from '../../ui/basics';
import { plural } from '../shared';
import { say } from './command';
import type { Room } from './room';

export interface Due { run: number; title: string; step: Playbooks['runs'][number]['steps'][number] }
/** Steps that somebody has to do now, the one whose clock ends first on top. */
export function dueSteps(playbooks: Playbooks | null): Due[] {
  const due = (playbooks?.runs ?? []).filter(({ over }) => !over).flatMap(({ run, title, steps }) =>
    steps.filter(({ status }) => ['awaitingApproval', 'ready', 'running', 'checking', 'failed', 'undoing', 'undoFailed'].includes(status)).map((step) => ({ run, title, step })));
  return due.sort((a, b) => (a.step.dueAt ?? Infinity) - (b.step.dueAt ?? Infinity));
}

export function Next({ room, again }: { room: Room; again: () => void }) {
  const { one, playbooks, approvals, order } = room;
  const who = useCell(session);
  const here = useCell(place);
  const isRecord = useCell(record);
  const base = `/case/${segment(one.id)}?view=`;
  const asked = (approvals.value?.items ?? []).filter(({ missing }) => missing > 0).sort((a, b) => a.deadline - b.deadline)[0];
  const mine = dueSteps(playbooks.value).filter(({ step }) => step.mayI.length > 0);
  const step = mine.find(({ step: { people } }) => who?.name != null && people.includes(who.name)) ?? mine[0];
  const verb = nextVerb(one.allowed, one.stage, one.acknowledged);
  const held = heldNow(one);
  const stillHeld = held.map((lever) => <p key={lever.name}><strong><T s={lever.name} max={60} /> is still held</strong>: {letGo(lever)}.</p>);
  const box = (text: ComponentChildren, button: ComponentChildren) => (
    <section class="next" id="next" aria-labelledby="nexthead"><h2 id="nexthead">Next</h2><div class="nextsay">{stillHeld}{text && <p>{text}</p>}</div><div class="nextdo">{button}</div></section>
  );
  const ask = (one: Verb, text: ComponentChildren) => box(text, <button type="button" class={held.length > 0 ? '' : 'primary'} onClick={() => order(one)}>{one.label} …</button>);
  // Nothing is next in what is over.
  if (isRecord) return null;
  if (!may(who, 'responder') && !asked) {
    return who?.signedIn ? null : box('You are looking on. To act, say who you are.', <a class="button primary" href={signInAt(here)}>Sign in with your wallet</a>);
  }
  if (!one.acknowledged && verb?.command === 'acknowledge') return box('Say that you are awake and looking at it. Others stop being paged.', <Act kind="primary" what={async () => { await say(one.id, { command: 'acknowledge' }, null); again(); return 'Journaled: you are looking at it.'; }}>Acknowledge</Act>);
  if (asked) {
    return box(<><strong><T s={asked.lever} max={60} /></strong> needs {plural(asked.missing, 'more signature')} of {asked.quorum}. <Countdown to={asked.deadline} over="too late by" /></>, <a class="button primary" href={`${base}approvals`}>Look and sign</a>);
  }
  if (step) {
    return box(<><strong><T s={step.step.title} max={120} /></strong> <span class="dim">({words(step.step.owner)})</span> {step.step.dueAt !== null && <Countdown to={step.step.dueAt} over="overdue by" />}</>, <a class="button primary" href={`${base}playbook#${segment(`${step.run}-${step.step.id}`)}`}>Go to the step</a>);
  }
  const offer = playbooks.value?.runs.length === 0 ? playbooks.value.offered[0] : undefined;
  if (offer && may(who, 'commander')) {
    const named = <strong><T s={offer.title} max={120} /></strong>;
    const declare = one.severity === null && one.allowed.includes('declare') ? verbOf('declare') : undefined;
    if (declare) return ask(declare, <>{declare.explain} Then start the playbook that is made for this: {named}</>);
    return box(<>A playbook is made for this: {named}</>, <a class="button primary" href={`${base}playbook#offered`}>Start it …</a>);
  }
  if (!verb) return held.length > 0 ? box(null, null) : null;
  return may(who, verb.access) ? ask(verb, held.length > 0 ? `Once that is done: ${verb.explain.charAt(0).toLowerCase()}${verb.explain.slice(1)}` : verb.explain) : box(<>A commander has to say: {verb.label.toLowerCase()}.</>, null);
}
