// A journal with a long case, by the program's own commands: `journal export`, so many notes more, `journal restore`.
// Restoring checks the hash chain, and `journal verify` computes the answers again, so that what is shown is genuine.

import { writeFileSync } from 'node:fs';
import { concat, keccak256, numberToHex, toBytes } from 'viem';
import { portcullis } from './drill.mjs';

const DOMAIN = toBytes('portcullis-journal/1');
const word = (value) => toBytes(numberToHex(value, { size: 8 }));
const sized = (text) => { const bytes = toBytes(text); return concat([word(bytes.length), bytes]); };
/** As crates/portcullis/src/store/chain.rs says. */
const link = ({ previous, seq, at, kind, body }) => keccak256(concat([DOMAIN, toBytes(previous), word(seq), word(at), sized(kind), sized(body)]));

/** Most bytes of a block of zstd (RFC 8878 §3.1.1.2). */
const BLOCK = 128 << 10;
/** zstd without compression: a frame header with a window of 8 MiB, then blocks as they are. */
function stored(bytes) {
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3])];
  for (let from = 0; from < bytes.length; from += BLOCK) {
    const block = bytes.subarray(from, from + BLOCK);
    const head = (block.length << 3) | (from + BLOCK >= bytes.length ? 1 : 0);
    parts.push(Buffer.from([head & 0xff, (head >> 8) & 0xff, head >> 16]), block);
  }
  return Buffer.concat(parts);
}

const WORDS = ['The pair is quiet again.', 'Asked the exchange for the account behind it; no answer yet.', 'Two users wrote that withdrawals fail: told them why.', 'Block looked at by hand: nothing left.'];

/** Copies `journal` to `to` with `count` notes more in its case `id`. */
export function lengthen({ journal, to, id, count }) {
  const lines = portcullis(['journal', 'export', '--journal', journal]).trimEnd().split('\n');
  const last = JSON.parse(lines.at(-1));
  let { hash: previous, seq, at } = last;
  for (let i = 0; i < count; i += 1) {
    seq += 1;
    at += 7;
    const body = JSON.stringify({ event: 'command', case: id, command: { who: ['ada', 'ben', 'cleo'][i % 3], when: at, what: { command: 'note', text: `${WORDS[i % WORDS.length]} (${i + 1})` } } });
    const hash = link({ previous, seq, at, kind: 'event', body });
    lines.push(JSON.stringify({ seq, at, kind: 'event', body, hash }));
    previous = hash;
  }
  lines.push(JSON.stringify({ backup: { format: 1, records: seq, head: previous } }));
  const backup = `${to}.jsonl.zst`;
  writeFileSync(backup, stored(Buffer.from(`${lines.join('\n')}\n`)));
  portcullis(['journal', 'restore', backup, '--journal', to]);
  return { records: seq, head: previous };
}
