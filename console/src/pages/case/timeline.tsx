// The timeline, newest first. New entries do not push away what is being read.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { may, segment, session } from '../../api/client';
import { useList } from '../../api/pages';
import type { Page, TimelineEntry } from '../../api/types';
import { useApi } from '../../api/use';
import { useCell } from '../../lib/cell';
import { verbOf } from '../../lib/commands';
import { brief, plural } from '../../lib/text';
import { Hex, T, Time } from '../../ui/basics';
import { Failed, Look } from '../../ui/look';
import { VirtualFeed } from '../../ui/virtual';
import type { Room } from './room';

export type Group = 'money' | 'machine' | 'people' | 'findings';
const GROUPS: [Group | 'all', string][] = [['all', 'All'], ['people', 'People'], ['machine', 'Levers and decisions'], ['findings', 'Findings'], ['money', 'Losses']];

/** The program's own word for it (`still leaking`), where it has one beside the class. */
export function wordOf(entry: Pick<TimelineEntry, 'kind' | 'detail'>): string {
  const { kind, detail } = entry;
  // Everything that only writes something down is `write` to the program.
  if (detail === 'write') return 'note';
  return detail && detail.length <= 40 && !detail.includes('\n') ? detail : kind;
}

/** Words on a playbook that only people say; the program gives their author in the sentence and not apart. */
const SAID = /^(step done|step skipped|step retried|agreed|no longer agreed|objected|undo ordered|playbook stopped)$/;

/** Which filter an entry belongs to; by its author first, as people can say anything. */
export function groupOf(entry: Pick<TimelineEntry, 'kind' | 'who' | 'detail'>): Group {
  const kind = `${entry.kind} ${wordOf(entry)}`.toLowerCase();
  if (/loss|leak/.test(kind)) return 'money';
  if (entry.who || SAID.test(wordOf(entry))) return 'people';
  if (/finding|pending|seen again|confirmed|finalised|retracted|dissolved|opened/.test(kind)) return 'findings';
  return 'machine';
}
const SIGNS: Record<Group, string> = { money: '$', machine: '⚙', people: '☺', findings: '◉' };

export const keyOf = (entry: TimelineEntry): string => `${entry.seq} ${entry.detail ?? entry.kind} ${entry.links.finding ?? ''}${entry.links.action ?? ''} ${entry.sentence.slice(0, 200)}`;

/** Newest first; entries of one journal step keep their order backwards. */
export function arrange(items: readonly TimelineEntry[], group: Group | 'all', text: string): TimelineEntry[] {
  const wanted = text.trim().toLowerCase();
  const kept = items.filter((entry) => (group === 'all' || groupOf(entry) === group)
    && (wanted === '' || entry.sentence.toLowerCase().includes(wanted) || entry.kind.toLowerCase().includes(wanted) || (entry.detail ?? '').toLowerCase().includes(wanted) || (entry.who ?? '').toLowerCase().includes(wanted) || String(entry.seq) === wanted));
  return kept.reverse();
}

/** The newest few, for the first view: one small request however long the case is. */
export function NewestEntries({ id, room, most }: { id: string; room: Room; most: number }) {
  const looked = useApi<Page<TimelineEntry>>(`/cases/${segment(id)}/timeline?order=newest&limit=${most}`, (news) => news.cases.includes(id));
  const [opened, open] = useState<string | null>(null);
  return (
    <Look what="the timeline" looked={looked}>{({ items }) => items.length === 0 ? <p class="empty">Nothing has been written yet.</p> : (
      <ol class="entries">{items.map((entry) => <li key={keyOf(entry)}><Entry entry={entry} room={room} isOpen={opened === keyOf(entry)} toggle={() => open(opened === keyOf(entry) ? null : keyOf(entry))} /></li>)}</ol>
    )}</Look>
  );
}

export function TimelineView({ id, room }: { id: string; room: Room }) {
  const list = useList<TimelineEntry>(`/cases/${segment(id)}/timeline?order=newest`, keyOf, (news) => news.cases.includes(id), 'newest');
  const [group, choose] = useState<Group | 'all'>('all');
  const [text, search] = useState('');
  const [opened, open] = useState<string | null>(null);
  const [held, hold] = useState<number | null>(null);
  const top = useRef<HTMLDivElement>(null);

  // Whoever has scrolled down reads; what comes meanwhile waits behind a button.
  useEffect(() => {
    const onScroll = () => {
      const isReading = (top.current?.getBoundingClientRect().top ?? 0) < -200;
      hold((before) => (isReading ? (before ?? list.items.length) : null));
    };
    addEventListener('scroll', onScroll, { passive: true });
    return () => removeEventListener('scroll', onScroll);
  }, [list.items.length]);

  const shown = held !== null && !list.isLoading ? list.items.slice(0, held) : list.items;
  const waiting = list.items.length - shown.length;
  const arranged = useMemo(() => arrange(shown, group, text), [shown, group, text, shown.length]);

  return (
    <section aria-label="Timeline">
      <div class="filters" ref={top}>
        <div class="choices" role="group" aria-label="Which entries">{GROUPS.map(([key, name]) => <button key={key} type="button" aria-pressed={group === key} onClick={() => choose(key)}>{name}</button>)}</div>
        <label class="sr" for="filter">Find in the timeline</label>
        <input id="filter" type="search" placeholder="Find a word, a name or a number" value={text} onInput={(event) => search(event.currentTarget.value)} />
      </div>
      <Failed what="the timeline" looked={list} />
      <p class="dim" role="status">{list.isComplete ? (arranged.length === list.items.length ? plural(arranged.length, 'entry', 'entries') : `${arranged.length.toLocaleString('en')} of ${plural(list.items.length, 'entry', 'entries')}`) : list.error ? `${plural(list.items.length, 'entry', 'entries')} were read, then it broke off` : `Reading … ${plural(list.items.length, 'entry', 'entries')} so far`}</p>
      {waiting > 0 && <button type="button" class="fresh primary" onClick={() => { hold(null); top.current?.scrollIntoView(); }}>{plural(waiting, 'new entry', 'new entries')}: show</button>}
      {arranged.length === 0 && list.isComplete && <p class="empty">{list.items.length === 0 ? 'Nothing has been written yet.' : 'No entry is like that. Other filters may have some.'}</p>}
      {arranged.length > 0 && <VirtualFeed items={arranged} keyOf={keyOf} label="Timeline, newest first" estimate={58} isBusy={list.isLoading} row={(entry) => <Entry entry={entry} room={room} isOpen={opened === keyOf(entry)} toggle={() => open(opened === keyOf(entry) ? null : keyOf(entry))} />} />}
    </section>
  );
}

function Entry({ entry, room, isOpen, toggle }: { entry: TimelineEntry; room: Room; isOpen: boolean; toggle: () => void }) {
  const group = groupOf(entry);
  const who = useCell(session);
  const base = `/case/${segment(room.one.id)}?view=`;
  const { tx, step, action, finding } = entry.links;
  const correct = verbOf('correct');
  return (
    <div class={`entry g-${group}`}>
      <span class="entrytime"><Time at={entry.at} /></span>
      <span class="entrysign" aria-hidden="true">{SIGNS[group]}</span>
      <div class="entrybody">
        <p><strong class="kind"><T s={wordOf(entry)} max={60} /></strong> {entry.who && <><span class="by"><T s={entry.who} max={40} /></span>{entry.sentence && ': '}</>}<T s={isOpen ? entry.sentence : brief(entry.sentence)} max={280} /></p>
        {isOpen && (
          <div class="entrymore">
            {entry.detail && entry.detail !== wordOf(entry) && <p><T s={entry.detail} max={2_000} lines /></p>}
            <p class="dim">Entry {entry.seq}{action && <> · action <T s={action} max={60} /></>}{finding && <> · finding <Hex v={finding} /></>}</p>
            <p class="row">{tx && <a href={`${base}attack&tx=${segment(tx)}`}>The transaction</a>}{step && <a href={`${base}playbook#${segment(step.replace('/', '-'))}`}>The step</a>}{correct && may(who, 'responder') && <button type="button" class="plain small" onClick={() => room.order(correct, { entry: String(entry.seq) })}>Correct it …</button>}</p>
          </div>
        )}
      </div>
      <button type="button" class="plain small" aria-expanded={isOpen} aria-label={`More about entry ${entry.seq}`} onClick={toggle}>{isOpen ? '−' : '+'}</button>
    </div>
  );
}
