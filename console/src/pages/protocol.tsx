// One protocol: whether its brakes hold, what can be pulled, how full its limits are, who watches it.

import { useMemo } from 'preact/hooks';
import { useApi } from '../api/use';
import { segment } from '../api/client';
import type { Limit, Ms, ProtocolView, Usd } from '../api/types';
import { percent, roughly, usdWhole } from '../lib/money';
import { visible, words } from '../lib/text';
import { rolling } from '../lib/rolling';
import { now, span } from '../lib/time';
import { Ago, Card, Empty, Hex, Mark, Money, Standing, T, Table, Time } from '../ui/basics';
import { SeriesChart } from '../ui/chart';
import { Look } from '../ui/look';
import { Brakes } from './overview';

const RUNGS = ['throttle', 'delay', 'function', 'market', 'protocol'];
const RUNG_WORDS: Record<string, string> = { throttle: 'slows what flows out', delay: 'holds back for a time', function: 'stops one function', market: 'stops one market or contract', protocol: 'stops everything' };
const AUTONOMY: Record<string, string> = { act: 'pulls alone', ratify: 'pulls alone, people must agree afterwards', signature: 'pulls once guardians have signed', recommend: 'tells people to pull it', observe: 'weighs it and only writes it down' };

export function ProtocolPage({ name }: { name: string }) {
  const looked = useApi<ProtocolView>(`/protocols/${segment(name)}`, () => true);
  return (
    <>
      <h1><T s={name} max={80} /></h1>
      <Look what={`protocol ${visible(name).slice(0, 80)}`} looked={looked}>{(one) => <>
        {one.unread.length > 0 && <div class="notice warn"><p><strong>Could not read all of it.</strong></p><ul>{one.unread.map((what) => <li key={what}><T s={what} /></li>)}</ul></div>}
        <Brakes brakes={one.brakes} />
        <Card title="Limits" id="limits">
          {one.limits.length === 0 ? <Empty>No limit is configured: no amount that leaves is too much by itself.</Empty> : <div class="tiles">{one.limits.map((limit) => <Gauge key={limit.name} limit={limit} />)}</div>}
        </Card>
        <Card title="The ladder of levers, gentlest first" id="levers">
          {one.levers.length === 0 ? <Empty>No lever is configured: nothing can be stopped from here.</Empty> : (
            <Table label="Levers" head={['Rung', 'Lever', 'Stands', 'What the program may do', { num: 'Cost of a false stop' }, { num: 'Held for' }]}>
              {[...one.levers].sort((a, b) => RUNGS.indexOf(a.rung) - RUNGS.indexOf(b.rung)).map((lever) => (
                <tr key={lever.name}>
                  <td><strong>{words(lever.rung)}</strong><p class="sub">{RUNG_WORDS[lever.rung] ?? ''}</p></td>
                  <td><strong class="nowrap"><T s={lever.name} max={40} /></strong><p class="sub"><T s={lever.kind} max={40} />{lever.covers && lever.covers.length > 0 && <>, covers <T s={lever.covers.join(', ')} max={80} /></>}</p>{lever.traps && lever.traps.length > 0 && <details><summary>{lever.traps.length === 1 ? 'Trap' : 'Traps'}</summary>{lever.traps.map((trap) => <p key={trap} class="sub"><T s={trap} /></p>)}</details>}</td>
                  <td><Standing s={lever.standing} />{lever.words && <p class="sub"><T s={lever.words} max={160} /></p>}</td>
                  <td>{AUTONOMY[lever.autonomy] ?? words(lever.autonomy)}</td>
                  <td class="num"><Money v={lever.falseStopUsd} /></td>
                  <td class="num">{lever.holdSeconds === null ? <span class="dim">until people let go</span> : span(lever.holdSeconds * 1_000)}</td>
                </tr>
              ))}
            </Table>
          )}
        </Card>
        {one.budget && <p class="lead">Spent on stops in this policy’s time: <Money v={one.budget.spentUsd} /> of <Money v={one.budget.limitUsd} />, {one.budget.pulls} of {one.budget.pullsMax} pulls. Beyond that the program asks people.</p>}
        <Card title="Who watches it" id="detectors">
          {one.detectors.length === 0 ? <Empty>No detector is configured: an attack would not be seen.</Empty> : (
            <Table label="Detectors" head={['Detector', 'Health', 'Maturity', { num: 'Findings' }, 'Last']}>
              {one.detectors.map((detector) => <tr key={detector.name}><td><T s={detector.name} max={50} /><p class="sub"><T s={detector.kind} max={140} /></p></td><td>{detector.healthy ? <Mark tone="good">looks</Mark> : <><Mark tone="bad">does not look</Mark>{detector.why && <p class="sub"><T s={detector.why} max={160} /></p>}</>}</td><td>{words(detector.maturity)}</td><td class="num">{detector.findings.toLocaleString('en')}</td><td><Ago at={detector.lastAt} /></td></tr>)}
            </Table>
          )}
        </Card>
        <Card title="Contracts" id="contracts">
          {one.contracts.length === 0 ? <Empty>No contract is named.</Empty> : <ul class="plainlist">{one.contracts.map((contract) => <li key={`${contract.chain}${contract.address}`}><Hex v={contract.address} name={contract.name} /> <span class="dim">chain {contract.chain}</span></li>)}</ul>}
        </Card>
        <details><summary>The policy as it is configured</summary><pre tabIndex={0}><T s={JSON.stringify(one.policy, null, 2)} max={20_000} lines /></pre></details>
      </>}</Look>
    </>
  );
}

/** What is shown of a limit: what the window holds now, or the most that it held and when, once all of that is too old. */
export function shownOf({ usedUsd, windowMs, series: left }: Pick<Limit, 'usedUsd' | 'windowMs' | 'series'>, series: readonly (readonly [Ms, Usd])[], current: Ms): { usd: Usd; at: Ms | null } {
  const last = left.at(-1)?.[0];
  if (last === undefined || last + windowMs >= current || series.length === 0) return { usd: usedUsd, at: null };
  const [at, usd] = series.reduce((most, one) => (roughly(one[1]) > roughly(most[1]) ? one : most));
  return { usd, at };
}

function Gauge({ limit }: { limit: Limit }) {
  const series = useMemo(() => rolling(limit.series, limit.windowMs, Math.min(now(), (limit.series.at(-1)?.[0] ?? 0) + limit.windowMs)), [limit]);
  const isKnown = limit.limitUsd !== null;
  const { usd: used, at: peakAt } = shownOf(limit, series, now());
  const share = roughly(limit.limitUsd) > 0 ? roughly(used) / roughly(limit.limitUsd) : 0;
  const tone = share >= 1 ? 'bad' : share >= 0.75 ? 'warn' : 'good';
  return (
    <div class="gauge">
      <h3><T s={limit.name.replace(/ in \d+ s$/, '')} max={60} /></h3>
      <p>{peakAt !== null && 'peak '}<strong class="money">{usdWhole(used)}</strong> <span class="dim">{isKnown ? <>of {usdWhole(limit.limitUsd)}</> : limit.limitShare !== null ? <>of at most {visible(limit.limitShare).replace(/%?$/, ' %')} of what is held</> : null} in {span(limit.windowMs)}{peakAt !== null && <>, at <Time at={peakAt} />; nothing is known to have left in the last {span(limit.windowMs)}</>}</span></p>
      {isKnown && <><svg class={`meter ${tone}`} viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={`${percent(share)} ${peakAt === null ? 'used' : 'at its peak'}`}><rect width="100" height="6" rx="2" class="rail" /><rect width={Math.min(1, share) * 100} height="6" rx="2" class="bar" /></svg>
      <p>{share >= 1 ? <Mark tone="bad">{peakAt === null ? '' : 'was '}over the limit</Mark> : share >= 0.75 ? <Mark tone="warn">{peakAt === null ? '' : 'was '}nearly full</Mark> : <Mark tone="good">{percent(share)} {peakAt === null ? 'used' : 'at its peak'}</Mark>}</p></>}
      <SeriesChart series={series} limit={limit.limitUsd} label={limit.name} />
    </div>
  );
}
