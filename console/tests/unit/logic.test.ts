import { deed } from '../../src/pages/lists';
import { describe, expect, it } from 'vitest';
import { join } from '../../src/api/pages';
import { SseParser } from '../../src/api/stream';
import type { Call, CaseLever, CaseLine, TypedData } from '../../src/api/types';
import { nextVerb, sayable, toCommand, verbOf, wrong } from '../../src/lib/commands';
import { heldAt, heldNow, holdWords, letGo } from '../../src/lib/held';
import { signInAt } from '../../src/lib/router';
import { notTicked, withNotTicked } from '../../src/lib/ticks';
import { isOurs, siweMessage } from '../../src/lib/siwe';
import { hashes, meaning } from '../../src/lib/typed';
import { signTyped, signText, type Wallet } from '../../src/lib/wallet';
import { whereRead } from '../../src/pages/case/report';
import { arrange, groupOf } from '../../src/pages/case/timeline';
import { shownOf } from '../../src/pages/protocol';
import { worst } from '../../src/pages/shared';
import { safePath } from '../../src/pages/signin';
import { columnWidth, sequence, widthOf } from '../../src/ui/flows';
import { children, firstOpen, rows } from '../../src/ui/tree';
import { Heights } from '../../src/ui/virtual';
import { may, record } from '../../src/api/client';

describe('server-sent events', () => {
  const text = ': beat\n\nid: 7\r\nevent: change\r\ndata: {"a":1}\r\ndata: 2\r\n\r\ndata:x\n\nevent: resync\ndata: {}\n\n';
  const events = [{ event: 'change', data: '{"a":1}\n2', id: '7' }, { event: 'message', data: 'x', id: '7' }, { event: 'resync', data: '{}', id: '7' }];
  it.each([1, 2, 3, 7, 1_000])('reads them in pieces of %i', (size) => {
    const parser = new SseParser();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...parser.push(text.slice(at, at + size)));
    expect(found).toEqual(events);
  });
  it('refuses an event without end', () => expect(() => new SseParser().push('x'.repeat(1_000_001))).toThrow());
});

describe('commands', () => {
  it('asks for what is missing, in words', () => {
    const declare = verbOf('declare')!;
    expect(wrong(declare, { severity: 'P1', why: ' ' })).toEqual({ why: 'Please fill this in.' });
    expect(wrong(declare, { severity: 'P1', why: 'funds leave' })).toEqual({});
    expect(wrong(verbOf('merge')!, { into: '42' })).toHaveProperty('into');
    expect(wrong(verbOf('returned')!, { amount: '1,5', how: 'x' })).toHaveProperty('amount');
    expect(wrong(verbOf('note')!, { text: 'ä'.repeat(4_097) })).toHaveProperty('text');
  });
  it('makes the command that the contract names', () => {
    expect(toCommand(verbOf('declare')!, { severity: 'P1', why: ' now ' })).toEqual({ command: 'declare', severity: 'P1', why: 'now' });
    expect(toCommand(verbOf('resolve')!, { summary: 'over', early: '' })).toEqual({ command: 'resolve', summary: 'over', early: null });
    expect(toCommand(verbOf('correct')!, { entry: '17', text: 'x' })).toEqual({ command: 'correct', entry: 17, text: 'x' });
    expect(toCommand(verbOf('began')!, { at: '2026-11-21T03:12:45', how: '0x' })).toEqual({ command: 'began', at: Date.UTC(2026, 10, 21, 3, 12, 45), how: '0x' });
  });
  it.each([
    [['acknowledge', 'triage', 'declare', 'falsePositive'], 'detected', false, 'acknowledge'], [['triage', 'declare', 'falsePositive'], 'detected', true, 'declare'], [['contained', 'falsePositive'], 'containing', true, 'contained'],
    [['falsePositive', 'merge'], 'detected', true, undefined], [['reOpen'], 'reviewed', true, undefined], [['review', 'reOpen'], 'resolved', true, 'review'],
    [['contain', 'declare'], 'contained', true, 'declare'], [['contain', 'merge'], 'monitoring', true, undefined], [['contain', 'investigate'], 'declared', true, 'contain'],
  ])('of %j in %s the next is', (allowed, stage, isAcknowledged, next) => expect(nextVerb(allowed, stage, isAcknowledged)?.command).toBe(next));
  it('offers to contain again, and not to contain, once the loss has stopped', () => {
    expect(sayable(['contain', 'resolve'], 'monitoring').map(({ label }) => label)).toEqual(['Contain again', 'Resolve']);
    expect(sayable(['contain', 'investigate'], 'declared').map(({ label }) => label)).toEqual(['Contain', 'Investigate']);
  });
  it('takes no beginning after the case was opened, nor in the future, and says why', () => {
    const clock = { openedAt: Date.UTC(2026, 10, 21, 3, 12, 45, 120), now: Date.UTC(2026, 10, 21, 3, 30) };
    const said = (at: string) => wrong(verbOf('began')!, { at, how: '0x' }, clock)['at'];
    expect(said('2026-11-21T03:12:45')).toBeUndefined();
    expect(said('2026-11-21T03:12:46')).toBe('The case was opened at 2026-11-21 03:12:45 UTC: the attack began before it was seen.');
    expect(said('2027-01-01T00:00:00')).toBe('That is in the future: now it is 2026-11-21 03:30:00 UTC.');
    expect(said('soon')).toMatch(/^A time such as/);
  });
});

describe('boxes of a step', () => {
  const items = ['who leads', 'who writes', 'which room'];
  it('are all open before somebody ticks', () => expect(notTicked(items, undefined)).toEqual(items));
  it('that are open stand first in what is sent', () => expect(withNotTicked(notTicked(items, new Set([1])), 'no time')).toBe('not ticked: who leads; which room; no time'));
  it('change nothing once all are ticked', () => expect(withNotTicked(notTicked(items, new Set([0, 1, 2])), 'said')).toBe('said'));
});

describe('a public word', () => {
  it.each([
    [{ page: false, channels: 0 }, /^Nobody can read it yet: .*console\.publicStatus/], [{ page: true, channels: 0 }, /^It stands on the page \/status\.$/], [{ page: false, channels: 1 }, /^It goes to 1 channel for the public\.$/],
    [{ page: true, channels: 2 }, /^It stands on the page \/status, and it goes to 2 channels for the public\.$/],
  ])('with %j', (readers, said) => expect(whereRead(readers)).toMatch(said));
});

describe('a limit', () => {
  const left: [number, string][] = [[1_000, '100'], [2_000, '300']];
  const series: [number, string][] = [[1_000, '100'], [2_000, '400'], [11_000, '300'], [12_000, '0']];
  it('shows what the window holds while that is current', () => expect(shownOf({ usedUsd: '400', windowMs: 10_000, series: left }, series, 12_000)).toEqual({ usd: '400', at: null }));
  it('shows the peak and its time once all of it is older', () => expect(shownOf({ usedUsd: '300', windowMs: 10_000, series: left }, series, 99_000)).toEqual({ usd: '400', at: 2_000 }));
  it('has no peak where nothing left', () => expect(shownOf({ usedUsd: '0', windowMs: 10_000, series: [] }, [], 99_000)).toEqual({ usd: '0', at: null }));
});

describe('a lever that is held', () => {
  const lever = (more: Partial<CaseLever> = {}): CaseLever => ({ name: 'pause', rung: 'market', standing: 'held', heldUntil: 60_000, by: 'us', action: null, ...more });
  it.each([
    [lever(), 0, '00:01:00 left, then it is let go by itself'], [lever({ release: 'program' }), 65_000, 'its time is over since 00:00:05'], [lever({ heldUntil: null }), 0, ''],
    [lever({ release: 'people' }), 0, 'people let it go; its time ends in 00:01:00'], [lever({ release: 'people' }), 65_000, 'its time is over, people let it go'], [lever({ release: 'people', heldUntil: null }), 0, 'people let it go'],
  ])('%j at %i: %s', (one, current, said) => expect(holdWords(one, current)).toBe(said));
  it('is said while people bring things back, and not before; never one of another case', () => {
    const one = { id: 'PC-000001', stage: 'monitoring', levers: [lever(), lever({ name: 'idle', standing: 'idle' }), lever({ name: 'other', case: 'PC-000002' }), lever({ name: 'mine', case: 'PC-000001' })] };
    expect(heldNow(one).map(({ name }) => name)).toEqual(['pause', 'mine']);
    expect(heldNow({ ...one, stage: 'contained' })).toEqual([]);
    expect(heldAt(one, 'resolve')).toHaveLength(2);
    expect(heldAt(one, 'note')).toEqual([]);
  });
  it('says who lets it go', () => {
    expect(letGo(lever({ release: 'people' }))).toBe('people let it go once the fault is mended');
    expect(letGo(lever())).toContain('by itself');
  });
});

const call = (depth: number, parent: number | null, more: Partial<Call> = {}): Call => ({ depth, kind: 'call', from: '0x1', to: '0x2', toName: null, function: 'f', args: null, valueWei: '0', failed: false, parent, touches: '', ...more });
describe('the call tree', () => {
  const calls = [call(0, null), call(1, 0), call(2, 1), call(3, 2), call(4, 3, { touches: 'protected' }), call(4, 3), call(5, 5), call(1, 0)];
  it('knows who called whom, with and without parents', () => {
    const wanted = [[1, 7], [2], [3], [4, 5], [], [6], [], []];
    expect(children(calls)).toEqual(wanted);
    expect(children(calls.map((one) => ({ ...one, parent: null })))).toEqual(wanted);
  });
  it('begins open on the way to what matters, folded elsewhere', () => {
    const below = children(calls);
    const open = firstOpen(calls, below);
    expect(rows(calls, below, open, () => true).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 7]);
  });
  it('shows only what matters where that is wanted', () => {
    const below = children(calls);
    expect(rows(calls, below, new Set(), ({ touches, depth }) => touches !== '' || depth === 0).map(({ index, level }) => [index, level])).toEqual([[0, 1]]);
    expect(rows(calls, below, new Set([0]), ({ touches, depth }) => touches !== '' || depth === 0).map(({ index, level }) => [index, level])).toEqual([[0, 1], [4, 2]]);
  });
  it('stands a trace of 20,000 calls, 1,024 deep', () => {
    const deep = Array.from({ length: 20_000 }, (_, i) => call(Math.min(i, 1_023), i === 0 ? null : Math.min(i - 1, 1_022)));
    const below = children(deep);
    expect(rows(deep, below, new Set(deep.keys()), () => true)).toHaveLength(20_000);
  });
});

describe('token flows', () => {
  const move = (from: string, to: string) => ({ from, fromName: null, to, toName: null, asset: '0xa', symbol: 'USDC', amount: '1500000', decimals: 6, usd: null });
  it('gives every holder one column, in the order in which they appear', () => {
    const { holders, rows: lines, left } = sequence([move('0xA', '0xb'), move('0xB', '0xa')]);
    expect([holders.length, lines.map(({ from, to }) => [from, to]), left]).toEqual([2, [[0, 1], [1, 0]], 0]);
    expect(lines[0]?.text).toBe('1.5 USDC');
  });
  it('is as wide as its names and figures need, within reason', () => {
    const one = (name: string, text = '1') => ({ holders: [{ address: '0x1', name }, { address: '0x2', name: 'b' }], rows: [{ from: 0, to: 1, text, transfer: move('0x1', '0x2') }] });
    expect(columnWidth(one('vault'))).toBe(128);
    expect(columnWidth(one('0xdD2FD4…Bf44C0'))).toBeGreaterThan(widthOf('0xdD2FD4…Bf44C0') + 18);
    expect(columnWidth(one('vault', '1,275.932101 RUSD'))).toBeGreaterThan(150);
    expect(columnWidth(one('W'.repeat(18)))).toBe(210);
  });
  it('says how many it leaves out', () => expect(sequence(Array.from({ length: 200 }, (_, i) => move(`0x${i}`, `0x${i + 1}`))).left).toBe(192));
});

describe('lists', () => {
  it('finds rows by height', () => {
    const heights = new Heights(50);
    heights.lay(['a', 'b', 'c']);
    expect([heights.total, heights.at(0), heights.at(49), heights.at(50), heights.at(10_000)]).toEqual([150, 0, 0, 1, 2]);
    expect(heights.measured('a', 120)).toBe(true);
    expect(heights.measured('a', 120.2)).toBe(false);
    heights.lay(['a', 'b', 'c']);
    expect([heights.total, heights.at(119), heights.at(121)]).toEqual([220, 0, 1]);
  });
  it('takes an entry that comes twice once', () => {
    const known = new Map<string, { k: string }>();
    expect(join(known, [{ k: 'a' }, { k: 'b' }], ({ k }) => k)).toBe(2);
    expect(join(known, [{ k: 'b' }, { k: 'c' }], ({ k }) => k)).toBe(1);
    expect([...known.keys()]).toEqual(['a', 'b', 'c']);
  });
  it('arranges newest first, and finds', () => {
    const entry = (seq: number, kind: string, who: string | null, sentence: string) => ({ seq, at: seq, kind, who, sentence, detail: null, links: {} });
    const all = [entry(1, 'finding', null, 'A loss'), entry(2, 'note', 'ben', 'spot price'), entry(3, 'still leaking', null, 'x')];
    expect(arrange(all, 'all', '').map(({ seq }) => seq)).toEqual([3, 2, 1]);
    expect(arrange(all, 'people', '').map(({ seq }) => seq)).toEqual([2]);
    expect(arrange(all, 'all', 'BEN').map(({ seq }) => seq)).toEqual([2]);
    expect(groupOf(entry(3, 'action', null, 'x'))).toBe('machine');
    expect(groupOf({ kind: 'action', who: null, detail: 'still leaking' })).toBe('money');
    expect(groupOf({ kind: 'finding', who: 'mallory', detail: null })).toBe('people');
  });
  it('puts the gravest case first', () => {
    const line = (id: string, severity: string | null, acknowledged: boolean, lostUsd: string) => ({ id, severity, suggestedSeverity: 'P2', acknowledged, lostUsd, openedAt: 0 }) as unknown as CaseLine;
    expect(worst([line('a', 'P3', false, '9'), line('b', null, true, '9'), line('c', null, false, '1'), line('d', null, false, '2')])?.id).toBe('d');
    expect(worst([])).toBeUndefined();
  });
});

const MAIL: TypedData = {
  types: { EIP712Domain: [{ name: 'name', type: 'string' }, { name: 'version', type: 'string' }, { name: 'chainId', type: 'uint256' }, { name: 'verifyingContract', type: 'address' }], Person: [{ name: 'name', type: 'string' }, { name: 'wallet', type: 'address' }], Mail: [{ name: 'from', type: 'Person' }, { name: 'to', type: 'Person' }, { name: 'contents', type: 'string' }] },
  primaryType: 'Mail', domain: { name: 'Ether Mail', version: '1', chainId: '1', verifyingContract: '0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC' },
  message: { from: { name: 'Cow', wallet: '0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826' }, to: { name: 'Bob', wallet: '0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB' }, contents: 'Hello, Bob!' },
};
const APPROVAL: TypedData = {
  types: { EIP712Domain: [{ name: 'name', type: 'string' }, { name: 'version', type: 'string' }, { name: 'chainId', type: 'uint256' }], Approval: [{ name: 'action', type: 'string' }, { name: 'protocol', type: 'string' }, { name: 'lever', type: 'string' }, { name: 'deadline', type: 'uint256' }] },
  primaryType: 'Approval', domain: { name: 'Portcullis', version: '1', chainId: '31337' }, message: { action: 'pull', protocol: 'lending', lever: 'pause', deadline: '1800000000' },
};
const text = (name: string) => ({ name, type: 'string' });
const number = (name: string) => ({ name, type: 'uint256' });
const STEP: TypedData = {
  types: { EIP712Domain: [text('name'), text('version'), number('chainId')], StepApproval: [text('protocol'), text('case'), text('playbook'), number('run'), text('step'), number('attempt'), text('lever')] },
  primaryType: 'StepApproval', domain: { name: 'Portcullis', version: '1', chainId: '31337' }, message: { protocol: 'lending', case: 'PC-000012', playbook: 'drain', run: '31', step: 'agree-to-stop', attempt: '1', lever: 'pause' },
};
describe('what is signed', () => {
  it('hashes as the example of EIP-712 does', async () => expect(await hashes(MAIL)).toEqual({
    domain: '0xf2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f', message: '0xc52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e', signed: '0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2',
  }));
  it('is put into words from the data themselves', () => {
    const said = meaning(APPROVAL, { lever: 'pause', protocol: 'lending' });
    expect(said.doubts).toEqual([]);
    expect(said.sentence).toContain('“pause” of lending on chain 31337 is pulled');
    expect(said.deadline).toBe(1_800_000_000_000);
  });
  it('of a step names step, playbook and lever, and is doubted where the page says something else', () => {
    const page = { case: 'PC-000012', protocol: 'lending', playbook: 'drain', run: '31', step: 'agree-to-stop', attempt: '1' };
    const said = meaning(STEP, page);
    expect(said.doubts).toEqual([]);
    expect(said.sentence).toBe('You agree to the step “agree-to-stop” of the playbook “drain”: the lever “pause” of lending on chain 31337 may then be pulled, or stays pulled.');
    for (const [name, value] of Object.entries(page)) expect(meaning(STEP, { ...page, [name]: `${value}0` }).doubts, name).toHaveLength(1);
    expect(meaning({ ...STEP, message: { ...STEP.message, lever: '' } }, page).sentence).toBeNull();
    expect(meaning({ ...STEP, primaryType: 'Approval', types: { ...STEP.types, Approval: STEP.types['StepApproval'] ?? [] } }, page).sentence).toBeNull();
  });
  it.each([
    ['another lever', { ...APPROVAL, message: { ...APPROVAL.message, lever: 'other' } }], ['another domain', { ...APPROVAL, domain: { ...APPROVAL.domain, name: 'Permit2' } }], ['a field that is not signed', { ...APPROVAL, message: { ...APPROVAL.message, note: 'harmless' } }], ['another kind', MAIL],
    ['no type at all', { ...APPROVAL, primaryType: 'Nothing' }],
  ])('%s is a reason not to', (_, data) => expect(meaning(data, { lever: 'pause' }).doubts).not.toEqual([]));
});

describe('signing in', () => {
  it.each([
    ['/', '', '', '/sign-in'], ['/case/PC-000012', 'view=notes', '#x', `/sign-in?to=${encodeURIComponent('/case/PC-000012?view=notes#x')}`], ['/sign-in', 'to=%2Fcases', '#token=x', `/sign-in?to=${encodeURIComponent('/cases')}`], ['/sign-in', '', '', '/sign-in'],
  ])('from %s?%s%s it comes back', (path, query, hash, to) => expect(signInAt({ path, query: new URLSearchParams(query), hash })).toBe(to));
  const asked = { nonce: 'abcdefgh12', domain: '127.0.0.1:7711', uri: 'http://127.0.0.1:7711', statement: 'Sign in.', chainId: 1, expiresAt: Date.UTC(2026, 0, 1) };
  it('writes the text of EIP-4361', () => expect(siweMessage('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266', asked, new Date(Date.UTC(2025, 11, 31)))).toBe(
    '127.0.0.1:7711 wants you to sign in with your Ethereum account:\n0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\n\nSign in.\n\nURI: http://127.0.0.1:7711\nVersion: 1\nChain ID: 1\nNonce: abcdefgh12\nIssued At: 2025-12-31T00:00:00.000Z\nExpiration Time: 2026-01-01T00:00:00.000Z'));
  it('sees a challenge that is for another place', () => {
    expect(isOurs(asked, { host: '127.0.0.1:7711', origin: 'http://127.0.0.1:7711' })).toBe(true);
    expect(isOurs(asked, { host: 'evil.example', origin: 'https://evil.example' })).toBe(false);
  });
  it.each([['/case/PC-1?view=now', '/case/PC-1?view=now'], ['//evil.example', '/'], ['https://evil.example', '/'], ['/\\evil.example', '/'], ['/api/v1/session', '/'], ['javascript:alert(1)', '/'], [null, '/']])('goes on to %j as %j', (to, path) => expect(safePath(to)).toBe(path));
  it('knows who may what', () => {
    const me = { signedIn: true, name: 'ada', access: 'responder' as const, roles: [], csrf: 'x', expiresAt: null };
    expect([may(me, 'viewer'), may(me, 'responder'), may(me, 'commander'), may({ ...me, signedIn: false }, 'viewer'), may(null, 'viewer')]).toEqual([true, true, false, false, false]);
    record.set(true);
    expect([may(me, 'viewer'), may(me, 'responder')]).toEqual([true, false]);
    record.set(false);
  });
});

describe('a wallet', () => {
  const wallet = (answer: (method: string, params: unknown[]) => unknown): Wallet & { asked: string[] } => {
    const asked: string[] = [];
    return { id: 'w', name: 'w', asked, provider: { request: async ({ method, params }) => { asked.push(method); return answer(method, params ?? []); } } };
  };
  it('is asked to change the chain before it signs for another', async () => {
    const one = wallet((method) => (method === 'eth_chainId' ? '0x1' : method === 'eth_signTypedData_v4' ? '0xab' : null));
    expect(await signTyped(one, '0x1', APPROVAL)).toBe('0xab');
    expect(one.asked).toEqual(['eth_chainId', 'wallet_switchEthereumChain', 'eth_signTypedData_v4']);
  });
  it('says what a refusal means', async () => {
    const one = wallet(() => { throw Object.assign(new Error('User rejected'), { code: 4001 }); });
    await expect(signText(one, '0x1', 'x')).rejects.toMatchObject({ message: 'you declined it in the wallet' });
  });
  it('gives no text for a signature', async () => {
    await expect(signText(wallet(() => 'sorry'), '0x1', 'x')).rejects.toMatchObject({ message: 'the wallet answered with no signature' });
  });
  it('gets the text as bytes', async () => {
    let given: unknown[] = [];
    await signText(wallet((_, params) => { given = params; return '0xab'; }), '0xme', 'ä');
    expect(given).toEqual(['0xc3a4', '0xme']);
  });
});

describe('who did what', () => {
  const at = '/api/v1/cases/PC-000001';
  it.each([
    [`command ${at}/commands`, 'declare', 'said “Declare”'],
    [`command ${at}/commands`, null, 'said something'],
    [`moveStep ${at}/playbooks/7/steps/look`, 'approve', 'signed a step'],
    [`moveStep ${at}/playbooks/7/steps/look`, 'unheard', 'said something of a step'],
    [`moveRun ${at}/playbooks/7`, 'undo', 'took a playbook back'],
    ['unheard /api/v1/x', 'declare', 'unheard /api/v1/x'],
  ])('%s %s: %s', (what, said, text) => { expect(deed(what, said).text).toBe(text); });
});
