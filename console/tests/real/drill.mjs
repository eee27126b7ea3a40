// The real program, as somebody at a terminal has it: `portcullis drill … --console`, its link read off the screen, ended
// with Ctrl-C. A drill's console stays open at a terminal only, so `script` (util-linux) makes one.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const BINARY = process.env.PORTCULLIS_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug/portcullis');
/** Time between two blocks of the play, milliseconds: half the scenario's, so that the test is sooner over. */
const INTERVAL_MS = 200;
/** Longest time until both plays are over. */
const PLAYED_WITHIN_MS = 120_000;
const ENDED_WITHIN_MS = 20_000;

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const freePort = () => new Promise((resolve, reject) => {
  const server = createServer().on('error', reject).listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
});

/** Runs the program and gives back what it wrote; its status has to be `status`. */
export function portcullis(args, { status = 0 } = {}) {
  try {
    const text = execFileSync(BINARY, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 256 << 20, stdio: ['ignore', 'pipe', 'pipe'] });
    if (status !== 0) throw new Error(`portcullis ${args.join(' ')} ended well, and should not`);
    return text;
  } catch (error) {
    if (error.status === status) return error.stdout;
    throw new Error(`portcullis ${args.join(' ')}: ${error.stderr ?? error}`, { cause: error });
  }
}

/** Plays `scenario` (a name or a folder) and leaves its console open. `ready` is called once somebody can look. */
export async function startDrill({ scenario = 'lending-spot-oracle', intervalMs = INTERVAL_MS, more = [] } = {}) {
  if (!existsSync(BINARY)) throw new Error(`there is no program at ${BINARY}: cargo build --workspace --bin portcullis, or name one in PORTCULLIS_BIN`);
  const place = mkdtempSync(join(tmpdir(), 'portcullis-walk-'));
  const out = join(place, 'drill');
  execFileSync('mkdir', ['-p', out]);
  const port = await freePort();
  const args = [BINARY, 'drill', scenario, '--console', `127.0.0.1:${port}`, '--interval-ms', String(intervalMs), '--out', out, ...more];
  const child = spawn('script', ['-qefc', args.map(quoted).join(' '), '/dev/null'], { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
  const run = { screen: '', over: null };
  child.stdout.on('data', (bytes) => { run.screen += bytes; });
  child.on('exit', (code) => { run.over = code ?? -1; });
  const until = async (is, what, ms) => {
    for (const from = Date.now(); !is(); await pause(50)) {
      if (run.over !== null) throw new Error(`the drill ended with ${run.over} before ${what}:\n${run.screen}`);
      if (Date.now() - from > ms) { await end(); throw new Error(`${what}: not within ${ms / 1_000} s:\n${run.screen}`); }
    }
  };
  // Ctrl-C as at a keyboard: the terminal passes it on to everything that runs there.
  const end = async () => {
    if (run.over === null) child.stdin.write('\x03');
    for (const from = Date.now(); run.over === null && Date.now() - from < ENDED_WITHIN_MS;) await pause(50);
    if (run.over === null) child.kill('SIGHUP');
    if (!process.env.CONSOLE_KEEP) rmSync(place, { recursive: true, force: true });
    return run.over;
  };
  const link = () => /http:\/\/\S+\/sign-in#token=[\x21-\x7e]+/.exec(run.screen)?.[0];
  await until(() => link() !== undefined, 'its link', PLAYED_WITHIN_MS);
  await until(() => run.screen.includes('the console stays open'), 'both plays were over', PLAYED_WITHIN_MS);
  const people = Object.fromEntries(readFileSync(join(out, 'people.keys'), 'utf8').trim().split('\n').map((line) => { const [name, address, key] = line.split(' '); return [name, { address, key }]; }));
  const url = `http://127.0.0.1:${port}`;
  const token = readFileSync(join(out, 'visitor.token'), 'utf8').trim();
  const journal = join(out, 'portcullis.sqlite');
  const told = JSON.parse(readFileSync(join(out, 'drill.json'), 'utf8'));
  return { url, link: link(), out, place, journal, token, people, caseId: told.caseId, end, screen: () => run.screen };
}
