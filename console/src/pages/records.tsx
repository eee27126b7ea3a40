// What was made before and what is written down: rules, reports, drills, the journal with its proof.

import { useEffect, useState } from 'preact/hooks';
import { Refused, Unreachable, get, href, segment } from '../api/client';
import { useList, type Listed } from '../api/pages';
import { useApi } from '../api/use';
import type { Drill, JournalRecord, Page, ReportLine, RuleView, Unreadable, Verification } from '../api/types';
import { percent, roughly } from '../lib/money';
import { go, place } from '../lib/router';
import { plural, words } from '../lib/text';
import { now } from '../lib/time';
import { useCell } from '../lib/cell';
import { Answer, useAct } from '../ui/act';
import { Ago, Card, Empty, Hex, Mark, Money, Severity, T, Table, Time } from '../ui/basics';
import { Failed, Look } from '../ui/look';
import { VirtualFeed } from '../ui/virtual';

export function RulesPage() {
  const looked = useApi<Page<RuleView>>('/rules');
  const [text, search] = useState('');
  return (
    <>
      <h1>Rules</h1>
      <p class="lead">What is looked for besides the built-in detectors, which protocol uses it, and whether its own tests pass.</p>
      <Look what="the rules" looked={looked}>{({ items }) => {
        const wanted = text.trim().toLowerCase();
        const shown = items.filter(({ id, title, protocols }) => !wanted || [id, title, ...protocols].some((one) => one.toLowerCase().includes(wanted)));
        return items.length === 0 ? <Empty>No rule is loaded: only the built-in detectors look. Seventy rules come along in the folder <code>rules</code>; a detector <code>rules</code> of a protocol in portcullis.yaml names those it uses.</Empty> : <>
          <p><label class="sr" for="rulefilter">Find a rule</label><input id="rulefilter" type="search" placeholder="Find a rule or a protocol" value={text} onInput={(event) => search(event.currentTarget.value)} /> <span class="dim" role="status">{shown.length} of {items.length}</span></p>
          {shown.length === 0 ? <Empty>No rule is like that.</Empty> : <Table label="Rules" head={['Rule', 'Grade', 'Maturity', 'Tests', 'Used by']}>
            {shown.map((rule) => <tr key={rule.id}><td><strong><T s={rule.title} max={120} /></strong><p class="sub"><code><T s={rule.id} max={80} /></code></p>{rule.description && <p class="sub"><T s={rule.description} max={160} /></p>}</td><td>{rule.severity ? <Severity declared={rule.severity} suggested={null} /> : <span class="dim">–</span>}</td><td>{rule.maturity ? words(rule.maturity) : <span class="dim">–</span>}</td><td>{rule.tests === null ? <Mark tone="warn">not run</Mark> : rule.tests.failed > 0 ? <><Mark tone="bad">{rule.tests.failed} of {rule.tests.passed + rule.tests.failed} fail</Mark>{rule.tests.why && <p class="sub"><T s={rule.tests.why} max={200} /></p>}</> : rule.tests.passed === 0 ? <Mark tone="warn">has none</Mark> : <Mark tone="good">all {rule.tests.passed} pass</Mark>}</td><td>{rule.protocols.length === 0 ? <span class="dim">nobody</span> : rule.protocols.map((name) => <a key={name} class="gap" href={`/protocol/${segment(name)}`}><T s={name} max={40} /></a>)}</td></tr>)}
          </Table>}
        </>;
      }}</Look>
    </>
  );
}

/** Entries that are there and cannot be read: never shown as nothing. */
const Unread = ({ of: one }: { of: Unreadable | undefined }) => one ? <p class="note" role="status">{one.count} could not be read: {one.why.map((why) => <T key={why} s={`${why}. `} max={240} />)}</p> : null;

export function ReportsPage() {
  const looked = useApi<Page<ReportLine>>('/reports');
  const { query } = useCell(place);
  const shown = query.get('name');
  return (
    <>
      <h1>Back-test reports</h1>
      <p class="lead">How the rules and policies would have done on recorded history.</p>
      <Look what="the reports" looked={looked}>{({ items, unreadable }) => {
        const one = items.find(({ name }) => name === shown);
        return items.length === 0 ? unreadable ? <Unread of={unreadable} /> : <Empty>No report was found. <code>portcullis backtest</code> writes them; name their folder under <code>console.reports</code>.</Empty> : <>
          <Table label="Reports" head={['Report', 'When', '']}>
            {items.map((report) => <tr key={report.name}><td><T s={report.title ?? report.name} max={120} />{report.title && <p class="sub"><T s={report.name} max={120} /></p>}</td><td><Time at={report.at} /></td><td class="row">{report.hasHtml && <button type="button" class="small" aria-pressed={report.name === shown} onClick={() => go(report.name === shown ? '/reports' : `/reports?name=${segment(report.name)}`, { isReplace: true })}>{report.name === shown ? 'Close' : 'Read'}</button>}{report.hasJson && <a class="button small" download href={href(`/reports/${segment(report.name)}?format=json`)}>JSON</a>}</td></tr>)}
          </Table>
          <Unread of={unreadable} />
          {one && <iframe class="report" sandbox="" title={`Report ${one.name}`} src={href(`/reports/${segment(one.name)}?format=html`)} />}
          {shown && !one && <Empty>There is no report of that name.</Empty>}
        </>;
      }}</Look>
    </>
  );
}

export function DrillsPage() {
  const looked = useApi<Page<Drill>>('/drills');
  return (
    <>
      <h1>Drills</h1>
      <p class="lead">Attacks on a private copy of the chain, with and without this program. Run one: <code>portcullis drill</code>.</p>
      <Look what="the drills" looked={looked}>{({ items, unreadable }) => items.length === 0 && !unreadable ? <Empty>No drill is recorded.</Empty> : <><Unread of={unreadable} />
        <Table label="Drills" head={['Drill', 'When', { num: 'Lost without' }, { num: 'Lost with' }, { num: 'Kept' }, '']}>
          {items.map((drill) => {
            const without = roughly(drill.lostWithoutUsd);
            const kept = drill.lostWithUsd !== null && without > 0 ? 1 - roughly(drill.lostWithUsd) / without : null;
            return <tr key={`${drill.name}${drill.at}`}><td><strong><T s={drill.name} max={80} /></strong>{drill.words && <p class="sub"><T s={drill.words} max={240} /></p>}</td><td><Time at={drill.at} /></td><td class="num"><Money v={drill.lostWithoutUsd} /></td><td class="num"><Money v={drill.lostWithUsd} /></td><td class="num">{kept === null ? <span class="dim">not known</span> : percent(kept)}</td><td>{drill.case && <a href={`/case/${segment(drill.case)}`}>{drill.case}</a>}</td></tr>;
          })}
        </Table>
      </>}</Look>
    </>
  );
}

/** Records read at once: the most that the API gives. */
const RECORDS = 500;
/** Time between two looks at a verification that runs, milliseconds. */
const VERIFY_LOOK_MS = 700;

/** The newest part of the journal; it may have millions of records, so older ones come when they are asked for. */
function useJournal(): Listed<JournalRecord> & { older: (() => void) | null } {
  const [from, begin] = useState<number | null>(null);
  const [problem, fail] = useState<Pick<Listed<never>, 'error' | 'failingSince'> | null>(null);
  const [tries, again] = useState(0);
  useEffect(() => {
    if (from !== null) return;
    get<{ seq?: number }>('/overview').then(({ seq = 0 }) => { fail(null); begin(Math.max(0, seq - RECORDS)); }, (error: unknown) => fail({ error: error instanceof Refused || error instanceof Unreachable ? error : new Unreachable(String(error)), failingSince: now() }));
  }, [from === null, tries]);
  const list = useList<JournalRecord>(from === null ? null : '/journal', recordKey, () => true, 'oldest', from ? String(from) : null);
  const older = from ? () => begin(Math.max(0, from - RECORDS)) : null;
  return problem ? { ...list, ...problem, older: null, again: () => again(tries + 1) } : { ...list, older };
}

export function JournalPage() {
  const list = useJournal();
  const newest = [...list.items].reverse();
  const [proof, prove] = useState<Verification | null>(null);
  const act = useAct();
  const verify = () => act.run(async () => {
    let found = await get<Verification>('/journal/verify');
    while (found.running) {
      await new Promise((resolve) => setTimeout(resolve, VERIFY_LOOK_MS));
      found = await get<Verification>('/journal/verify');
    }
    prove(found);
    return found.verified ? 'The journal is whole.' : 'The journal is broken.';
  });
  return (
    <>
      <h1>Journal</h1>
      <p class="lead">Everything that was seen, decided, sent and said. Each entry holds the hash of the one before it; nothing is changed or removed without breaking the chain.</p>
      <Card title="Is it whole?" id="whole" tone={proof ? (proof.verified ? 'good' : 'bad') : 'info'}>
        {!proof && <p>It was not looked at from this page yet.</p>}
        {proof && (proof.verified
          ? <><p class="verdict"><Mark tone="good">Whole</Mark></p><p>{plural(proof.records, 'entry', 'entries')} were read again from disk, <Ago at={proof.at} />. The newest has the hash <Hex v={proof.head} />: compare it with the one that others keep.</p></>
          : <><p class="verdict"><Mark tone="bad">Broken</Mark></p><p><T s={proof.error} max={400} /></p><p><strong>Keep the file as it is</strong>, copy it, and check the copies that others have.</p></>)}
        <p><button type="button" aria-busy={act.isBusy} onClick={() => void verify()}>{act.isBusy ? 'Reading all of it …' : proof ? 'Verify again' : 'Verify it now'}</button> <a class="button" href="/audit">Who did what</a></p>
        {act.said && !act.said.isGood && <Answer said={act.said} />}
      </Card>
      <Failed what="the journal" looked={list} />
      <p class="dim" role="status">{list.isComplete ? `${list.older ? 'The newest ' : ''}${plural(newest.length, 'entry', 'entries')}, newest first` : list.error ? '' : `Reading … ${plural(newest.length, 'entry', 'entries')} so far`}</p>
      {newest.length === 0 && list.isComplete && <Empty>The journal is empty.</Empty>}
      {newest.length > 0 && <VirtualFeed items={newest} keyOf={recordKey} label="Journal, newest first" estimate={44} isBusy={list.isLoading} row={(record) => (
        <div class="entry record"><span class="entrytime"><Time at={record.at} /></span><span class="seq">{record.seq}</span><div class="entrybody"><p><strong class="kind"><T s={record.kind} max={40} /></strong> <T s={record.summary} max={240} /></p></div><Hex v={record.hash} /></div>
      )} />}
      {list.older && <p><button type="button" onClick={list.older}>Show {RECORDS} older ones</button></p>}
    </>
  );
}
const recordKey = ({ seq }: JournalRecord): string => String(seq);
