// The form behind a word of people. What was written stays when the dialog is closed by mistake.

import { useState } from 'preact/hooks';
import { segment, send } from '../../api/client';
import type { CaseDetail, CaseTransaction } from '../../api/types';
import { toCommand, wrong, type Field, type Verb } from '../../lib/commands';
import { heldAt, heldLevers, letGo } from '../../lib/held';
import { short, visible, words } from '../../lib/text';
import { clock, clockSkew, now } from '../../lib/time';
import { Answer, useAct } from '../../ui/act';
import { T } from '../../ui/basics';
import { Dialog } from '../../ui/dialog';

const drafts = new Map<string, Record<string, string>>();
const GRADES: [string, string][] = [['P1', 'critical: funds are lost, or an attack goes on'], ['P2', 'high: a loss is possible'], ['P3', 'moderate: a loss is unlikely'], ['P4', 'low: can be scheduled'], ['P5', 'information']];
const ROLES = ['incidentCommander', 'protocolEngineer', 'securityAuditor', 'signerCoordinator', 'communications', 'scribe', 'legal', 'community'];

export async function say(id: string, command: Record<string, unknown>, when: number | null): Promise<void> {
  await send('POST', `/cases/${segment(id)}/commands`, when === null ? { command } : { command, when });
}

/** What a form begins with. */
function firstWords(one: CaseDetail, verb: Verb): Record<string, string> {
  const [held, other] = heldLevers(one);
  if (verb.command === 'declare') return { severity: one.severity ?? one.suggestedSeverity ?? 'P1' };
  return verb.command === 'blocked' && held && !other ? { lever: held.name } : {};
}

export function CommandDialog({ one, verb, initial, onClose, onDone }: { one: CaseDetail; verb: Verb; initial: Record<string, string>; onClose: () => void; onDone: () => void }) {
  const key = `${one.id} ${verb.command}`;
  const [values, set] = useState<Record<string, string>>(() => ({ ...firstWords(one, verb), ...drafts.get(key), ...initial }));
  const [when, setWhen] = useState('');
  const [problems, complain] = useState<Record<string, string>>({});
  const act = useAct();
  const fill = (more: Record<string, string>) => {
    const next = { ...values, ...more };
    set(next);
    drafts.set(key, next);
  };
  const change = (name: string, value: string) => fill({ [name]: value });
  const submit = (event: Event) => {
    event.preventDefault();
    const found = wrong(verb, values, { openedAt: one.openedAt, now: now() });
    const at = when ? Date.parse(`${when}Z`) : null;
    if (at !== null && (!Number.isFinite(at) || at > Date.now() + clockSkew())) found['when'] = 'A time that is over.';
    complain(found);
    const first = Object.keys(found)[0];
    if (first) { document.getElementById(`f-${first}`)?.focus(); return; }
    void act.run(async () => {
      await say(one.id, toCommand(verb, values), at);
      return `Journaled: ${verb.label.toLowerCase()}.`;
    }).then((isDone) => { if (isDone) { drafts.delete(key); onDone(); onClose(); } });
  };
  return (
    <Dialog title={verb.label} onClose={onClose}>
      <form onSubmit={submit} noValidate>
        <p>{verb.explain}</p>
        {verb.isGrave && <p class="notice warn">This closes {one.id}, “<T s={one.sentence} max={120} />”. It can be re-opened.</p>}
        {heldAt(one, verb.command).map((lever) => <p key={lever.name} class="notice warn"><strong><T s={lever.name} max={60} /> is still held</strong>: {letGo(lever)}. Say this only if that is meant.</p>)}
        {verb.command === 'began' && one.transactions.length > 0 && <Transactions all={one.transactions} chosen={values['how'] ?? ''} fill={fill} />}
        {verb.fields.map((field, index) => <Input key={field.name} isFirst={index === 0} field={field} levers={one.levers.map(({ name }) => name)} value={values[field.name] ?? ''} problem={problems[field.name]} change={(value) => change(field.name, value)} />)}
        <details class="when"><summary>It happened earlier</summary>
          <label for="f-when">When (UTC)</label>
          <input id="f-when" type="datetime-local" step="1" value={when} onInput={(event) => setWhen(event.currentTarget.value)} aria-describedby="h-when" />
          <p id="h-when" class="hint">{problems['when'] ?? 'The journal also keeps when it was written down.'}</p>
        </details>
        <Answer said={act.said} />
        <div class="dialogend"><button type="submit" class={verb.isGrave ? 'grave' : 'primary'} aria-busy={act.isBusy}>{act.isBusy ? 'Working …' : verb.label}</button><button type="button" onClick={onClose}>Cancel</button></div>
      </form>
    </Dialog>
  );
}

/** The case's own transactions, oldest first; choosing one fills in its time and its hash. */
function Transactions({ all, chosen, fill }: { all: CaseTransaction[]; chosen: string; fill: (more: Record<string, string>) => void }) {
  const sorted = [...all].sort((a, b) => a.chain - b.chain || a.block - b.block);
  const choose = (hash: string) => {
    const one = all.find((tx) => tx.hash === hash);
    if (one) fill({ how: one.hash, ...(one.at === null ? {} : { at: new Date(one.at).toISOString().slice(0, 19) }) });
  };
  return (
    <p class="field"><label for="f-pick">A transaction of this case</label>
      <select id="f-pick" value={all.some(({ hash }) => hash === chosen) ? chosen : ''} aria-describedby="h-pick" onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">Another one, or choose …</option>
        {sorted.map((tx) => <option key={tx.hash} value={tx.hash}>block {tx.block.toLocaleString('en')}{tx.at !== null && `, ${clock(tx.at, now(), 'UTC')} UTC`} – {visible(short(tx.hash))}</option>)}
      </select>
      <span id="h-pick" class="hint">Its time is when it was seen here; its block may be some seconds older.</span>
    </p>
  );
}

function Input({ field, isFirst, levers, value, problem, change }: { field: Field; isFirst: boolean; levers: string[]; value: string; problem: string | undefined; change: (value: string) => void }) {
  const id = `f-${field.name}`;
  const common = { id, 'aria-describedby': `h-${field.name}`, 'aria-invalid': !!problem, required: !field.isOptional, autofocus: isFirst };
  const onInput = (event: { currentTarget: { value: string } }) => change(event.currentTarget.value);
  return (
    <p class="field">
      <label for={id}>{field.label}{field.isOptional && <span class="dim"> (if so)</span>}</label>
      {field.kind === 'area' ? <textarea {...common} rows={4} value={value} onInput={onInput} dir="auto" />
        : field.kind === 'severity' ? <select {...common} value={value} onChange={onInput}>{GRADES.map(([grade, say]) => <option key={grade} value={grade}>{grade} – {say}</option>)}</select>
        : field.kind === 'role' ? <select {...common} value={value} onChange={onInput}><option value="">Choose …</option>{ROLES.map((role) => <option key={role} value={role}>{words(role)}</option>)}</select>
        : field.kind === 'lever' && levers.length > 0 ? <select {...common} value={value} onChange={onInput}><option value="">Choose …</option>{levers.map((lever) => <option key={lever} value={lever}>{visible(lever).slice(0, 80)}</option>)}</select>
        : field.kind === 'time' ? <input {...common} type="datetime-local" step="1" value={value} onInput={onInput} />
        : <input {...common} type="text" inputMode={field.kind === 'usd' ? 'decimal' : field.kind === 'number' || field.kind === 'entry' ? 'numeric' : 'text'} value={value} onInput={onInput} autoComplete="off" dir="auto" />}
      <span id={`h-${field.name}`} class={problem ? 'hint problem' : 'hint'}>{problem ?? field.hint ?? ''}</span>
    </p>
  );
}
