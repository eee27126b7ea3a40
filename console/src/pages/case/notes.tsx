// Notes and evidence: what people write down and what they keep, with its hash.

import { useRef, useState } from 'preact/hooks';
import { href, may, segment, session } from '../../api/client';
import { useList } from '../../api/pages';
import { useApi } from '../../api/use';
import { uploadEvidence } from '../../api/evidence';
import type { Evidence, Page, TimelineEntry } from '../../api/types';
import { useCell } from '../../lib/cell';
import { WRITES } from '../../lib/commands';
import { brief, size } from '../../lib/text';
import { Answer, useAct } from '../../ui/act';
import { Card, Empty, Hex, Only, T, Table, Time } from '../../ui/basics';
import { Failed, Look } from '../../ui/look';
import { say } from './command';
import type { Room } from './room';
import { keyOf, wordOf } from './timeline';

/** What the program takes at most, bytes. */
const EVIDENCE_BYTES_MAX = 10 * 1024 * 1024;

export function NotesView({ room }: { room: Room }) {
  const { one, order } = room;
  const who = useCell(session);
  const isNews = (news: { cases: string[] }) => news.cases.includes(one.id);
  const list = useList<TimelineEntry>(`/cases/${segment(one.id)}/timeline?order=newest&kinds=command,note,playbook`, keyOf, isNews, 'newest');
  const evidence = useApi<Page<Evidence>>(`/cases/${segment(one.id)}/evidence`, isNews);
  const notes = list.items.filter((entry) => entry.who !== null).reverse().slice(0, 200);
  const isWriter = may(who, 'responder');
  return (
    <div class="columns">
      <Card title="Notes" id="notes">
        {isWriter ? <Quick id={one.id} /> : <Only words="Responders write notes." />}
        {isWriter && <div class="verbs">{WRITES.filter(({ command }) => !['note', 'assign', 'correct'].includes(command)).map((verb) => <button key={verb.command} type="button" class="small" title={verb.explain} onClick={() => order(verb)}>{verb.label} …</button>)}</div>}
        <Failed what="the notes" looked={list} />
        {notes.length === 0 && list.isComplete && <Empty>Nobody has written anything yet. Short and often is best: what you saw, and when.</Empty>}
        <ul class="plainlist">{notes.map((entry) => <li key={keyOf(entry)}><p class="dim"><Time at={entry.at} /> · <T s={entry.who} max={40} /> · <T s={wordOf(entry)} max={40} /> · entry {entry.seq}</p>{entry.sentence && <p><T s={brief(entry.sentence)} max={600} lines /></p>}</li>)}</ul>
      </Card>
      <Card title="Evidence" id="evidence">
        {isWriter ? <Upload id={one.id} again={evidence.again} /> : <Only words="Responders add evidence." />}
        <Look what="the evidence" looked={evidence}>{({ items }) => items.length === 0 ? <Empty>Nothing was kept yet. Screenshots, exports and letters go here; each is journaled with its hash.</Empty> : (
          <Table label="Evidence" head={['When', 'Name', { num: 'Size' }, 'SHA-256']}>{items.map((file) => <tr key={file.seq}><td><Time at={file.at} /><br /><span class="dim"><T s={file.who} max={30} /></span></td><td><a href={href(`/cases/${segment(one.id)}/evidence/${segment(file.sha256)}`)} download><T s={file.name} max={60} /></a>{file.note && <p class="sub"><T s={file.note} max={200} /></p>}</td><td class="num">{size(file.bytes)}</td><td><Hex v={file.sha256.replace(/^0x/, '')} /></td></tr>)}</Table>
        )}</Look>
      </Card>
    </div>
  );
}

const kept = new Map<string, string>();
function Quick({ id }: { id: string }) {
  const [text, write] = useState(kept.get(id) ?? '');
  const act = useAct();
  const submit = (event: Event) => {
    event.preventDefault();
    if (!text.trim()) return;
    void act.run(async () => { await say(id, { command: 'note', text: text.trim() }, null); return 'Journaled.'; }).then((isDone) => { if (isDone) { write(''); kept.delete(id); } });
  };
  return (
    <form onSubmit={submit} class="quick">
      <label for="quick">A note under your name; it cannot be changed later</label>
      <textarea id="quick" rows={2} dir="auto" value={text} onInput={(event) => { write(event.currentTarget.value); kept.set(id, event.currentTarget.value); }} onKeyDown={(event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event); }} />
      <button type="submit" aria-busy={act.isBusy} disabled={!text.trim()}>Write it down</button>
      <Answer said={act.said} />
    </form>
  );
}

const hex = (bytes: ArrayBuffer): string => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

function Upload({ id, again }: { id: string; again: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [note, write] = useState('');
  const act = useAct();
  const submit = (event: Event) => {
    event.preventDefault();
    void act.run(async () => {
      const file = input.current?.files?.[0];
      if (!file) throw new Error('no file was chosen');
      if (file.size > EVIDENCE_BYTES_MAX) throw new Error(`the file has ${file.size.toLocaleString('en')} bytes; at most ${EVIDENCE_BYTES_MAX.toLocaleString('en')} are kept. Split it, or note where it lies`);
      // Its hash is worked out here first, so that what was kept can be told from what was sent.
      const ours = globalThis.crypto?.subtle ? hex(await crypto.subtle.digest('SHA-256', await file.arrayBuffer())) : null;
      const { sha256 } = await uploadEvidence(id, file, note.trim());
      if (ours && ours !== sha256.replace(/^0x/, '')) throw new Error(`the program kept something else than was sent: ${sha256} instead of ${ours}. Send it again`);
      write('');
      if (input.current) input.current.value = '';
      again();
      return `Kept and journaled: ${sha256}`;
    });
  };
  return (
    <form onSubmit={submit} class="quick">
      <label for="file">A file, at most 10 MiB</label>
      <input id="file" type="file" ref={input} />
      <label for="filenote">What it shows</label>
      <input id="filenote" type="text" value={note} onInput={(event) => write(event.currentTarget.value)} dir="auto" />
      <button type="submit" aria-busy={act.isBusy}>{act.isBusy ? 'Sending …' : 'Keep it'}</button>
      <Answer said={act.said} />
    </form>
  );
}
