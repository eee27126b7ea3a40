// What guardians are asked to sign. A click approves nothing; a signature does.

import { useState } from 'preact/hooks';
import { record, segment, send } from '../../api/client';
import type { ApprovalAsked } from '../../api/types';
import { useCell } from '../../lib/cell';
import { Card, Countdown, Empty, Hex, Mark, T } from '../../ui/basics';
import { Look } from '../../ui/look';
import type { Room } from './room';
import { SignDialog } from './signing';

const TITLES: Record<string, string> = { pull: 'Pull', ratify: 'Keep pulled', resume: 'Let the program act alone again', release: 'Let go' };

export function ApprovalsView({ room: { one, approvals } }: { room: Room }) {
  const [signing, sign] = useState<ApprovalAsked | null>(null);
  const isRecord = useCell(record);
  return (
    <>
      <p class="lead">Some levers are pulled only when guardians have signed. What is signed is shown first, in words and field by field.</p>
      <Look what="what is asked for" looked={approvals}>{({ items: all }) => all.length === 0 ? <Empty>No signature is asked for.</Empty> : (
        <div class="tiles">{all.map((asked) => (
          <Card key={`${asked.kind}${asked.lever}${asked.decision}`} id={`a-${asked.decision}-${asked.kind}`} tone={asked.missing > 0 ? 'warn' : 'good'} title={<>{TITLES[asked.kind] ?? asked.kind}: <T s={asked.lever} max={60} /></>}>
            <p><T s={asked.words} max={400} /></p>
            <Quorum signed={asked.quorum - asked.missing} quorum={asked.quorum} />
            <ul class="plainlist">{asked.signed.map(({ guardian, name }) => <li key={guardian}><Mark tone="good">signed</Mark> <Hex v={guardian} name={name} /></li>)}</ul>
            <p class="dim">Guardians: {asked.guardians.map(({ guardian, name }) => <span key={guardian} class="gap"><Hex v={guardian} name={name} /></span>)}</p>
            <p><Countdown to={asked.deadline} over="too late by" /></p>
            {asked.missing > 0 && !isRecord && <button type="button" class="primary" onClick={() => sign(asked)}>See what is signed …</button>}
          </Card>
        ))}</div>
      )}</Look>
      {signing && <SignDialog title={`${TITLES[signing.kind] ?? signing.kind}: ${signing.lever.slice(0, 80)}`} data={signing.typedData} expected={{ action: signing.kind, case: one.id, lever: signing.lever, protocol: one.protocol, decision: String(signing.decision) }} guardians={signing.guardians.map(({ guardian }) => guardian)} onClose={() => sign(null)} onSigned={async (signature) => {
        await send('POST', `/cases/${segment(one.id)}/approvals`, { kind: signing.kind, case: one.id, lever: signing.lever, decision: signing.decision, signature });
        approvals.again();
        return 'Your signature was taken.';
      }} />}
    </>
  );
}

export function Quorum({ signed, quorum }: { signed: number; quorum: number }) {
  return <p class="quorum"><span aria-hidden="true">{'●'.repeat(Math.min(signed, 12))}{'○'.repeat(Math.max(0, Math.min(quorum - signed, 12)))}</span> {Math.max(0, signed)} of {quorum}</p>;
}
