// On every page: whether something is open that nobody looks at, or whether we are blind. Whoever reads an old report
// when an attack begins must not have to change the page to see it.

import { useEffect, useRef } from 'preact/hooks';
import { record, segment } from '../api/client';
import { useApi, type Looked } from '../api/use';
import type { Overview } from '../api/types';
import { Cell, useCell } from '../lib/cell';
import { place } from '../lib/router';
import { plural } from '../lib/text';
import { worst } from '../pages/shared';
import { announce } from './announce';

/** The overview as it was read last; the overview page shows the same. */
export const overview = new Cell<Looked<Overview> | null>(null);

export function Alarm() {
  const looked = useApi<Overview>('/overview', () => true);
  const { path } = useCell(place);
  const known = useRef<Set<string> | null>(null);
  const { value } = looked;
  useEffect(() => { overview.set(looked); }, [value, looked.error, looked.isLoading]);
  useEffect(() => { if (value) record.set(value.health.record === true); }, [value]);
  const open = value?.open ?? [];
  const waiting = open.filter(({ acknowledged }) => !acknowledged);
  useEffect(() => {
    if (!value) return;
    const fresh = known.current && value.open.find(({ id }) => !known.current?.has(id));
    if (fresh) announce(`New case ${fresh.id}: ${fresh.sentence}`, true);
    known.current = new Set(value.open.map(({ id }) => id));
  }, [value]);
  useEffect(() => { document.title = document.title.replace(/^(\(\d+\) )?/, waiting.length ? `(${waiting.length}) ` : ''); }, [waiting.length, path]);
  if (!value) return null;
  const elsewhere = waiting.filter(({ id }) => path !== `/case/${id}`);
  const next = worst(elsewhere);
  // A record is read at leisure.
  if (path === '/' || value.health.record || (value.health.sees && !next)) return null;
  return (
    <p class="alarms">
      {!value.health.sees && <a class="alarm" href="/"><span aria-hidden="true">✕ </span>Blind: not everything is watched</a>}
      {next && <a class="alarm" href={`/case/${segment(next.id)}`}><span aria-hidden="true">▲ </span>{elsewhere.length === 1 ? `${next.id}: nobody looks at it` : `${plural(elsewhere.length, 'case')} that nobody looks at`}</a>}
    </p>
  );
}
