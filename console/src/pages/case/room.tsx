// The war room: what happened, what it costs, what holds, and the one thing to do next stay on top of every view.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { may, segment, session } from '../../api/client';
import { onNews } from '../../api/stream';
import { useApi, type Looked } from '../../api/use';
import type { ApprovalAsked, CaseDetail, ChangeNews, Page, Playbooks } from '../../api/types';
import { useCell } from '../../lib/cell';
import { VERBS, nextVerb, verbOf, type Verb } from '../../lib/commands';
import { go, place } from '../../lib/router';
import { headline, visible, words } from '../../lib/text';
import { stopwatch, tick } from '../../lib/time';
import { Act } from '../../ui/act';
import { overview } from '../../ui/alarm';
import { announce } from '../../ui/announce';
import { Ago, Countdown, Mark, Money, Severity, Standing, T, Time } from '../../ui/basics';
import { Look } from '../../ui/look';
import { pageKeys } from '../../ui/shell';
import { plural } from '../shared';
import { ApprovalsView } from './approvals';
import { AttackView } from './attack';
import { CommandDialog, say } from './command';
import { DecisionView } from './decision';
import { NotesView } from './notes';
import { PeopleView } from './people';
import { PlaybooksView } from './playbooks';
import { ReportView } from './report';
import { NewestEntries, TimelineView } from './timeline';

const VIEWS = [['now', 'Now'], ['timeline', 'Timeline'], ['attack', 'Attack'], ['decision', 'Decision'], ['playbook', 'Playbook'], ['approvals', 'Approvals'], ['notes', 'Notes'], ['people', 'People'], ['report', 'Report']] as const;
type View = (typeof VIEWS)[number][0];

export interface Room { one: CaseDetail; playbooks: Looked<Playbooks>; approvals: Looked<Page<ApprovalAsked>>; order: (verb: Verb, values?: Record<string, string>) => void }

export function CasePage({ id }: { id: string }) {
  const isMine = (news: ChangeNews) => news.cases.includes(id);
  const path = `/cases/${segment(id)}`;
  const looked = useApi<CaseDetail>(path, isMine);
  const playbooks = useApi<Playbooks>(`${path}/playbooks`, isMine);
  const approvals = useApi<Page<ApprovalAsked>>(`${path}/approvals`, isMine);
  const { query } = useCell(place);
  const view: View = VIEWS.find(([key]) => key === query.get('view'))?.[0] ?? 'now';
  const [ordered, order] = useState<{ verb: Verb; values: Record<string, string> } | null>(null);
  const isClosed = looked.value ? ['reviewed', 'falsePositive', 'duplicate', 'merged'].includes(looked.value.stage) : false;

  useEffect(() => { document.querySelector('.views [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' }); }, [view, looked.value === null]);
  useEffect(() => onNews((news) => { if (news !== 'resync' && isMine(news)) announce(`New in ${id}: ${news.what.map(words).join(', ') || 'an entry'}.`); }), [id]);
  useEffect(() => {
    pageKeys.set([
      { key: 'n', words: 'What is next: go to it', run: () => document.querySelector<HTMLElement>('#next button, #next a')?.focus() },
      { key: 'w', words: 'Write a note', run: () => { const note = verbOf('note'); if (note) order({ verb: note, values: {} }); } },
      { key: '/', words: 'Filter the timeline', run: () => { go(`/case/${segment(id)}?view=timeline`, { isReplace: true }); setTimeout(() => document.querySelector<HTMLElement>('#filter')?.focus(), 50); } },
      ...VIEWS.map(([key, name], index) => ({ key: String(index + 1), words: `View: ${name}`, run: () => go(`/case/${segment(id)}?view=${key}`, { isReplace: true }) })),
    ]);
    return () => pageKeys.set([]);
  }, [id]);

  return (
    <>{looked.value === null && <h1>Case {visible(id).slice(0, 40)}</h1>}<Look what={`case ${id}`} looked={looked}>{(one) => {
      const room: Room = { one, playbooks, approvals, order: (verb, values = {}) => order({ verb, values }) };
      const badge: Partial<Record<View, number>> = { approvals: approvals.value?.items.filter(({ missing }) => missing > 0).length ?? 0, playbook: dueSteps(playbooks.value).length };
      return (
        <>
          <Head one={one} isClosed={isClosed} isCompact={view !== 'now'} />
          {!isClosed && <Next room={room} again={looked.again} />}
          <nav class="views" aria-label="Parts of the case">
            {VIEWS.map(([key, name]) => <a key={key} href={`/case/${segment(id)}?view=${key}`} aria-current={view === key ? 'page' : undefined}>{name}{badge[key] ? <span class="badge"> {badge[key]}<span class="sr"> waiting</span></span> : null}</a>)}
          </nav>
          <div class="view" key={view}>
            {view === 'now' && <NowView room={room} />}
            {view === 'timeline' && <TimelineView id={id} room={room} />}
            {view === 'attack' && <AttackView room={room} />}
            {view === 'decision' && <DecisionView id={id} />}
            {view === 'playbook' && <PlaybooksView room={room} />}
            {view === 'approvals' && <ApprovalsView room={room} />}
            {view === 'notes' && <NotesView room={room} />}
            {view === 'people' && <PeopleView room={room} />}
            {view === 'report' && <ReportView room={room} />}
          </div>
          {ordered && <CommandDialog one={one} verb={ordered.verb} initial={ordered.values} onClose={() => order(null)} onDone={() => { looked.again(); playbooks.again(); approvals.again(); }} />}
        </>
      );
    }}</Look></>
  );
}

function Head({ one, isClosed, isCompact }: { one: CaseDetail; isClosed: boolean; isCompact: boolean }) {
  const current = useCell(tick);
  // In a record no clock runs any more.
  const isRecord = useCell(overview)?.value?.health.record === true;
  const isOver = isClosed || isRecord;
  return (
    <section class={`hero casehero ${isClosed ? '' : 'edge-bad'}${isCompact ? ' compact' : ''}`} aria-labelledby="what">
      <p class="herotop">
        <Severity declared={one.severity} suggested={one.suggestedSeverity} /> <strong>{words(one.stage)}</strong>{' '}
        {one.acknowledged ? <Mark tone="good">acknowledged</Mark> : !isClosed && <Mark tone="warn">nobody has acknowledged it</Mark>}
        <span class="dim"> {one.id} · <a href={`/protocol/${segment(one.protocol)}`}><T s={one.protocol} max={60} /></a></span>
      </p>
      <h1 id="what" class="herosay"><T s={headline(one.sentence)} max={260} /></h1>
      <dl class="figures" aria-label="Money and time">
        <div class="lost"><dt>Lost</dt><dd><Money v={one.lostUsd} big /></dd></div>
        <div class="risk"><dt>At risk</dt><dd><Money v={one.atRiskUsd} big /></dd></div>
        <div class="saved"><dt>Saved</dt><dd><Money v={one.savedUsd} big /></dd></div>
        <div class="since"><dt>{isOver ? 'Opened' : 'Since seen'}</dt><dd>{isOver ? <Time at={one.openedAt} /> : <span class="money" role="timer">{stopwatch(current - one.openedAt)}</span>}</dd></div>
      </dl>
      {one.levers.length > 0 && <ul class="leverline" aria-label="Levers of this case">{one.levers.map((lever) => <li key={lever.name}><Standing s={lever.standing} /> <strong><T s={lever.name} max={40} /></strong>{lever.heldUntil !== null && <span class="dim"> {isOver ? <>until <Time at={lever.heldUntil} /></> : <Countdown to={lever.heldUntil} over="its time is over since" />}</span>}{lever.leaks && <> <Mark tone="bad">still leaks</Mark></>}{lever.why && <p class="sub"><T s={lever.why} max={160} /></p>}</li>)}</ul>}
    </section>
  );
}

export interface Due { run: number; title: string; step: Playbooks['runs'][number]['steps'][number] }
/** Steps that somebody has to do now, the one whose clock ends first on top. */
export function dueSteps(playbooks: Playbooks | null): Due[] {
  const due = (playbooks?.runs ?? []).filter(({ over }) => !over).flatMap(({ run, title, steps }) =>
    steps.filter(({ status }) => ['awaitingApproval', 'ready', 'running', 'checking', 'failed', 'undoing', 'undoFailed'].includes(status)).map((step) => ({ run, title, step })));
  return due.sort((a, b) => (a.step.dueAt ?? Infinity) - (b.step.dueAt ?? Infinity));
}

/** One thing to do, and only one: a signature that is missing, else looking at it, else a step of mine, else the stage. */
function Next({ room, again }: { room: Room; again: () => void }) {
  const { one, playbooks, approvals, order } = room;
  const who = useCell(session);
  const base = `/case/${segment(one.id)}?view=`;
  const asked = (approvals.value?.items ?? []).filter(({ missing }) => missing > 0).sort((a, b) => a.deadline - b.deadline)[0];
  const mine = dueSteps(playbooks.value).filter(({ step }) => step.mayI.length > 0);
  const step = mine.find(({ step: { people } }) => who?.name != null && people.includes(who.name)) ?? mine[0];
  const verb = nextVerb(one.allowed, one.stage, one.acknowledged);
  const box = (text: ComponentChildren, button: ComponentChildren) => (
    <section class="next" id="next" aria-labelledby="nexthead"><h2 id="nexthead">Next</h2><div class="nextsay">{text}</div><div class="nextdo">{button}</div></section>
  );
  if (!may(who, 'responder') && !asked) {
    return who?.signedIn ? null : box('You are looking on. To act, say who you are.', <a class="button primary" href={`/sign-in?to=${encodeURIComponent(`/case/${one.id}`)}`}>Sign in with your wallet</a>);
  }
  if (!one.acknowledged && verb?.command === 'acknowledge') return box('Say that you are awake and looking at it. Others stop being paged.', <Act kind="primary" what={async () => { await say(one.id, { command: 'acknowledge' }, null); again(); return 'Journaled: you are looking at it.'; }}>Acknowledge</Act>);
  if (asked) {
    return box(<><strong><T s={asked.lever} max={60} /></strong> needs {plural(asked.missing, 'more signature')} of {asked.quorum}. <Countdown to={asked.deadline} over="too late by" /></>, <a class="button primary" href={`${base}approvals`}>Look and sign</a>);
  }
  if (step) {
    return box(<><strong><T s={step.step.title} max={120} /></strong> <span class="dim">({words(step.step.owner)})</span> {step.step.dueAt !== null && <Countdown to={step.step.dueAt} over="overdue by" />}</>, <a class="button primary" href={`${base}playbook#${segment(`${step.run}-${step.step.id}`)}`}>Go to the step</a>);
  }
  if (playbooks.value && playbooks.value.runs.length === 0 && playbooks.value.offered.length > 0 && may(who, 'commander')) {
    return box(<>A playbook is made for this: <strong><T s={playbooks.value.offered[0]?.title} max={120} /></strong></>, <a class="button primary" href={`${base}playbook`}>Look and start it</a>);
  }
  if (!verb) return null;
  return may(who, verb.access) ? box(verb.explain, <button type="button" class="primary" onClick={() => order(verb)}>{verb.label} …</button>) : box(<>A commander has to say: {verb.label.toLowerCase()}.</>, null);
}

function NowView({ room }: { room: Room }) {
  const { one, playbooks, order } = room;
  const who = useCell(session);
  const allowed = VERBS.filter((verb) => one.allowed.includes(verb.command));
  const due = dueSteps(playbooks.value);
  return (
    <div class="columns">
      <section class="card" aria-labelledby="n-steps">
        <header class="cardhead"><h2 id="n-steps">Steps under way</h2><a href={`/case/${segment(one.id)}?view=playbook`}>Playbook</a></header>
        {playbooks.error && playbooks.value === null ? <p class="empty">Could not look. That does not mean that none is under way.</p> : due.length === 0 ? <p class="empty">No step is waiting for anybody.</p> : (
          <ul class="plainlist">{due.slice(0, 8).map(({ run, step }) => <li key={`${run}-${step.id}`} class="stepline"><a href={`/case/${segment(one.id)}?view=playbook#${segment(`${run}-${step.id}`)}`}><T s={step.title} max={100} /></a><span class="dim">{words(step.owner)}{step.people.length > 0 && <>: <T s={step.people.join(', ')} max={60} /></>} · {words(step.status)}</span>{step.dueAt !== null && <Countdown to={step.dueAt} over="overdue by" />}</li>)}</ul>
        )}
      </section>
      <section class="card" aria-labelledby="n-say">
        <header class="cardhead"><h2 id="n-say">Say how it stands</h2></header>
        {may(who, 'responder') ? (
          <>
            <div class="verbs">{allowed.map((verb) => <button key={verb.command} type="button" class={verb.isGrave ? 'grave' : ''} disabled={!may(who, verb.access)} title={may(who, verb.access) ? verb.explain : 'For a commander'} onClick={() => order(verb)}>{verb.label}</button>)}</div>
            <p class="dim">All of it is journaled under your name. What does not fit the stage is not offered.</p>
          </>
        ) : <p class="empty">Responders can. {who?.signedIn ? 'You are signed in to look on.' : <a href={`/sign-in?to=${encodeURIComponent(`/case/${one.id}`)}`}>Sign in</a>}</p>}
      </section>
      <section class="card wide" aria-labelledby="n-last">
        <header class="cardhead"><h2 id="n-last">The newest entries</h2><a href={`/case/${segment(one.id)}?view=timeline`}>All of the timeline</a></header>
        <NewestEntries id={one.id} room={room} most={12} />
      </section>
      <p class="dim wide">Opened <Time at={one.openedAt} /> (<Ago at={one.openedAt} />), {plural(one.findings, 'finding')}, {plural(one.transactions.length, 'transaction')}{one.merged.length > 0 && <>; merged: {one.merged.map((other) => <a key={other} href={`/case/${segment(other)}`}>{other} </a>)}</>}</p>
    </div>
  );
}
