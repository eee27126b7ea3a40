// The smallest state that several parts of the page can watch. Preact renders; nothing heavier is needed here.

import { useEffect, useState } from 'preact/hooks';

export class Cell<Value> {
  #value: Value;
  #watchers = new Set<(value: Value) => void>();
  constructor(value: Value) { this.#value = value; }
  get(): Value { return this.#value; }
  set(value: Value): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher(value);
  }
  watch(watcher: (value: Value) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

export function useCell<Value>(cell: Cell<Value>): Value {
  const [value, set] = useState(cell.get());
  useEffect(() => {
    set(() => cell.get());
    return cell.watch((next) => set(() => next));
  }, [cell]);
  return value;
}

/** A setting that this browser remembers; it works without storage too. */
export function remembered<Value extends string>(key: string, cell: Cell<Value>, allowed: readonly Value[]): void {
  try {
    const stored = localStorage.getItem(key);
    const known = allowed.find((one) => one === stored);
    if (known !== undefined) cell.set(known);
    cell.watch((value) => localStorage.setItem(key, value));
  } catch { /* Storage is switched off: the setting lasts as long as the page. */ }
}
