// The form behind a word of people. What was written stays when the dialog is closed by mistake.

import { useState } from 'preact/hooks';
import { segment, send } from '../../api/client';
import type { CaseDetail } from '../../api/types';
import { toCommand, wrong, type Field, type Verb } from '../../lib/commands';
import { words } from '../../lib/text';
import { clockSkew } from '../../lib/time';
import { Answer, useAct } from '../../ui/act';
import { T } from '../../ui/basics';
import { Dialog } from '../../ui/dialog';

const drafts = new Map<string, Record<string, string>>();
const GRADES: [string, string][] = [['P1', 'critical: funds are lost, or an attack goes on'], ['P2', 'high: a loss is possible'], ['P3', 'moderate: a loss is unlikely'], ['P4', 'low: can be scheduled'], ['P5', 'information']];
const ROLES = ['incidentCommander', 'protocolEngineer', 'securityAuditor', 'signerCoordinator', 'communications', 'scribe', 'legal', 'community'];

export async function say(id: string, command: Record<string, unknown>, when: number | null): Promise<void> {
  await send('POST', `/cases/${segment(id)}/commands`, when === null ? { command } : { command, when });
}

export function CommandDialog({ one, verb, initial, onClose, onDone }: { one: CaseDetail; verb: Verb; initial: Record<string, string>; onClose: () => void; onDone: () => void }) {
  const key = `${one.id} ${verb.command}`;
  const [values, set] = useState<Record<string, string>>(() => ({ ...(verb.command === 'declare' ? { severity: one.severity ?? one.suggestedSeverity ?? 'P1' } : {}), ...drafts.get(key), ...initial }));
  const [when, setWhen] = useState('');
  const [problems, complain] = useState<Record<string, string>>({});
  const act = useAct();
  const change = (name: string, value: string) => {
    const next = { ...values, [name]: value };
    set(next);
    drafts.set(key, next);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const found = wrong(verb, values);
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
        {verb.fields.map((field, index) => <Input key={field.name} isFirst={index === 0} field={field} value={values[field.name] ?? ''} problem={problems[field.name]} change={(value) => change(field.name, value)} />)}
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

function Input({ field, isFirst, value, problem, change }: { field: Field; isFirst: boolean; value: string; problem: string | undefined; change: (value: string) => void }) {
  const id = `f-${field.name}`;
  const common = { id, 'aria-describedby': `h-${field.name}`, 'aria-invalid': !!problem, required: !field.isOptional, autofocus: isFirst };
  const onInput = (event: { currentTarget: { value: string } }) => change(event.currentTarget.value);
  return (
    <p class="field">
      <label for={id}>{field.label}{field.isOptional && <span class="dim"> (if so)</span>}</label>
      {field.kind === 'area' ? <textarea {...common} rows={4} value={value} onInput={onInput} dir="auto" />
        : field.kind === 'severity' ? <select {...common} value={value} onChange={onInput}>{GRADES.map(([grade, say]) => <option key={grade} value={grade}>{grade} – {say}</option>)}</select>
        : field.kind === 'role' ? <select {...common} value={value} onChange={onInput}><option value="">Choose …</option>{ROLES.map((role) => <option key={role} value={role}>{words(role)}</option>)}</select>
        : field.kind === 'time' ? <input {...common} type="datetime-local" step="1" value={value} onInput={onInput} />
        : <input {...common} type="text" inputMode={field.kind === 'usd' ? 'decimal' : field.kind === 'number' || field.kind === 'entry' ? 'numeric' : 'text'} value={value} onInput={onInput} autoComplete="off" dir="auto" />}
      <span id={`h-${field.name}`} class={problem ? 'hint problem' : 'hint'}>{problem ?? field.hint ?? ''}</span>
    </p>
  );
}
