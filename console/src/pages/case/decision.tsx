// Why the machine did what it did: the probability, what each rung costs if it is wrong and saves if it is right, and
// the threshold that follows from both.

import { useList } from '../../api/pages';
import { segment } from '../../api/client';
import type { Decision, RungWeighed } from '../../api/types';
import { percent } from '../../lib/money';
import { words } from '../../lib/text';
import { Card, Empty, Mark, Money, T, Table, Time, type Tone } from '../../ui/basics';
import { Failed } from '../../ui/look';
import { plural } from '../shared';

const VERDICTS: Record<string, [Tone, string]> = {
  act: ['info', 'pull it'], notNeeded: ['quiet', 'a gentler one is enough'], doesNotStopIt: ['quiet', 'does not cover what is attacked'], belowThreshold: ['quiet', 'not probable enough'],
  alreadyPulled: ['info', 'pulled already'], forbidden: ['warn', 'a guardrail says no'], recommended: ['warn', 'worth it; people pull it'], awaitsSignature: ['warn', 'worth it; guardians must sign'],
};

export function DecisionView({ id }: { id: string }) {
  const list = useList<Decision>(`/cases/${segment(id)}/decisions`, ({ seq, block, sentence }) => `${seq ?? ''} ${block} ${sentence}`, (news) => news.cases.includes(id));
  const newest = [...list.items].reverse();
  const [first, ...rest] = newest;
  // After a pull come decisions that find nothing left to do: the one that pulled is what people look for.
  const decisive = first?.chosen ? undefined : rest.find(({ chosen }) => chosen !== null);
  return (
    <>
      <Failed what="the decisions" looked={list} />
      {!first && list.isComplete && <Empty>Nothing was decided in this case yet: no finding was weighed against a lever.</Empty>}
      {decisive && <One decision={decisive} title="What was chosen, and why" />}
      {first && <One decision={first} title="The newest decision" />}
      {rest.length > (decisive ? 1 : 0) && <details><summary>{plural(rest.length - (decisive ? 1 : 0), 'other decision')} before it</summary>{rest.filter((one) => one !== decisive).slice(0, 50).map((decision) => <One key={`${decision.seq ?? ''} ${decision.block}`} decision={decision} />)}</details>}
    </>
  );
}

function One({ decision, title = 'Decision' }: { decision: Decision; title?: string }) {
  const id = `d-${decision.seq ?? decision.block}`;
  return (
    <Card id={id} title={<>{title} <span class="dim">at block {decision.block.toLocaleString('en')}{decision.at !== null && <>, <Time at={decision.at} /></>}{decision.seq !== null && <>, entry {decision.seq}</>}</span></>}>
      <p class="saylarge"><T s={decision.sentence} max={400} /></p>
      <dl class="figures">
        <div><dt>Probability of an attack</dt><dd>{percent(decision.probability)}</dd></div>
        <div><dt>Loss ahead if nothing is done</dt><dd><Money v={decision.lossAheadUsd} big /></dd></div>
        <div><dt>Lost so far</dt><dd><Money v={decision.lossSoFarUsd} big /></dd></div>
        <div><dt>Chosen</dt><dd>{decision.chosen === null ? <span class="dim">nothing more</span> : <T s={decision.chosen} max={40} />}</dd></div>
      </dl>
      <p class="dim">A rung is worth pulling where the probability is above <i>p*</i> = cost of a false stop ÷ (cost of a false stop + loss prevented).</p>
      <Table label="Every rung that was weighed" head={['Rung', 'Lever', { num: 'Cost of a false stop' }, { num: 'Loss it prevents' }, { num: 'p*' }, 'Probability and p*', 'Outcome']}>
        {decision.rungs.map((rung) => <RungRow key={rung.lever} rung={rung} probability={decision.probability} isChosen={rung.lever === decision.chosen} />)}
      </Table>
      {decision.context.length > 0 && <p>The prior was raised: {decision.context.map((fact) => <span key={fact.words} class="gap"><T s={fact.words} max={80} /> × {fact.factor.toFixed(1)}</span>)}</p>}
      {decision.attacker && <p>What is left to the attacker from here on: <Money v={decision.attacker.utilityUsd} />; with the levers as configured: <Money v={decision.attacker.utilityWithLeversUsd} />. <span class="dim">No decision depends on it.</span></p>}
    </Card>
  );
}

function RungRow({ rung, probability, isChosen }: { rung: RungWeighed; probability: number; isChosen: boolean }) {
  const [tone, word] = VERDICTS[rung.verdict] ?? (['info', words(rung.verdict)] as [Tone, string]);
  return (
    <tr class={isChosen ? 'chosen' : ''}>
      <td>{words(rung.rung)}</td>
      <td>{isChosen && <span aria-hidden="true">▶ </span>}<T s={rung.lever} max={40} />{isChosen && <span class="sr"> (chosen)</span>}</td>
      <td class="num"><Money v={rung.falseStopUsd} />{rung.parts.length > 0 && <details><summary>of which</summary>{rung.parts.map((part) => <span key={part.name} class="part"><T s={words(part.name)} max={60} /> <Money v={part.usd} /></span>)}</details>}</td>
      <td class="num"><Money v={rung.lossPreventedUsd} /></td>
      <td class="num">{percent(rung.threshold)}</td>
      <td><Scale probability={probability} threshold={rung.threshold} /></td>
      <td><Mark tone={tone}>{word}</Mark>{rung.why && <p class="sub"><T s={rung.why} max={160} /></p>}</td>
    </tr>
  );
}

/** 0 to 1 from left to right: the bar is the probability, the upright line the threshold; beyond it one acts. */
function Scale({ probability, threshold }: { probability: number; threshold: number }) {
  const width = 160;
  const at = (share: number) => Math.max(0, Math.min(1, share)) * width;
  return (
    <svg class={`scale ${probability > threshold ? 'above' : 'below'}`} width={width} height="22" viewBox={`0 0 ${width} 22`} role="img" aria-label={`probability ${percent(probability)}, threshold ${percent(threshold)}: ${probability > threshold ? 'above' : 'below'}`}>
      <rect class="rail" x="0" y="7" width={width} height="8" rx="2" />
      <rect class="bar" x="0" y="7" width={at(probability)} height="8" rx="2" />
      <path class="mark" d={`M${at(threshold)} 2 v18`} />
    </svg>
  );
}
