// The first page: what is open, whether we can see, whether the brakes hold. The worst comes first and is the largest.

import { useEffect } from 'preact/hooks';
import type { Looked } from '../api/use';
import { useCell } from '../lib/cell';
import { overview } from '../ui/alarm';
import type { Alert, Brake, CaseLine, ChainHealth, Channel, Overview } from '../api/types';
import { plural, segments, worst } from './shared';
import { Ago, Card, Empty, Figures, Mark, Money, Severity, Standing, T, Time } from '../ui/basics';
import { Look } from '../ui/look';
import { announce } from '../ui/announce';
import { record, segment } from '../api/client';
import { headline, words } from '../lib/text';
import { clock, span } from '../lib/time';

export const isBlindNow = (chain: ChainHealth): boolean => chain.head === null;

const NOTHING_YET: Looked<Overview> = { value: null, at: null, error: null, failingSince: null, isLoading: true, again: () => undefined };

export function OverviewPage() {
  const looked = useCell(overview) ?? NOTHING_YET;
  const { value } = looked;
  const isRecord = value?.health.record === true;
  const sees = value?.health.sees;
  const broken = value && !isRecord ? value.brakes.filter(({ standing }) => standing === 'broken').length : 0;
  useEffect(() => { if (sees === false && !isRecord) announce('We are blind: not everything is being watched.', true); }, [sees]);
  useEffect(() => { if (broken) announce(`${plural(broken, 'part')} of the brakes ${broken === 1 ? 'does' : 'do'} not work.`, true); }, [broken]);
  return (
    <>
      <h1 class="sr">Overview</h1>
      <Look what="the overview" looked={looked}>{(all) => <>
        <Hero all={all} />
        <div class="tiles">
          <Sight health={all.health} />
          <Brakes brakes={all.brakes} />
          {!all.health.record && <Channels channels={all.channels} />}
        </div>
        <Open cases={all.open} />
        {all.alerts.length > 0 && <Alerts alerts={all.alerts} />}
      </>}</Look>
    </>
  );
}

function Hero({ all }: { all: Overview }) {
  const first = worst(all.open);
  const broken = all.brakes.filter(({ standing }) => standing === 'broken').length;
  const unseen = all.brakes.filter(({ standing }) => standing === 'unseen').length;
  if (first) {
    return (
      <section class="hero edge-bad" aria-labelledby="hero">
        <p class="herotop"><Severity declared={first.severity} suggested={first.suggestedSeverity} /> <strong>{words(first.stage)}</strong> {!first.acknowledged && <Mark tone="warn">nobody has acknowledged it</Mark>} <span class="dim"><T s={first.protocol} max={60} /> · {first.id} · <Ago at={first.openedAt} /></span></p>
        <p class="herosay" id="hero"><T s={headline(first.sentence)} max={220} /></p>
        <Figures of={first} />
        <p><a class="button primary" href={`/case/${segment(first.id)}`}>Go to the war room</a>{all.open.length > 1 && <span class="dim"> and {plural(all.open.length - 1, 'other open case')} below</span>}</p>
      </section>
    );
  }
  if (all.health.record) return <section class="hero edge-info" aria-labelledby="hero"><p class="herosay" id="hero">No case was open when the record ended.</p></section>;
  const isCalm = all.health.sees && broken + unseen === 0;
  return (
    <section class={`hero ${isCalm ? 'edge-good' : 'edge-warn'}`} aria-labelledby="hero">
      <p class="herosay" id="hero">{isCalm ? 'Nothing is open.' : !all.health.sees ? 'No case is open, but we do not see everything.' : broken ? 'No case is open, but a brake does not work.' : 'No case is open, but a brake could not be looked at.'}</p>
      <p class="dim">{isCalm ? `${all.health.chains.length === 1 ? 'The chain is' : `All ${plural(all.health.chains.length, 'chain')} are`} watched, and ${plural(all.brakes.length, 'part')} of the brakes ${all.brakes.length === 1 ? 'works' : 'work'}.` : 'What is wrong stands below, with its reason.'}</p>
    </section>
  );
}

function Sight({ health: { chains, sees, why = null, problems = [], record: isRecord = false } }: { health: Overview['health'] }) {
  return (
    <Card title="Can we see?" id="sight" tone={isRecord ? 'info' : sees ? 'good' : 'bad'}>
      <p class="verdict">{isRecord ? <Mark tone="info">Not now: this is a record</Mark> : sees ? <Mark tone="good">Yes</Mark> : <Mark tone="bad">Blind</Mark>}</p>
      {isRecord ? <p>What it ends with:</p> : problems.length > 0 ? <ul class="plainlist">{problems.map((problem) => <li key={problem}><T s={problem} /></li>)}</ul> : why && <p><T s={why} /></p>}
      {chains.length === 0 && <Empty>No chain is configured, so nothing is watched.</Empty>}
      <ul class="plainlist">
        {chains.map((chain) => (
          <li key={chain.chain}>
            <strong><T s={chain.name} max={40} /></strong> <span class="dim">chain {chain.chain}</span><br />
            {chain.head === null ? <Mark tone="bad">no block was seen yet</Mark> : isRecord ? <>block {chain.head.toLocaleString('en')}, <Time at={chain.headAt} /></> : <>block {chain.head.toLocaleString('en')}, <Ago at={chain.headAt} />{chain.lagMs !== null && chain.lagMs > 60_000 && <> · <Mark tone="warn">{span(chain.lagMs)} behind</Mark></>}</>}
            {chain.blind.map((hole) => <p key={`${hole.from}-${hole.to}`} class="sub"><Mark tone="bad">blocks {hole.from.toLocaleString('en')} to {hole.to.toLocaleString('en')} were not looked at</Mark>: <T s={hole.cause} /></p>)}
          </li>
        ))}
      </ul>
    </Card>
  );
}

const ORDER: Record<string, number> = { broken: 0, unseen: 1, held: 2, works: 3 };
export function Brakes({ brakes, title = 'Will the brakes hold?' }: { brakes: Brake[]; title?: string }) {
  const isRecord = useCell(record);
  const bad = brakes.filter(({ standing }) => standing === 'broken');
  const unseen = brakes.filter(({ standing }) => standing === 'unseen');
  const sorted = [...brakes].sort((a, b) => (ORDER[a.standing] ?? 9) - (ORDER[b.standing] ?? 9));
  const troubled = sorted.filter(({ standing }) => standing !== 'works');
  const fine = sorted.filter(({ standing }) => standing === 'works');
  const line = (brake: Brake) => <li key={`${brake.protocol} ${brake.part}`}><Standing s={brake.standing} /> <strong><T s={brake.part} max={60} /></strong> <span class="dim">of <T s={brake.protocol} max={40} />{brake.since !== null && <>, since <Time at={brake.since} /></>}</span>{brake.words && <p class="sub"><T s={brake.words} /></p>}</li>;
  return (
    <Card title={isRecord ? 'The brakes, as of the record’s end' : title} id="brakes" tone={isRecord ? 'info' : bad.length ? 'bad' : unseen.length || !brakes.length ? 'warn' : 'good'}>
      <p class="verdict">{!brakes.length ? <Mark tone="warn">Not known</Mark> : bad.length ? <Mark tone="bad">{bad.length} of {brakes.length} {isRecord ? 'did' : bad.length === 1 ? 'does' : 'do'} not work</Mark> : unseen.length ? <Mark tone="warn">{unseen.length} of {brakes.length} could not be looked at</Mark> : isRecord ? <Mark tone="info">All {brakes.length} worked</Mark> : <Mark tone="good">Yes, all {brakes.length}</Mark>}</p>
      {!brakes.length && <Empty>No self-test has run yet. That is neither “works” nor “broken”.</Empty>}
      <ul class="plainlist">{troubled.map(line)}</ul>
      {fine.length > 0 && <details><summary>{plural(fine.length, 'part')} that {fine.length === 1 ? 'works' : 'work'}</summary><ul class="plainlist">{fine.map(line)}</ul></details>}
    </Card>
  );
}

function Channels({ channels }: { channels: Channel[] }) {
  const bad = channels.filter(({ healthy }) => !healthy);
  return (
    <Card title="Can we reach people?" id="channels" tone={!channels.length ? 'warn' : bad.length ? 'bad' : 'good'} actions={<a href="/channels">All channels</a>}>
      <p class="verdict">{!channels.length ? <Mark tone="warn">Nobody</Mark> : bad.length ? <Mark tone="bad">{bad.length} of {channels.length} {bad.length === 1 ? 'is' : 'are'} down</Mark> : <Mark tone="good">Yes, all {channels.length}</Mark>}</p>
      {!channels.length && <Empty>No channel is configured: nobody would be told of an attack.</Empty>}
      <ul class="plainlist">{bad.map((channel) => <li key={channel.name}><strong><T s={channel.name} max={40} /></strong> {plural(channel.queued, 'message')} waiting{channel.lastError && <p class="sub"><T s={channel.lastError} /></p>}</li>)}</ul>
    </Card>
  );
}

function Open({ cases }: { cases: CaseLine[] }) {
  return (
    <Card title="Open cases" id="open" actions={<a href="/cases">All cases</a>}>
      {cases.length === 0 ? <Empty>No case is open.</Empty> : <CaseList cases={cases} />}
    </Card>
  );
}

/** What other programs say of themselves: it stops nothing, and stays until they take it back. */
function Alerts({ alerts }: { alerts: Alert[] }) {
  return (
    <Card title="Alerts of other programs" id="alerts" tone="warn">
      <p class="dim">Handed in by Alertmanager. They pull no lever; each goes when the program that sent it takes it back.</p>
      <ul class="plainlist">
        {alerts.map((alert) => (
          <li key={`${alert.from} ${alert.fingerprint}`}>
            <Severity declared={alert.severity} suggested={null} /> <strong><T s={alert.name} max={60} /></strong> <span class="dim">from <T s={alert.from} max={40} />{alert.protocol && <>, on <T s={alert.protocol} max={40} /></>}, <Ago at={alert.since} />{alert.case && <> · <a href={`/case/${segment(alert.case)}`}>{alert.case}</a></>}</span>
            {alert.text && <p class="sub"><T s={alert.text} max={300} /></p>}
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function CaseList({ cases }: { cases: CaseLine[] }) {
  return (
    <ul class="caselist">
      {cases.map((one) => (
        <li key={one.id}>
          <a href={`/case/${segment(one.id)}`} class="caseline">
            <span class="casetop"><Severity declared={one.severity} suggested={one.suggestedSeverity} /> <strong>{words(one.stage)}</strong> <span class="dim">{one.id} · <bdi>{segments(one.protocol)}</bdi> · {clock(one.openedAt)}</span>{!one.acknowledged && one.phase !== 'closed' && <Mark tone="warn">not acknowledged</Mark>}</span>
            <span class="casesay"><T s={headline(one.sentence)} max={160} /></span>
            <span class="casenum">lost <Money v={one.lostUsd} big /> · at risk <Money v={one.atRiskUsd} big /> · saved {Number(one.savedUsd) > 0 && 'at most '}<Money v={one.savedUsd} big /> · {plural(one.findings, 'finding')}{one.unseenSteps > 0 && <> · <strong>{plural(one.unseenSteps, 'step')} waiting for somebody</strong></>}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}
