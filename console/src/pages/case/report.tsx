// What goes out: the measured times, the post-mortem, the bundle that others can verify, and the public word.

import { useState } from 'preact/hooks';
import { Refused, href, may, record, save, segment, send, session } from '../../api/client';
import { useApi } from '../../api/use';
import type { PublicStatus, Readers } from '../../api/types';
import { useCell } from '../../lib/cell';
import { plural } from '../../lib/text';
import { span } from '../../lib/time';
import { Answer, useAct } from '../../ui/act';
import { Card, Empty, Mark, Only, T, Time } from '../../ui/basics';
import { Dialog } from '../../ui/dialog';
import { Look } from '../../ui/look';
import type { Room } from './room';

export function ReportView({ room: { one } }: { room: Room }) {
  const base = `/cases/${segment(one.id)}`;
  const act = useAct();
  const { mttd, mtta, mttc, mttr } = one.numbers;
  const figure = (name: string, explain: string, value: number | null) => <div><dt>{name} <span class="dim">({explain})</span></dt><dd>{value === null ? <span class="dim">not in the record</span> : span(value)}</dd></div>;
  return (
    <div class="columns">
      <Card title="Measured times" id="numbers">
        <dl class="pairs">
          {figure('Detected', 'from the attack’s beginning', mttd)}{figure('Acknowledged', 'from detection', mtta)}{figure('Contained', 'from detection', mttc)}{figure('Resolved', 'from detection', mttr)}
        </dl>
        {mttd === null && <p class="dim">How long the attack went unseen is known once somebody writes down when it began (under Notes).</p>}
      </Card>
      <Card title="Post-mortem" id="postmortem">
        <p>From the journal: impact, timeline, detection gap, containment, times. What only people know is left open to be filled in; no number is in it that is not in the record.</p>
        <p class="row">{([['md', 'Markdown'], ['html', 'HTML'], ['json', 'JSON']] as const).map(([format, name]) => <button key={format} type="button" onClick={() => void act.run(async () => { await save(`${base}/postmortem?format=${format}`, `${one.id}-postmortem.${format}`); return `The post-mortem was saved as ${name}.`; })}>{name}</button>)}</p>
        <Answer said={act.said} />
      </Card>
      <Card title="Case bundle" id="bundle">
        <p>The journal’s part with its proof, the evidence and the reports. Anybody can check it without us: <code>portcullis case verify FILE</code>.</p>
        <p><a class="button" href={href(`${base}/bundle`)} download>Download the bundle</a></p>
      </Card>
      <Public id={one.id} />
    </div>
  );
}

/** Where a public word can be read; nothing where the program does not say. */
export function whereRead({ page, channels }: Readers): string {
  if (!page && channels === 0) return 'Nobody can read it yet: no channel for the public is configured, and the page /status is off (console.publicStatus).';
  const places = [...(page ? ['it stands on the page /status'] : []), ...(channels > 0 ? [`it goes to ${plural(channels, 'channel')} for the public`] : [])].join(', and ');
  return `${places.charAt(0).toUpperCase()}${places.slice(1)}.`;
}

const isReadable = ({ readers }: PublicStatus): boolean => !readers || readers.page || readers.channels > 0;

function Where({ readers }: { readers: Readers | null | undefined }) {
  if (!readers) return null;
  const said = whereRead(readers);
  return <p>{readers.page || readers.channels > 0 ? said : <Mark tone="warn">{said}</Mark>}</p>;
}

/** What the program takes at most, characters. */
const TEXT_CHARS_MAX = 2_000;

function Public({ id }: { id: string }) {
  const looked = useApi<PublicStatus>(`/cases/${segment(id)}/status`, (news) => news.cases.includes(id));
  const who = useCell(session);
  const [text, write] = useState<string | null>(null);
  const [isAsking, ask] = useState(false);
  const act = useAct();
  // Only a person speaks in public: a token's name is in no roster and has no role.
  const isRecord = useCell(record);
  const maySpeak = !isRecord && !!who?.signedIn && who.roles.length > 0 && (may(who, 'commander') || who.roles.includes('communications'));
  // Where the program cannot release a public word yet, nothing is offered.
  if (looked.error instanceof Refused && looked.error.status === 404) return null;
  return (
    <Card title="Public word" id="public">
      <Look what="the public word" looked={looked}>{(status) => <>
        {status.released ? <div class="note"><p><T s={status.released.text} max={4_000} lines /></p><p class="dim">Released <Time at={status.released.at} /> by <T s={status.released.who} max={40} /></p></div> : <Empty>Nothing was said in public yet.</Empty>}
        {!isRecord && <Where readers={status.readers} />}
        {maySpeak ? (
          <form class="quick" onSubmit={(event) => { event.preventDefault(); ask(true); }}>
            <label for="public-text">What everybody may read. While containment is open: no addresses, no mechanics, no amounts that are not public.</label>
            <textarea id="public-text" rows={5} dir="auto" maxLength={TEXT_CHARS_MAX} value={text ?? status.draft} onInput={(event) => write(event.currentTarget.value)} />
            <button type="submit" class="grave" disabled={!(text ?? status.draft).trim()}>Release to the public …</button>
            <Answer said={act.said} />
            {isAsking && <Dialog title={isReadable(status) ? 'Everybody will read this' : 'Nobody can read this yet'} onClose={() => ask(false)}>
              <p class="note"><T s={(text ?? status.draft).trim()} max={4_000} lines /></p>
              <Where readers={status.readers} />
              <p>It cannot be called back. Is there an address, a mechanism or an amount in it that the attacker does not know?</p>
              <div class="dialogend"><button type="button" class="grave" aria-busy={act.isBusy} onClick={() => void act.run(async () => { await send('POST', `/cases/${segment(id)}/status`, { text: (text ?? status.draft).trim() }); looked.again(); write(null); return isReadable(status) ? 'Released.' : 'Released, and nobody can read it yet.'; }).then(() => ask(false))}>Release it</button><button type="button" onClick={() => ask(false)}>Not yet</button></div>
            </Dialog>}
          </form>
        ) : <Only words="A commander of the roster releases it, or whoever has the role communications there." />}
      </>}</Look>
    </Card>
  );
}
