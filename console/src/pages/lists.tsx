// Cases and protocols as lists, channels, and who did what.

import { useState } from 'preact/hooks';
import { RECORD_WORDS, may, record, segment, send, session } from '../api/client';
import { useList } from '../api/pages';
import { useApi } from '../api/use';
import type { AuditLine, CaseLine, Channel, Page, ProtocolLine } from '../api/types';
import { useCell } from '../lib/cell';
import { words } from '../lib/text';
import { Act } from '../ui/act';
import { Ago, Card, Empty, Mark, Money, T, Table, Time } from '../ui/basics';
import { Failed, Look } from '../ui/look';
import { CaseList } from './overview';
import { plural, worst } from './shared';

export function CasesPage() {
  const [which, choose] = useState<'open' | 'closed'>('open');
  const list = useList<CaseLine>(`/cases?open=${which === 'open'}`, ({ id }) => id, () => true, 'changing');
  const first = worst(list.items);
  const sorted = [...list.items].sort((a, b) => (a === first ? -1 : b === first ? 1 : b.openedAt - a.openedAt));
  return (
    <>
      <h1>Cases</h1>
      <div class="choices" role="group" aria-label="Which cases">
        {(['open', 'closed'] as const).map((one) => <button key={one} type="button" aria-pressed={which === one} onClick={() => choose(one)}>{one === 'open' ? 'Open' : 'Closed'}</button>)}
      </div>
      <Failed what="the cases" looked={list} />
      {sorted.length > 0 && <CaseList cases={sorted} />}
      {sorted.length === 0 && list.isComplete && <Empty>{which === 'open' ? 'No case is open.' : 'No case was closed yet.'}</Empty>}
      {list.isLoading && <p class="empty loading" role="status">Looking …</p>}
    </>
  );
}

export function ProtocolsPage() {
  const looked = useApi<Page<ProtocolLine>>('/protocols');
  return (
    <>
      <h1>Protocols</h1>
      <Look what="the protocols" looked={looked}>{({ items }) => items.length === 0 ? <Empty>No protocol is configured: nothing is protected.</Empty> : (
        <ul class="caselist">{items.map(({ name, chains, valueUsd, openCases, broken }) => <li key={name}><a class="caseline" href={`/protocol/${segment(name)}`}><strong><T s={name} max={80} /></strong>{openCases ? <> <Mark tone="bad">{plural(openCases, 'open case')}</Mark></> : null}{broken ? <> <Mark tone="bad">{plural(broken, 'brake')} broken</Mark></> : null} {valueUsd !== undefined && <>protects <Money v={valueUsd} big /> </>}<span class="dim">on {chains.length === 1 ? 'chain' : 'chains'} {chains.join(', ')}</span></a></li>)}</ul>
      )}</Look>
    </>
  );
}

export function ChannelsPage() {
  const looked = useApi<Page<Channel>>('/channels');
  const who = useCell(session);
  const isRecord = useCell(record);
  return (
    <>
      <h1>Channels</h1>
      <p class="lead">How people are told. Messages wait in a queue on disk until a channel takes them; none is lost while it is down.</p>
      <Look what="the channels" looked={looked}>{({ items }) => items.length === 0 ? isRecord ? <Empty>{RECORD_WORDS} Nobody is told anything from here.</Empty> : <Empty>No channel is configured: nobody would be told of an attack. Add one under <code>notify</code> in portcullis.yaml.</Empty> : (
        <div class="tiles">{items.map((channel) => (
          <Card key={channel.name} title={<T s={channel.name} max={40} />} id={`ch-${channel.name}`} tone={channel.healthy ? 'good' : 'bad'}>
            <p class="verdict">{channel.healthy ? <Mark tone="good">Works</Mark> : <Mark tone="bad">Down</Mark>}</p>
            <dl class="pairs"><div><dt>Waiting</dt><dd>{plural(channel.queued, 'message')}</dd></div><div><dt>Last sent</dt><dd><Ago at={channel.lastSentAt} /></dd></div></dl>
            {channel.failingSince != null && <p>Since <Time at={channel.failingSince} /> (<Ago at={channel.failingSince} />)</p>}
            {channel.undeliverable ? <p><Mark tone="bad">{plural(channel.undeliverable, 'message')} could not be delivered</Mark></p> : null}
            {channel.lastError && <p class="sub">Last error: <T s={channel.lastError} /></p>}
            {may(who, 'commander') && <Act what={async () => { const { delivered, why } = await send<{ delivered: boolean; why: string }>('POST', `/channels/${segment(channel.name)}/test`); looked.again(); if (!delivered) throw new Error(`the channel did not take it: ${why}`); return `${channel.name} took a test message. Ask whether it has arrived.`; }}>Send a test message</Act>}
          </Card>
        ))}</div>
      )}</Look>
    </>
  );
}

const DONE: Record<string, string> = {
  nonce: 'asked for a text to sign in with', signIn: 'signed in', signOut: 'signed out', endSessions: 'ended sessions', command: 'said something', handIn: 'handed in a file', startPlaybook: 'began a playbook',
  moveRun: 'stopped or took back a playbook', moveStep: 'said something of a step', approve: 'handed over a signature', release: 'spoke in public', testChannel: 'tested a channel',
};
/** Which order it was, where a route takes several. */
const ORDERS: Record<string, string> = {
  'moveRun undo': 'took a playbook back', 'moveRun stop': 'stopped a playbook', 'moveStep done': 'did a step', 'moveStep failed': 'could not do a step', 'moveStep skip': 'left a step out',
  'moveStep approve': 'signed a step', 'moveStep withdraw': 'took back the signature of a step', 'moveStep object': 'objected to a step', 'moveStep retry': 'had a step tried again',
};
const COMING_AND_GOING = /^(nonce|signIn|signOut) /;

/** `moveStep /api/v1/cases/PC-000001/playbooks/7/steps/look` in words; what is not known stays as it is. */
export function deed(what: string, said?: string | null): { text: string; id: string | null; more: string } {
  const [route = '', path = ''] = what.split(' ');
  const [, id = null, rest = ''] = /^\/api\/v1\/cases\/(PC-\d+)\/?(.*)$/.exec(path) ?? [];
  const text = (said && (ORDERS[`${route} ${said}`] ?? (route === 'command' ? `said “${words(said)}”` : undefined))) || DONE[route];
  return text === undefined ? { text: what, id: null, more: '' } : { text, id, more: /\/steps\/(.+)$/.exec(rest)?.[1] ?? (id === null ? (/^\/api\/v1\/(?:channels|sessions)\/([^/]+)/.exec(path)?.[1] ?? '') : '') };
}

export function AuditPage() {
  const [isAll, all] = useState(false);
  const list = useList<AuditLine>('/audit', ({ seq }) => String(seq), () => true, 'newest');
  const newest = [...list.items].reverse().filter(({ what }) => isAll || !COMING_AND_GOING.test(what)).slice(0, 500);
  return (
    <>
      <h1>Who did what</h1>
      <p class="lead">Every order that people gave, also the refused ones.</p>
      <div class="choices" role="group" aria-label="Which lines">{([[false, 'Orders'], [true, 'Also who signed in']] as const).map(([value, name]) => <button key={name} type="button" aria-pressed={isAll === value} onClick={() => all(value)}>{name}</button>)}</div>
      <Failed what="the audit" looked={list} />
      {newest.length > 0 && <Table label="Who did what" head={['When', 'Who', 'What', 'Outcome']}>
        {newest.map((line) => <tr key={line.seq}><td><Time at={line.at} /></td><td><T s={line.who} max={40} /></td><td><Deed what={line.what} said={line.said} /></td><td>{line.accepted ? <Mark tone="good">taken</Mark> : <><Mark tone="warn">refused</Mark> <T s={line.why} /></>}</td></tr>)}
      </Table>}
      {newest.length === 0 && list.isComplete && <Empty>Nobody has given an order yet.</Empty>}
    </>
  );
}

function Deed({ what, said }: { what: string; said?: string | null }) {
  const { text, id, more } = deed(what, said);
  return <span title={what}><T s={text} max={160} />{more && <>: <T s={more} max={60} /></>}{id && <> in <a href={`/case/${segment(id)}`}>{id}</a></>}</span>;
}
