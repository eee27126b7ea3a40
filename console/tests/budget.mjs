// What the browser has to load: JavaScript and styles, compressed. `npm run build` first.

import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BYTES_MAX = 200_000;
const dist = new URL('../dist/', import.meta.url);
const names = readdirSync(dist, { recursive: true }).filter((name) => /\.(js|css)$/.test(name));
let total = 0;
for (const name of names) {
  const size = gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length;
  total += size;
  console.log(`${String(size).padStart(8)}  ${name}`);
}
const html = readFileSync(new URL('index.html', dist), 'utf8');
const inline = /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\//i.exec(html);
console.log(`${String(total).padStart(8)}  all, of at most ${BYTES_MAX}`);
if (names.length === 0 || total > BYTES_MAX) { console.error('The budget is broken: see what was added.'); process.exit(1); }
if (inline) { console.error(`index.html has something that the policy forbids: ${inline[0]}`); process.exit(1); }
