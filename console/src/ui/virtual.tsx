// A long list of which only what can be seen is in the page. Heights are measured, as sentences wrap. It scrolls with
// the page and not in a box of its own: on a phone a box in a box cannot be scrolled with a thumb.

import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

/** Rows rendered above and below what is seen. */
const OVERSCAN = 8;

/** Offsets of rows of different heights: measured where known, else estimated. */
export class Heights {
  #known = new Map<string, number>();
  #offsets: Float64Array = new Float64Array(1);
  constructor(readonly estimate: number) {}
  lay(keys: readonly string[]): void {
    const offsets = new Float64Array(keys.length + 1);
    for (let i = 0; i < keys.length; i += 1) offsets[i + 1] = (offsets[i] ?? 0) + (this.#known.get(keys[i] ?? '') ?? this.estimate);
    this.#offsets = offsets;
  }
  /** Whether that was news. */
  measured(key: string, height: number): boolean {
    if (height <= 0 || Math.abs((this.#known.get(key) ?? this.estimate) - height) < 0.5) return false;
    this.#known.set(key, height);
    return true;
  }
  top(index: number): number { return this.#offsets[Math.max(0, Math.min(index, this.#offsets.length - 1))] ?? 0; }
  get total(): number { return this.#offsets[this.#offsets.length - 1] ?? 0; }
  /** The row at that height, by halving. */
  at(y: number): number {
    let low = 0;
    let high = Math.max(0, this.#offsets.length - 2);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#offsets[middle] ?? 0) <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

export function VirtualFeed<Item>({ items, keyOf, label, row, estimate = 52, isBusy = false }: {
  items: readonly Item[]; keyOf: (item: Item) => string; label: string; row: (item: Item, index: number) => ComponentChildren; estimate?: number; isBusy?: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const heights = useMemo(() => new Heights(estimate), [estimate]);
  const [view, look] = useState({ from: 0, to: 40 });
  const [, redraw] = useState(0);
  const [current, setCurrent] = useState(0);
  const wantsFocus = useRef<number | null>(null);

  const keys = useMemo(() => items.map(keyOf), [items, keyOf]);
  heights.lay(keys);

  const see = useCallback(() => {
    const element = box.current;
    if (!element) return;
    const top = -element.getBoundingClientRect().top;
    const from = Math.max(0, heights.at(Math.max(0, top)) - OVERSCAN);
    const to = heights.at(Math.max(0, top + innerHeight)) + OVERSCAN + 1;
    look((before) => (before.from === from && before.to === to ? before : { from, to }));
  }, [heights]);

  useEffect(() => {
    see();
    addEventListener('scroll', see, { passive: true });
    addEventListener('resize', see);
    return () => { removeEventListener('scroll', see); removeEventListener('resize', see); };
  }, [see, items.length]);

  useLayoutEffect(() => {
    let isNews = false;
    for (const element of box.current?.children ?? []) {
      const key = (element as HTMLElement).dataset['key'];
      if (key !== undefined) isNews = heights.measured(key, (element as HTMLElement).offsetHeight) || isNews;
    }
    if (isNews) { redraw((count) => count + 1); see(); }
    if (wantsFocus.current !== null) {
      const element = box.current?.querySelector<HTMLElement>(`[data-index="${wantsFocus.current}"]`);
      if (element) { element.focus({ preventScroll: true }); element.scrollIntoView({ block: 'nearest' }); wantsFocus.current = null; }
    }
  });

  const move = (to: number) => {
    const index = Math.max(0, Math.min(items.length - 1, to));
    setCurrent(index);
    wantsFocus.current = index;
    const element = box.current;
    if (element && (index < view.from || index >= view.to)) {
      scrollTo(0, scrollY + element.getBoundingClientRect().top + heights.top(index) - innerHeight / 3);
      see();
    }
    redraw((count) => count + 1);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || (event.target as HTMLElement).closest('input,textarea,select')) return;
    const steps: Record<string, number> = { ArrowDown: current + 1, j: current + 1, ArrowUp: current - 1, k: current - 1, PageDown: current + 10, PageUp: current - 10, Home: 0, End: items.length - 1 };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  };

  const from = Math.min(view.from, Math.max(0, items.length - 1));
  const shown = items.slice(from, view.to);
  return (
    <div class="feed" ref={box} role="feed" aria-label={label} aria-busy={isBusy} onKeyDown={onKey}>
      <div class="space" style={{ height: `${heights.top(from)}px` }} aria-hidden="true" />
      {shown.map((item, offset) => {
        const index = from + offset;
        const key = keys[index] ?? '';
        return (
          <article key={key} data-key={key} data-index={index} tabIndex={index === current || (offset === 0 && (current < from || current >= view.to)) ? 0 : -1} aria-posinset={index + 1} aria-setsize={items.length} onFocus={() => { if (index !== current) setCurrent(index); }}>
            {row(item, index)}
          </article>
        );
      })}
      <div class="space" style={{ height: `${Math.max(0, heights.total - heights.top(Math.min(view.to, items.length)))}px` }} aria-hidden="true" />
    </div>
  );
}
