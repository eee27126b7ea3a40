// Playbooks at work: who does what until when, and what was done. Only what the person may do now has a button.

import { useEffect, useState } from 'preact/hooks';
import { may, record, segment, send, session } from '../../api/client';
import type { Playbooks, RunView, StepView } from '../../api/types';
import { useCell } from '../../lib/cell';
import { place } from '../../lib/router';
import { notTicked, withNotTicked } from '../../lib/ticks';
import { plural, words } from '../../lib/text';
import { Answer, useAct } from '../../ui/act';
import { Ago, Card, Countdown, Empty, Mark, Only, T, type Tone } from '../../ui/basics';
import { Dialog } from '../../ui/dialog';
import { Look } from '../../ui/look';
import { Quorum } from './approvals';
import type { Room } from './room';
import { SignDialog } from './signing';

const STATUS: Record<string, [Tone, string]> = {
  waiting: ['quiet', 'waits for other steps'], awaitingApproval: ['warn', 'waits for agreement'], ready: ['info', 'to be done'], running: ['info', 'the machine is at it'], checking: ['info', 'being checked'],
  done: ['good', 'done'], failed: ['bad', 'failed'], skipped: ['quiet', 'skipped'], undoing: ['info', 'being taken back'], undone: ['quiet', 'taken back'], undoFailed: ['bad', 'could not be taken back'],
};
const DO: Record<string, { label: string; ask: string | null; needs: boolean }> = {
  done: { label: 'Done', ask: 'What should the others know?', needs: false },
  failed: { label: 'Could not be done', ask: 'Why not?', needs: true },
  skip: { label: 'Skip', ask: 'Why is it not needed?', needs: true },
  approve: { label: 'Agree', ask: null, needs: false },
  withdraw: { label: 'Take my agreement back', ask: null, needs: false },
  object: { label: 'Say no', ask: 'Why not?', needs: true },
  retry: { label: 'Try again', ask: null, needs: false },
};

/** The verbs in the order of the buttons, and those that carry a step on. */
const ORDER = ['approve', 'done', 'retry', 'failed', 'object', 'withdraw', 'skip'];
const FORWARD = ['approve', 'done', 'retry'];

interface Ask { title: string; explain: string; label: string; needs: boolean; isGrave?: boolean; left?: string[]; done: (text: string) => Promise<string> }

export function PlaybooksView({ room: { one, playbooks } }: { room: Room }) {
  const who = useCell(session);
  const isRecord = useCell(record);
  const [asking, ask] = useState<Ask | null>(null);
  const [signing, sign] = useState<{ run: RunView; step: StepView } | null>(null);
  const path = `/cases/${segment(one.id)}/playbooks`;
  const isThere = playbooks.value !== null;
  const { hash } = useCell(place);
  useEffect(() => {
    const wanted = decodeURIComponent(hash.slice(1));
    if (!isThere || !wanted) return;
    const element = document.getElementById(`s-${wanted}`) ?? document.querySelector<HTMLElement>(`[data-step="${CSS.escape(wanted)}"]`) ?? (wanted === 'offered' ? document.getElementById(wanted) : null);
    element?.scrollIntoView({ block: 'start' });
    element?.focus({ preventScroll: true });
  }, [isThere, hash]);
  const start = (id: string, title: string) => ask({
    title: 'Start this playbook', label: 'Start it', needs: false, explain: `“${title}”: its steps are given to people, and their clocks begin at once. You see the steps once it has begun; a commander can stop it.`,
    done: async () => { await send('POST', path, { playbook: id }); return 'The playbook has begun.'; },
  });
  const turn = (run: RunView, verb: 'undo' | 'stop') => ask({
    title: verb === 'undo' ? 'Take everything back' : 'Stop this playbook', label: verb === 'undo' ? 'Take back' : 'Stop', needs: true, isGrave: true,
    explain: verb === 'undo' ? 'What was done is taken back step by step, the newest first, once the quorum of the playbook agrees.' : 'No step is begun any more. What was done stays as it is.',
    done: async (why) => { await send('POST', `${path}/${run.run}`, { do: verb, why }); return verb === 'undo' ? 'Journaled: taking back.' : 'Journaled: stopped.'; },
  });
  const act = (run: RunView, step: StepView, verb: string) => {
    if (verb === 'approve' && step.typedData) { sign({ run, step }); return; }
    const { label, ask: question, needs } = DO[verb] ?? { label: words(verb), ask: 'Why?', needs: true };
    // A step is done when its boxes are ticked; who leaves one open says why, and the record says which.
    const left = verb === 'done' ? notTicked(step.checklist, ticks.get(ticksOf(run, step))) : [];
    ask({ title: `${label}: ${step.title.slice(0, 100)}`, label, left, needs: needs || left.length > 0, explain: left.length > 0 ? 'Why is it done all the same?' : (question ?? 'It is journaled under your name.'), done: async (text) => { await send('POST', `${path}/${run.run}/steps/${segment(step.id)}`, { do: verb, text: withNotTicked(left, text) }); return `Journaled: ${label.toLowerCase()}.`; } });
  };
  return (
    <Look what="the playbooks" looked={playbooks}>{(all: Playbooks) => <>
      {all.runs.length === 0 && all.offered.length === 0 && <Empty>No playbook is at work, and none of yours is made for this kind of case. Playbooks are named under <code>war</code> in portcullis.yaml.</Empty>}
      {all.runs.some(({ over }) => !over) && !isRecord && who?.signedIn && who.roles.length === 0 && <p class="notice info">You are signed in as <strong><T s={who.name} max={40} /></strong>, who has no role in the roster: you can follow the steps, and the people who are named at them do them.</p>}
      {all.runs.map((run) => (
        <Card key={run.run} id={`r-${run.run}`} title={<><T s={run.title} max={120} /> <span class="dim">begun by entry {run.run}{run.over ? ', over' : run.direction === 'back' ? ', being taken back' : run.direction === 'stopped' ? ', stopped' : ''}</span></>} actions={may(who, 'commander') && !run.over ? <span class="row"><button type="button" class="small" onClick={() => turn(run, 'undo')}>Take back …</button><button type="button" class="small" onClick={() => turn(run, 'stop')}>Stop …</button></span> : undefined}>
          <Progress run={run} />
          <ol class="steps">{run.steps.map((step) => <Step key={step.id} run={run} step={step} act={act} me={who?.name ?? null} />)}</ol>
        </Card>
      ))}
      {all.offered.length > 0 && <Card title={all.runs.length ? 'Others that are made for this' : 'Playbooks that are made for this'} id="offered">
        <ul class="plainlist">{all.offered.map(({ id, title, why, faults }) => <li key={id}><strong><T s={title} max={120} /></strong> <span class="dim"><T s={id} max={60} /></span><p class="sub"><T s={why} max={300} /></p>{faults && faults.length > 0 && <div class="notice warn"><p><strong>Not all of it can be carried out here:</strong></p><ul>{faults.map((fault) => <li key={fault}><T s={fault} max={300} /></li>)}</ul></div>}{may(who, 'commander') && <button type="button" onClick={() => start(id, title)}>Start it …</button>}</li>)}</ul>
        {!may(who, 'commander') && <Only words="A commander starts them." />}
      </Card>}
      {asking && <AskDialog ask={asking} onClose={() => ask(null)} onDone={playbooks.again} />}
      {signing && signing.step.typedData && <SignDialog title={signing.step.title.slice(0, 100)} data={signing.step.typedData} expected={{ case: one.id, protocol: one.protocol, playbook: signing.run.id, run: String(signing.run.run), step: signing.step.id, attempt: String(signing.step.attempt), ...(signing.step.lever ? { lever: signing.step.lever } : {}) }} onClose={() => sign(null)} onSigned={async (signature) => {
        await send('POST', `${path}/${signing.run.run}/steps/${segment(signing.step.id)}`, { do: 'approve', text: '', signature });
        playbooks.again();
        return 'Your signature was taken.';
      }} />}
    </>}</Look>
  );
}

function Progress({ run }: { run: RunView }) {
  const over = run.steps.filter(({ status }) => ['done', 'skipped', 'undone'].includes(status)).length;
  return <p class="dim"><progress max={run.steps.length} value={over} aria-label="Steps that are over" /> {over} of {plural(run.steps.length, 'step')} {run.steps.length === 1 ? 'is' : 'are'} over</p>;
}

function Step({ run, step, act, me }: { run: RunView; step: StepView; act: (run: RunView, step: StepView, verb: string) => void; me: string | null }) {
  const [tone, word] = STATUS[step.status] ?? (['info', words(step.status)] as [Tone, string]);
  const isUnderWay = ['awaitingApproval', 'ready', 'running', 'checking', 'undoing', 'failed', 'undoFailed'].includes(step.status);
  const isMine = me !== null && step.people.includes(me);
  // What carries it on comes first; leaving it out comes last.
  const mayI = (useCell(record) ? [] : [...step.mayI]).sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
  return (
    <li id={`s-${run.run}-${step.id}`} data-step={step.id} tabIndex={-1} class={`step ${isUnderWay ? 'underway' : ''}`}>
      <div class="stephead"><Mark tone={tone}>{word}</Mark> <h3><T s={step.title} max={160} /></h3>{step.dueAt !== null && isUnderWay && <Countdown to={step.dueAt} over="overdue by" />}</div>
      <p class="dim">{words(step.owner)}{isMine && <strong> (you)</strong>}{step.people.length > 0 ? <>: <T s={step.people.join(', ')} max={100} /></> : <>: <Mark tone="warn">nobody has this role</Mark></>}{step.since !== null && isUnderWay && <> · since <Ago at={step.since} /></>}{step.attempt > 1 && <> · attempt {step.attempt}</>}{step.doneBy && <> · by <T s={step.doneBy} max={60} /></>}</p>
      {step.lever && isUnderWay && <p>Lever: <strong><T s={step.lever} max={60} /></strong></p>}
      {step.text && step.audience && <div class="note"><p class="dim">To {words(step.audience).toLowerCase()}:</p><p><T s={step.text} max={1_500} lines /></p></div>}
      {step.why && <p><T s={step.why} max={400} /></p>}
      {step.note && <p class="note"><T s={step.note} max={600} lines /></p>}
      {step.quorum > 0 && isUnderWay && <><Quorum signed={step.approvals.length} quorum={step.quorum} />{step.approvals.length > 0 && <p class="dim">Agreed: <T s={step.approvals.join(', ')} /></p>}{step.objections.length > 0 && <p><Mark tone="bad">said no</Mark> <T s={step.objections.join(', ')} /></p>}</>}
      {step.status === 'waiting' && step.dependsOn && step.dependsOn.length > 0 && <p class="dim">After: {step.dependsOn.map((before) => run.steps.find(({ id }) => id === before)?.title ?? before).map((title) => <span key={title} class="gap"><T s={title} max={80} /></span>)}</p>}
      {(step.instructions || step.checklist.length > 0) && (
        <details open={step.status === 'ready' || step.status === 'awaitingApproval'}><summary>What to do</summary>
          {step.instructions && <p><T s={step.instructions} max={2_000} lines /></p>}
          {step.checklist.length > 0 && <Checklist id={ticksOf(run, step)} items={step.checklist} />}
        </details>
      )}
      {mayI.length > 0 && <div class="verbs">{mayI.map((verb) => <button key={verb} type="button" class={FORWARD.includes(verb) ? 'primary' : isUnderWay ? '' : 'small'} onClick={() => act(run, step, verb)}>{DO[verb]?.label ?? words(verb)}{verb === 'approve' && step.typedData ? ' (sign) …' : ' …'}</button>)}</div>}
    </li>
  );
}

/** Ticks are this browser's only; what counts is the word "done", which names those that are missing. */
const ticksOf = (run: RunView, step: StepView): string => `${run.run}-${step.id}-${step.attempt}`;
const ticks = new Map<string, Set<number>>();
function Checklist({ id, items }: { id: string; items: string[] }) {
  const [, redraw] = useState(0);
  const ticked = ticks.get(id) ?? new Set<number>();
  const turn = (index: number) => { if (ticked.has(index)) ticked.delete(index); else ticked.add(index); ticks.set(id, ticked); redraw((count) => count + 1); };
  return <ul class="checklist">{items.map((item, index) => <li key={index}><label><input type="checkbox" checked={ticked.has(index)} onChange={() => turn(index)} /> <T s={item} max={300} /></label></li>)}</ul>;
}

function AskDialog({ ask, onClose, onDone }: { ask: Ask; onClose: () => void; onDone: () => void }) {
  const [text, write] = useState('');
  const [problem, complain] = useState('');
  const act = useAct();
  const submit = (event: Event) => {
    event.preventDefault();
    if (ask.needs && text.trim() === '') { complain('Please fill this in.'); document.getElementById('ask')?.focus(); return; }
    void act.run(() => ask.done(text.trim())).then((isDone) => { if (isDone) { onDone(); onClose(); } });
  };
  return (
    <Dialog title={<T s={ask.title} max={140} />} onClose={onClose}>
      <form onSubmit={submit} noValidate>
        {ask.left && ask.left.length > 0 && <div class="notice warn"><p><strong>Not ticked:</strong></p><ul>{ask.left.map((item, index) => <li key={index}><T s={item} max={300} /></li>)}</ul><p>Cancel and tick what is done, or say why it is left out.</p></div>}
        <p class="field"><label for="ask"><T s={ask.explain} max={300} />{!ask.needs && <span class="dim"> (a word for the record, if there is one)</span>}</label><textarea id="ask" rows={3} dir="auto" autofocus value={text} onInput={(event) => write(event.currentTarget.value)} aria-invalid={!!problem} aria-describedby="h-ask" /><span id="h-ask" class="hint problem">{problem}</span></p>
        <Answer said={act.said} />
        <div class="dialogend"><button type="submit" class={ask.isGrave ? 'grave' : 'primary'} aria-busy={act.isBusy}>{act.isBusy ? 'Working …' : ask.label}</button><button type="button" onClick={onClose}>Cancel</button></div>
      </form>
    </Dialog>
  );
}
