// Calls as a tree that can be folded, by keyboard as the ARIA practices say (tree view pattern).

import { useMemo, useRef, useState } from 'preact/hooks';
import type { Call } from '../api/types';
import { amount } from '../lib/money';
import { plural, short, visible } from '../lib/text';
import { Hex, T } from './basics';

/** Rows that are shown at once; more on demand. */
const SHOWN = 300;
/** Calls deeper than this begin folded, unless they touch a protected contract or the attacker. */
const OPEN_DEPTH = 3;

export interface Row { index: number; call: Call; level: number; isParent: boolean; isOpen: boolean }

/** Children by parent; the depth says it where a parent is not given. */
export function children(calls: readonly Call[]): number[][] {
  const below: number[][] = calls.map(() => []);
  const path: number[] = [];
  calls.forEach((call, index) => {
    path.length = Math.min(path.length, call.depth);
    const parent = call.parent !== null && call.parent >= 0 && call.parent < index ? call.parent : path[call.depth - 1];
    if (parent !== undefined) below[parent]?.push(index);
    path[call.depth] = index;
  });
  return below;
}

/** Which calls begin open: the way to everything that matters. */
export function firstOpen(calls: readonly Call[], below: readonly number[][]): Set<number> {
  const open = new Set<number>();
  const matters = calls.map(({ touches, failed }) => touches !== '' || failed);
  for (let index = calls.length - 1; index >= 0; index -= 1) {
    const isOnTheWay = below[index]?.some((child) => matters[child]) ?? false;
    if (isOnTheWay) matters[index] = true;
    if ((calls[index]?.depth ?? 0) < OPEN_DEPTH || isOnTheWay) open.add(index);
  }
  return open;
}

/** The rows that are seen, in order. Not recursive: a trace may be 1,024 deep. */
export function rows(calls: readonly Call[], below: readonly number[][], open: ReadonlySet<number>, isWanted: (call: Call) => boolean): Row[] {
  const isBelow = new Set(below.flat());
  const stack = calls.map((_, index) => index).filter((index) => !isBelow.has(index)).reverse().map((index) => ({ index, level: 1 }));
  const seen: Row[] = [];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const call = calls[next.index];
    if (!call) continue;
    const under = below[next.index] ?? [];
    const isOpen = open.has(next.index);
    const isSeen = isWanted(call);
    if (isSeen) seen.push({ index: next.index, call, level: next.level, isParent: under.length > 0, isOpen });
    if (isOpen || !isSeen) for (const child of [...under].reverse()) stack.push({ index: child, level: next.level + (isSeen ? 1 : 0) });
  }
  return seen;
}

const NAMES: Record<string, [string, string]> = { protected: ['◆', 'protected'], attacker: ['▲', 'attacker'] };

export function CallTree({ calls }: { calls: readonly Call[] }) {
  const below = useMemo(() => children(calls), [calls]);
  const [open, setOpen] = useState<ReadonlySet<number>>(() => firstOpen(calls, below));
  const [isOnlyWhatMatters, only] = useState(false);
  const [most, showMore] = useState(SHOWN);
  const [current, setCurrent] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const all = useMemo(() => rows(calls, below, open, (call) => !isOnlyWhatMatters || call.touches !== '' || call.failed || call.depth === 0), [calls, below, open, isOnlyWhatMatters]);
  const shown = all.slice(0, most);

  const turn = (index: number, to: boolean) => { const next = new Set(open); if (to) next.add(index); else next.delete(index); setOpen(next); };
  const focus = (at: number) => {
    const to = Math.max(0, Math.min(shown.length - 1, at));
    setCurrent(to);
    requestAnimationFrame(() => { const element = box.current?.querySelector<HTMLElement>(`[data-row="${to}"]`); element?.focus({ preventScroll: true }); element?.scrollIntoView({ block: 'nearest', inline: 'nearest' }); });
  };
  const onKey = (event: KeyboardEvent) => {
    const row = shown[current];
    if (!row || event.ctrlKey || event.metaKey || event.altKey || (event.target as Element).closest('button')) return;
    const isLeaf = !row.isParent;
    const moves: Record<string, () => void> = {
      ArrowDown: () => focus(current + 1), j: () => focus(current + 1), ArrowUp: () => focus(current - 1), k: () => focus(current - 1),
      Home: () => focus(0), End: () => focus(shown.length - 1),
      ArrowRight: () => { if (!isLeaf && !row.isOpen) turn(row.index, true); else if (!isLeaf) focus(current + 1); },
      ArrowLeft: () => { if (!isLeaf && row.isOpen) turn(row.index, false); else { const parent = shown.slice(0, current).findLastIndex(({ level }) => level < row.level); if (parent >= 0) focus(parent); } },
      Enter: () => { if (!isLeaf) turn(row.index, !row.isOpen); }, ' ': () => { if (!isLeaf) turn(row.index, !row.isOpen); },
    };
    const move = moves[event.key];
    if (move) { event.preventDefault(); move(); }
  };
  return (
    <>
      <div class="row">
        <button type="button" onClick={() => setOpen(new Set(calls.keys()))}>Unfold all</button>
        <button type="button" onClick={() => setOpen(new Set())}>Fold all</button>
        <button type="button" aria-pressed={isOnlyWhatMatters} onClick={() => { only(!isOnlyWhatMatters); setCurrent(0); }}>Only what touches us or the attacker, or failed</button>
        <span class="dim">{plural(calls.length, 'call')} · <span class="prot">◆ protected</span> · <span class="att">▲ attacker</span></span>
      </div>
      <div class="scrollx">
        <div class="tree" role="tree" aria-label="Calls" ref={box} onKeyDown={onKey}>
          {shown.map(({ index, call, level, isParent, isOpen }, at) => {
            const [sign, word] = NAMES[call.touches] ?? ['', ''];
            const value = call.valueWei !== '0' && call.valueWei !== '0x0' ? `${amount(call.valueWei, 18)} ETH` : '';
            return (
              <div key={index} role="treeitem" data-row={at} aria-level={level} aria-expanded={isParent ? isOpen : undefined} aria-selected={at === current} tabIndex={at === Math.min(current, shown.length - 1) ? 0 : -1} class={`call ${call.touches}${call.failed ? ' failed' : ''}`} style={{ paddingInlineStart: `${Math.min(level - 1, 24) * 1.1}rem` }} onFocus={() => setCurrent(at)} onClick={() => { setCurrent(at); if (isParent) turn(index, !isOpen); }}>
                <span class="fold" aria-hidden="true">{isParent ? (isOpen ? '▾' : '▸') : '·'}</span>
                {call.kind.toLowerCase() !== 'call' && <span class="ckind">{visible(call.kind.toLowerCase()).slice(0, 20)}</span>}
                <span class="cto">{sign && <span aria-hidden="true">{sign} </span>}{call.toName ? <T s={call.toName} max={32} /> : <Hex v={call.to} />}{word && <span class="sr"> ({word})</span>}</span>
                <span class="cfun">.<T s={call.function ?? call.selector ?? '(no function)'} max={60} /></span>
                {call.args && <span class="cargs">(<T s={call.args} max={90} />)</span>}
                {value && <span class="cval"> {value}</span>}
                {call.failed && <span class="cfail"> ✕ failed</span>}
                <span class="sr"> to {short(call.to)}</span>
              </div>
            );
          })}
        </div>
      </div>
      {all.length > shown.length && <p><button type="button" onClick={() => showMore(most + SHOWN)}>Show {Math.min(SHOWN, all.length - shown.length)} more of {(all.length - shown.length).toLocaleString('en')}</button></p>}
    </>
  );
}
