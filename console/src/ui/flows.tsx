// Transfers as a sequence: one column per holder, one line per transfer, in the order in which they happened. Unlike a
// graph with a layout of its own it looks the same each time, and the order is what explains an attack.

import type { Transfer } from '../api/types';
import { amount } from '../lib/money';
import { cut, plural, short, visible } from '../lib/text';
import { Hex, T, Table } from './basics';

/** Most columns and rows that are drawn; the table below has all. */
const HOLDERS_MAX = 9;
const ROWS_MAX = 60;
/** Least and most width of a column, pixels: names are never wider than its box, or they are pressed together. */
const COLUMN_MIN = 128;
const COLUMN_MAX = 210;
const ROW = 34;
const TOP = 46;

export interface Sequence { holders: { address: string; name: string }[]; rows: { from: number; to: number; text: string; transfer: Transfer }[]; left: number }

export function sequence(transfers: readonly Transfer[]): Sequence {
  const columns = new Map<string, number>();
  const holders: Sequence['holders'] = [];
  const column = (address: string, name: string | null): number | null => {
    const key = address.toLowerCase();
    const known = columns.get(key);
    if (known !== undefined) return known;
    if (holders.length >= HOLDERS_MAX) return null;
    columns.set(key, holders.length);
    const isNobody = /^0x0{40}$/.test(key);
    holders.push({ address, name: visible(cut(name ?? (isNobody ? 'new or burnt' : short(address)), 18).head) });
    return holders.length - 1;
  };
  const rows: Sequence['rows'] = [];
  for (const transfer of transfers) {
    if (rows.length >= ROWS_MAX) break;
    const from = column(transfer.from, transfer.fromName);
    const to = column(transfer.to, transfer.toName);
    if (from === null || to === null) continue;
    const figure = amount(transfer.amount, transfer.decimals);
    const rounded = figure.length > 14 ? figure.replace(/(\.\d{2})\d+$/, '$1…') : figure;
    rows.push({ from, to, text: `${cut(rounded, 20).head} ${visible(cut(transfer.symbol ?? short(transfer.asset), 10).head)}`, transfer });
  }
  return { holders, rows, left: transfers.length - rows.length };
}

/** About how wide a text is drawn, pixels; rather too much. Nothing can be measured before it is drawn. */
export const widthOf = (text: string): number => [...text].reduce((sum, mark) => sum + ((mark.codePointAt(0) ?? 0) > 0x2e7f ? 13.5 : /[MW@%m]/.test(mark) ? 12.5 : 8.4), 0);

/** As wide as its widest name, and as a figure between two neighbours. */
export function columnWidth({ holders, rows }: Pick<Sequence, 'holders' | 'rows'>): number {
  const names = holders.map(({ name }) => widthOf(name) + 24);
  const figures = rows.filter(({ from, to }) => Math.abs(from - to) <= 1).map(({ text }, index) => widthOf(`${index + 1}. ${text}`) * 0.9 + 16);
  return Math.min(COLUMN_MAX, Math.ceil(Math.max(COLUMN_MIN, ...names, ...figures)));
}

export function FlowPicture({ transfers }: { transfers: readonly Transfer[] }) {
  const { holders, rows, left } = sequence(transfers);
  const column = columnWidth({ holders, rows });
  const width = Math.max(2, holders.length) * column;
  const height = TOP + rows.length * ROW + 12;
  const x = (index: number) => index * column + column / 2;
  return (
    <>
      <div class="scrollx" tabIndex={0} role="region" aria-label="Picture of the transfers; the table below says the same">
        <svg class="flow" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${plural(rows.length, 'transfer')} between ${plural(holders.length, 'holder')}`}>
          <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" /></marker></defs>
          {holders.map((holder, index) => (
            <g key={holder.address}>
              <line class="life" x1={x(index)} x2={x(index)} y1={TOP - 12} y2={height} />
              <rect class="who" x={x(index) - column / 2 + 5} y="6" width={column - 10} height="26" rx="5" />
              <text x={x(index)} y="23" text-anchor="middle" {...(widthOf(holder.name) > column - 18 ? { textLength: column - 18, lengthAdjust: 'spacingAndGlyphs' } : {})}>{holder.name}<title>{holder.address}</title></text>
            </g>
          ))}
          {rows.map((row, index) => {
            const y = TOP + index * ROW + 22;
            const isSelf = row.from === row.to;
            const middle = isSelf ? x(row.from) + 8 : (x(row.from) + x(row.to)) / 2;
            return (
              <g key={index} class="move">
                {isSelf ? <path d={`M${x(row.from)} ${y - 6} h22 v10 h-18`} marker-end="url(#tip)" /> : <line x1={x(row.from)} x2={x(row.to) + (row.to > row.from ? -2 : 2)} y1={y} y2={y} marker-end="url(#tip)" />}
                <text x={middle} y={y - 5} text-anchor={isSelf ? 'start' : 'middle'}><tspan class="ord">{index + 1}. </tspan>{row.text}</text>
              </g>
            );
          })}
        </svg>
      </div>
      {left > 0 && <p class="dim">{plural(left, 'more transfer')} {left === 1 ? 'stands' : 'stand'} only in the table: the picture has {HOLDERS_MAX} holders and {ROWS_MAX} transfers at most.</p>}
      <details><summary>The same as a table</summary>
        <Table label="Transfers" head={['', 'From', 'To', { num: 'Amount' }]}>{transfers.slice(0, 500).map((one, index) => <tr key={index}><td class="num">{index + 1}</td><td><Hex v={one.from} name={one.fromName} /></td><td><Hex v={one.to} name={one.toName} /></td><td class="num">{amount(one.amount, one.decimals)} <T s={one.symbol ?? short(one.asset)} max={16} /></td></tr>)}</Table>
        {transfers.length > 500 && <p class="dim">The first 500 of {transfers.length.toLocaleString('en')}.</p>}
      </details>
    </>
  );
}
