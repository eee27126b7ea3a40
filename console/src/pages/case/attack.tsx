// The attack: which transactions, what called what, who ended up with what, and what was written where.

import { useApi } from '../../api/use';
import { segment } from '../../api/client';
import { useList } from '../../api/pages';
import type { CaseTransaction, Finding, Flow, Transaction } from '../../api/types';
import { useCell } from '../../lib/cell';
import { amount, roughly, usd } from '../../lib/money';
import { go, place } from '../../lib/router';
import { short, visible, words } from '../../lib/text';
import { Card, Empty, Hex, Mark, Money, T, Table, Time } from '../../ui/basics';
import { FlowPicture } from '../../ui/flows';
import { Failed, Look } from '../../ui/look';
import { CallTree } from '../../ui/tree';
import { plural } from '../shared';
import type { Room } from './room';

export function AttackView({ room: { one } }: { room: Room }) {
  const { query } = useCell(place);
  const wanted = query.get('tx');
  const chosen = one.transactions.find(({ hash }) => hash === wanted) ?? one.transactions[0];
  if (!chosen) return <><Empty>No transaction belongs to this case. A finding can come from a state that nobody changed: an old price, a pending transaction.</Empty><Findings id={one.id} /></>;
  return (
    <>
      <Chooser one={one.id} all={one.transactions} chosen={chosen} />
      {one.attackers.length > 0 && <p><strong>Attackers known:</strong> {one.attackers.map((address) => <span key={address} class="gap"><Hex v={address} /></span>)}</p>}
      <Picture id={one.id} chosen={chosen} />
      <Findings id={one.id} />
    </>
  );
}

function Chooser({ one, all, chosen }: { one: string; all: CaseTransaction[]; chosen: CaseTransaction }) {
  if (all.length === 1) return null;
  return (
    <p class="field"><label for="tx">{plural(all.length, 'transaction')} of this case</label>
      <select id="tx" value={chosen.hash} onChange={(event) => go(`/case/${segment(one)}?view=attack&tx=${segment(event.currentTarget.value)}`, { isReplace: true })}>
        {all.map((tx, index) => <option key={tx.hash} value={tx.hash}>{index + 1}. block {tx.block} – {visible(short(tx.hash))}{tx.lossUsd !== null ? ` – lost ${usd(tx.lossUsd)}` : ''}</option>)}
      </select>
    </p>
  );
}

/** Most findings that are shown here; the timeline has all. */
const FINDINGS_SHOWN = 100;

function Findings({ id }: { id: string }) {
  const list = useList<Finding>(`/cases/${segment(id)}/findings`, ({ key }) => key, (news) => news.cases.includes(id));
  const newest = [...list.items].reverse().slice(0, FINDINGS_SHOWN);
  return (
    <Card title="What was found" id="a-findings">
      <Failed what="the findings" looked={list} />
      {newest.length === 0 && list.isComplete && <Empty>No finding is in this case any more.</Empty>}
      {newest.length > 0 && <Table label="Findings, newest first" head={['Finding', 'Detector', 'State', 'When', { num: 'Loss' }]}>
        {newest.map((one) => <tr key={one.key}><td><T s={one.sentence} max={260} />{one.evidence.length > 0 && <details><summary>Evidence</summary><ul>{one.evidence.map((line, index) => <li key={index}><T s={line} max={400} /></li>)}</ul></details>}</td><td class="nowrap"><T s={one.detector} max={40} /><p class="sub">{words(one.maturity)}{one.proof ? ', a proof' : ''}</p></td><td>{words(one.status)}</td><td><Time at={one.at} /><p class="sub">block {one.block.toLocaleString('en')}</p></td><td class="num"><Money v={one.lossUsd} /></td></tr>)}
      </Table>}
      {list.items.length > FINDINGS_SHOWN && <p class="dim">The newest {FINDINGS_SHOWN} of {list.items.length.toLocaleString('en')}; the timeline has all.</p>}
    </Card>
  );
}

function Picture({ id, chosen }: { id: string; chosen: CaseTransaction }) {
  const looked = useApi<Transaction>(`/cases/${segment(id)}/transactions/${segment(chosen.hash)}`);
  return (
    <Look what="this transaction" looked={looked}>{(tx) => {
      const hasMeaning = tx.storage.some(({ meaning }) => meaning);
      return <>
        <dl class="pairs across">
          <div><dt>Transaction</dt><dd><Hex v={tx.hash} /></dd></div>
          <div><dt>Chain and block</dt><dd>{tx.chain}, {tx.block.toLocaleString('en')}</dd></div>
          <div><dt>When</dt><dd><Time at={chosen.at} /></dd></div>
          <div><dt>Sent by</dt><dd><Hex v={tx.from} name={tx.fromName} /></dd></div>
          <div><dt>Outcome</dt><dd>{tx.success ? <Mark tone="info">went through</Mark> : <Mark tone="quiet">was reverted</Mark>}</dd></div>
          <div><dt>Loss</dt><dd><Money v={chosen.lossUsd} /></dd></div>
        </dl>
        {tx.unseen.length > 0 && <div class="notice warn"><p><strong>Could not look at all of it.</strong></p><ul>{tx.unseen.map((what) => <li key={what}><T s={what} /></li>)}</ul></div>}
        {tx.truncated && <p class="notice warn"><strong>Not all of it is shown.</strong> The transaction is larger than what is kept of one; what is missing is not “nothing”.</p>}
        <Card title="Who gained and who lost" id="a-flows"><Gains flows={tx.flows} /></Card>
        <Card title="Where the tokens went" id="a-transfers">{tx.transfers.length === 0 ? <Empty>No token moved in it.</Empty> : <FlowPicture transfers={tx.transfers} />}</Card>
        <Card title="What called what" id="a-tree">{tx.tree.length === 0 ? <Empty>No trace of it is kept: the node gave none. The transfers above come from its logs.</Empty> : <CallTree calls={tx.tree} />}</Card>
        <Card title="What was written" id="a-storage">{tx.storage.length > 0 && <p class="dim">{plural(tx.storage.length, 'slot')} of {plural(new Set(tx.storage.map(({ address }) => address)).size, 'contract')}.</p>}{tx.storage.length === 0 ? <Empty>No storage of a protected contract changed, or none was recorded.</Empty> : (
          <details><summary>Slot by slot</summary><Table label="Storage that was written" head={['Contract', 'Slot', 'Before', 'After', ...(hasMeaning ? ['Meaning'] : [])]}>{tx.storage.map((change) => <tr key={`${change.address}${change.slot}`}><td><Hex v={change.address} name={change.name} /></td><td><Hex v={change.slot} /></td><td><Hex v={change.before} /></td><td><Hex v={change.after} /></td>{hasMeaning && <td><T s={change.meaning} max={80} /></td>}</tr>)}</Table></details>
        )}</Card>
      </>;
    }}</Look>
  );
}

function Gains({ flows }: { flows: Flow[] }) {
  if (flows.length === 0) return <Empty>Nobody’s balance changed.</Empty>;
  const most = Math.max(...flows.map(({ usd: value }) => Math.abs(roughly(value))), 0);
  const sorted = [...flows].sort((a, b) => Math.abs(roughly(b.usd)) - Math.abs(roughly(a.usd)));
  return (
    <Table label="Gains and losses" head={['Who', { num: 'Amount' }, { num: 'Dollars' }, '']}>
      {sorted.map((flow) => {
        const isGain = !/^[-−]/.test(flow.delta);
        const width = most > 0 ? (Math.abs(roughly(flow.usd)) / most) * 50 : 0;
        return (
          <tr key={`${flow.holder}${flow.asset}`}>
            <td>{flow.touches && flow.touches !== '' && <span class={flow.touches === 'attacker' ? 'att' : 'prot'}>{flow.touches === 'attacker' ? (flow.name === 'attacker' ? '▲ ' : '▲ attacker ') : flow.touches === 'protected' ? '◆ ' : ''}</span>}<Hex v={flow.holder} name={flow.name} /></td>
            <td class="num">{isGain ? '+' : ''}{amount(flow.delta, flow.decimals)} <T s={flow.symbol ?? short(flow.asset)} max={16} /></td>
            <td class="num"><Money v={flow.usd} unknown="no price" /></td>
            <td class="barcell"><svg class="gain" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true"><line x1="50" x2="50" y1="0" y2="12" class="axis" /><rect x={isGain ? 50 : 50 - width} y="2" width={width} height="8" class={isGain ? 'plus' : 'minus'} /></svg><span class="sr">{isGain ? 'gained' : 'lost'}</span></td>
          </tr>
        );
      })}
    </Table>
  );
}
