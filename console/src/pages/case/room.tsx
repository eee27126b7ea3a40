// The war room: what happened, what it costs, what holds, and the one thing to do next stay on top of every view.

import { useEffect, useState } from 'preact/hooks';
import { RECORD_WORDS, may, record, segment, session } from '../../api/client';
import { onNews } from '../../api/stream';
import { useApi, type Looked } from '../../api/use';
import type { ApprovalAsked, CaseDetail, CaseLever, ChangeNews, Page, Playbooks } from '../../api/types';
import { useCell } from '../../lib/cell';
import { sayable, verbOf, type Verb } from '../../lib/commands';
import { holdWords } from '../../lib/held';
import { go, place, signInAt } from '../../lib/router';
import { headline, visible, words } from '../../lib/text';
import { stopwatch, tick, whole } from '../../lib/time';
import { announce } from '../../ui/announce';
import { Ago, Countdown, Figures, Mark, Severity, Standing, T, Time } from '../../ui/basics';
import { Look } from '../../ui/look';
import { pageKeys } from '../../ui/shell';
import { CLOSED, plural } from '../shared';
import { ApprovalsView } from './approvals';
import { AttackView } from './attack';
import { CommandDialog } from './command';
import { DecisionView } from './decision';
import { Next, dueSteps } from './next';
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
  // Whoever may give an order in a record changes at once when it is known to be one.
  useCell(record);
  const isClosed = looked.value ? CLOSED.includes(looked.value.stage) : false;

  useEffect(() => { document.querySelector('.views [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' }); }, [view, looked.value === null]);
  useEffect(() => onNews((news) => { if (news !== 'resync' && isMine(news)) announce(`New in ${id}: ${news.what.map(words).join(', ') || 'an entry'}.`); }), [id]);
  useEffect(() => {
    pageKeys.set([
      { key: 'n', words: 'What is next: go to it', run: () => document.querySelector<HTMLElement>('#next button, #next a')?.focus() },
      { key: 'w', words: 'Write a note', run: () => { const note = verbOf('note'); if (record.get()) announce(RECORD_WORDS); else if (note) order({ verb: note, values: {} }); } },
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
            {view === 'people' && <PeopleView room={room} again={looked.again} />}
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
  const isOver = useCell(record) || isClosed;
  return (
    <section class={`hero casehero ${isClosed ? '' : 'edge-bad'}${isCompact ? ' compact' : ''}`} aria-labelledby="what">
      <p class="herotop">
        <Severity declared={one.severity} suggested={one.suggestedSeverity} /> <strong>{words(one.stage)}</strong>{' '}
        {one.acknowledged ? <Mark tone="good">acknowledged</Mark> : !isClosed && <Mark tone="warn">nobody has acknowledged it</Mark>}
        <span class="dim"> {one.id} · <a href={`/protocol/${segment(one.protocol)}`}><T s={one.protocol} max={60} /></a></span>
      </p>
      <h1 id="what" class="herosay"><T s={headline(one.sentence)} max={260} /></h1>
      <Figures of={one}><div class="since"><dt>{isOver ? 'Opened' : 'Since seen'}</dt><dd>{isOver ? <Time at={one.openedAt} /> : <span class="money" role="timer">{stopwatch(current - one.openedAt)}</span>}</dd></div></Figures>
      {one.levers.length > 0 && <ul class="leverline" aria-label="Levers of this case">{one.levers.map((lever) => <li key={lever.name}><Standing s={lever.standing} /> <strong><T s={lever.name} max={40} /></strong>{lever.standing === 'held' && <span class="dim"> {isOver ? lever.heldUntil !== null && <>until <Time at={lever.heldUntil} /></> : <Hold lever={lever} />}</span>}{lever.leaks && <> <Mark tone="bad">still leaks</Mark></>}{lever.why && <p class="sub"><T s={lever.why} max={160} /></p>}</li>)}</ul>}
    </section>
  );
}

/** Until when it is held, and what happens then. */
function Hold({ lever }: { lever: CaseLever }) {
  const current = useCell(tick);
  const left = lever.heldUntil === null ? Infinity : lever.heldUntil - current;
  return <span class={`hold ${left <= 0 ? 'bad' : left < 60_000 ? 'warn' : ''}`} role="timer" title={lever.heldUntil === null ? undefined : whole(lever.heldUntil)}>{holdWords(lever, current)}</span>;
}

function NowView({ room }: { room: Room }) {
  const { one, playbooks, order } = room;
  const who = useCell(session);
  const here = useCell(place);
  const isRecord = useCell(record);
  const allowed = sayable(one.allowed, one.stage);
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
        ) : isRecord ? <p class="empty">{RECORD_WORDS}</p> : <p class="empty">Responders can. {who?.signedIn ? 'You are signed in to look on.' : <a href={signInAt(here)}>Sign in</a>}</p>}
      </section>
      <section class="card wide" aria-labelledby="n-last">
        <header class="cardhead"><h2 id="n-last">The newest entries</h2><a href={`/case/${segment(one.id)}?view=timeline`}>All of the timeline</a></header>
        <NewestEntries id={one.id} room={room} most={12} />
      </section>
      <p class="dim wide">Opened <Time at={one.openedAt} /> (<Ago at={one.openedAt} />), {plural(one.findings, 'finding')}, {plural(one.transactions.length, 'transaction')}{one.merged.length > 0 && <>; merged: {one.merged.map((other) => <a key={other} href={`/case/${segment(other)}`}>{other} </a>)}</>}</p>
    </div>
  );
}
