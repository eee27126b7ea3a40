// Small parts that every page uses. State is always said by a shape and a word, colour only repeats it.

import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { RECORD_WORDS, record } from '../api/client';
import type { CaseLine, Ms, Usd } from '../api/types';
import { useCell } from '../lib/cell';
import { usd, usdWhole } from '../lib/money';
import { SHOWN_MAX, cut, short, visible, words } from '../lib/text';
import { ago, clock, stopwatch, tick, whole, zone } from '../lib/time';
import { announce } from './announce';

/** A text from elsewhere: isolated, unmasked, and short until somebody wants all of it. */
export function T({ s, max = 300, lines = false }: { s: string | null | undefined; max?: number; lines?: boolean }) {
  const [isWhole, open] = useState(false);
  const text = s ?? '';
  const { head, isCut } = cut(text, isWhole ? SHOWN_MAX : max);
  return (
    <bdi class={lines ? 't lines' : 't'}>
      {visible(head, lines)}
      {isCut && !isWhole && (
        <button type="button" class="more" aria-label={`Show all ${text.length.toLocaleString('en')} characters`} onClick={(event) => { event.stopPropagation(); event.preventDefault(); open(true); }}>… all</button>
      )}
      {isCut && isWhole && <span class="dim"> … ({text.length.toLocaleString('en')} characters; the first {SHOWN_MAX.toLocaleString('en')} are shown)</span>}
    </bdi>
  );
}

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    announce('Copied.');
  } catch { announce('The browser does not allow copying here. Select the text and copy it.'); }
}

/** An address or hash: both ends, all of it on demand and by copying. */
export function Hex({ v, name, full = false }: { v: string | null | undefined; name?: string | null; full?: boolean }) {
  const [isWhole, open] = useState(full);
  if (!v) return <span class="dim">–</span>;
  return (
    <span class="hex">
      {name && <><T s={name} max={40} />{' '}</>}
      <button type="button" class="hexv" title={visible(v.slice(0, 200))} aria-label={`${name ? `${visible(name).slice(0, 40)}, ` : ''}${visible(short(v)).slice(0, 80)}: ${isWhole ? 'copy' : 'show whole'}`} onClick={(event) => { event.stopPropagation(); if (isWhole) void copy(v); else open(true); }}>
        <code>{visible(cut(isWhole ? v : short(v), 200).head)}</code>
      </button>
    </span>
  );
}

const SEVERITY: Record<string, { word: string; mark: string }> = {
  P1: { word: 'critical', mark: '▲' }, P2: { word: 'high', mark: '◆' }, P3: { word: 'moderate', mark: '■' }, P4: { word: 'low', mark: '●' }, P5: { word: 'information', mark: '○' },
};
export function Severity({ declared, suggested }: { declared: string | null; suggested: string | null }) {
  const grade = declared ?? suggested;
  if (!grade) return <span class="chip sev-none">not graded</span>;
  const { word, mark } = SEVERITY[grade] ?? { word: '', mark: '■' };
  return (
    <span class={`chip sev sev-${SEVERITY[grade] ? grade.toLowerCase() : 'none'}${declared ? '' : ' suggested'}`} title={declared ? `Declared ${grade}, ${word}` : `Suggested ${grade}, ${word}; nobody has declared it`}>
      <span aria-hidden="true">{mark} </span>{visible(grade)}{declared ? '' : '?'}<span class="sr"> {word}{declared ? '' : ', suggested'}</span>
    </span>
  );
}

export type Tone = 'good' | 'bad' | 'warn' | 'info' | 'quiet';
const MARKS: Record<Tone, string> = { good: '✓', bad: '✕', warn: '!', info: '●', quiet: '–' };
export function Mark({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`mark ${tone}`}><span class="glyph" aria-hidden="true">{MARKS[tone]}</span> {children}</span>;
}

const STANDING: Record<string, [Tone, string]> = {
  works: ['good', 'works'], held: ['info', 'held'], unseen: ['warn', 'could not be looked at'], broken: ['bad', 'does not work'],
  ready: ['good', 'ready'], pulled: ['info', 'pulled'], released: ['quiet', 'let go'], failed: ['bad', 'failed'], open: ['quiet', 'not pulled'], idle: ['quiet', 'not pulled'], moving: ['warn', 'being pulled'], refused: ['bad', 'refused'],
};
export function Standing({ s }: { s: string }) {
  const [tone, word] = STANDING[s] ?? (['info', words(s)] as [Tone, string]);
  return <Mark tone={tone}>{visible(word)}</Mark>;
}

export function Money({ v, big = false, unknown }: { v: Usd | null | undefined; big?: boolean; unknown?: string }) {
  return <span class={v == null ? 'money dim' : 'money'} title={v == null ? undefined : usd(v)}>{big ? usdWhole(v, unknown) : usd(v, unknown)}</span>;
}

/** Three sums of a case. What is saved is no measurement, and says so. */
export function Figures({ of: one, children }: { of: Pick<CaseLine, 'lostUsd' | 'atRiskUsd' | 'savedUsd'>; children?: ComponentChildren }) {
  const isSaved = one.savedUsd !== null && !/^0*(\.0*)?$/.test(one.savedUsd);
  return (
    <>
      <dl class="figures" aria-label="Money and time">
        <div class="lost"><dt>Lost</dt><dd><Money v={one.lostUsd} big /></dd></div>
        <div class="risk"><dt>At risk</dt><dd><Money v={one.atRiskUsd} big /></dd></div>
        <div class="saved" title={SAVED}><dt>{isSaved ? 'Saved, at most' : 'Saved'}</dt><dd><Money v={one.savedUsd} big /></dd></div>
        {children}
      </dl>
      {isSaved && <p class="dim savedwords">Saved: what was within reach and is still there, at most.</p>}
    </>
  );
}
/** The API’s own words for it: what the lever that holds was to prevent. */
const SAVED = 'An estimate, by the decision that pulled the lever that holds: what could still have been taken without it. It is not measured.';

/** Why nothing can be said here: who may, and in a record nobody. */
export function Only({ words: said }: { words: string }) {
  return <p class="dim">{useCell(record) ? RECORD_WORDS : said}</p>;
}

export function Time({ at }: { at: Ms | null | undefined }) {
  useCell(zone);
  if (at == null) return <span class="dim">–</span>;
  return <time dateTime={new Date(at).toISOString()} title={whole(at)}>{clock(at)}</time>;
}
/** Counts up while it is looked at. */
export function Ago({ at, none = 'never' }: { at: Ms | null | undefined; none?: string }) {
  const current = useCell(tick);
  if (at == null) return <span class="dim">{none}</span>;
  return <time dateTime={new Date(at).toISOString()} title={whole(at)}>{ago(at, current)}</time>;
}
/** Counts down, and says in words when it is over. In a record no clock runs any more, but that of one's own session. */
export function Countdown({ to, over = 'over', isOwn = false }: { to: Ms; over?: string; isOwn?: boolean }) {
  const current = useCell(tick);
  const isRecord = useCell(record);
  if (isRecord && !isOwn) return <span class="dim">until <Time at={to} /></span>;
  const left = to - current;
  const tone = left <= 0 ? 'bad' : left < 60_000 ? 'warn' : '';
  return <span class={`count ${tone}`} role="timer" title={whole(to)}>{left <= 0 ? <>{over} {stopwatch(-left)}</> : <>{stopwatch(left)} left</>}</span>;
}

export function Card({ title, id, children, actions, tone }: { title: ComponentChildren; id?: string; children: ComponentChildren; actions?: ComponentChildren; tone?: Tone }) {
  return (
    <section class={`card${tone ? ` edge-${tone}` : ''}`} aria-labelledby={id}>
      <header class="cardhead"><h2 id={id}>{title}</h2>{actions}</header>
      {children}
    </section>
  );
}

/**
 * Wide tables scroll inside their own box, never the page; the box can be focused and scrolled by keyboard. On a phone
 * every row becomes a card, and each cell says its own heading.
 */
export function Table({ label, head, children }: { label: string; head: (string | { num: string })[]; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    for (const row of box.current?.querySelectorAll('tbody > tr') ?? []) {
      [...row.children].forEach((cell, index) => { const name = head[index]; (cell as HTMLElement).dataset['head'] = typeof name === 'string' ? name : (name?.num ?? ''); });
    }
  });
  return (
    <div class="scrollx" tabIndex={0} role="region" aria-label={label} ref={box}>
      <table class="cards"><thead><tr>{head.map((cell, index) => cell === '' ? <td key={index} /> : typeof cell === 'string' ? <th key={index} scope="col">{cell}</th> : <th key={index} scope="col" class="num">{cell.num}</th>)}</tr></thead><tbody>{children}</tbody></table>
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
