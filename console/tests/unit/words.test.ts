import { describe, expect, it } from 'vitest';
import { amount, percent, usd, usdAxis, usdWhole } from '../../src/lib/money';
import { rolling } from '../../src/lib/rolling';
import { cut, headline, sentence, short, size, visible, words } from '../../src/lib/text';
import { ago, clock, clockAxis, learnClock, clockSkew, span, stopwatch } from '../../src/lib/time';

describe('texts from elsewhere', () => {
  it.each([
    ['plain words', 'plain words'],
    ['\u202Egpj.exe', '\\u{202e}gpj.exe'],
    ['a\u0000b\u001bc\u007fd\u0085', 'a\\u{0}b\\u{1b}c\\u{7f}d\\u{85}'],
    ['zero\u200bwidth\u200f\ufeff', 'zero\\u{200b}width\\u{200f}\\u{feff}'],
    ['isolate\u2066\u2069', 'isolate\\u{2066}\\u{2069}'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    ['line\nend\r\nmore\tx', 'line ⏎ end\\u{d} ⏎ more x'],
    ['half \ud800 of one', 'half \\u{d800} of one'],
    ['ä 中文 🚨 שלום', 'ä 中文 🚨 שלום'],
    ['<b>not markup</b>', '<b>not markup</b>'],
  ])('%j is shown as %j', (from, to) => expect(visible(from)).toBe(to));
  it('keeps line ends only where lines are wanted', () => expect(visible('a\nb', true)).toBe('a\nb'));
  it('never cuts a character in half', () => {
    expect(cut('ab🚨', 3)).toEqual({ head: 'ab', isCut: true });
    expect(cut('ab🚨', 4)).toEqual({ head: 'ab🚨', isCut: false });
  });
  it('bounds a name of a million characters', () => expect(cut('x'.repeat(1_000_000), 80).head).toHaveLength(80));
  it('shortens only what is hexadecimal', () => {
    expect(short(`0x${'ab'.repeat(20)}`)).toBe('0xababab…ababab');
    expect(short('a very long name that is no address')).toBe('a very long name that is no address');
  });
  it('shortens a hash without its 0x, and says small sizes in bytes', () => {
    expect(short('ab'.repeat(32))).toBe('abababab…ababab');
    expect([size(0), size(1), size(5), size(1_023), size(1_024), size(70_000)]).toEqual(['0 bytes', '1 byte', '5 bytes', '1,023 bytes', '1 KiB', '69 KiB']);
  });
  it('makes a sentence of a message', () => expect([sentence('take it from the list'), sentence('Who? '), sentence('')]).toEqual(['Take it from the list.', 'Who?', '']));
  it.each([
    ['320,000 RUSD (320,000.00 USD) left market', '320,000 RUSD left market'],
    ['0.5 USDC (0.50 USD) left', '0.5 USDC left'],
    ['12 ETH (24,000.00 USD) left vault', '12 ETH (24,000.00 USD) left vault'],
    ['1,000 DAI (1,000.01 USD) left', '1,000 DAI (1,000.01 USD) left'],
    ['broken by 861,778.077846 RUSD', 'broken by 861,778 RUSD'],
    ['nothing of the kind', 'nothing of the kind'],
  ])('the headline of %j is %j', (from, to) => expect(headline(from)).toBe(to));
  it('writes names of roles and stages as words', () => expect([words('incidentCommander'), words('false-positive'), words('P1')]).toEqual(['Incident commander', 'False positive', 'P1']));
});

describe('money', () => {
  it.each([['1240000.00', '$1,240,000.00'], ['0', '$0.00'], ['-12.5', '−$12.50'], ['0.000012', '$0.000012'], ['1234567890123456789012345678.99', '$1,234,567,890,123,456,789,012,345,678.99'], [null, 'not known'], ['what', 'what']])('%j is %j', (from, to) => expect(usd(from)).toBe(to));
  it('drops cents only where they distract', () => expect([usdWhole('1240000.00'), usdWhole('9999.50'), usdWhole('0.10'), usdWhole(null)]).toEqual(['$1,240,000', '$9,999.50', '$0.10', 'not known']));
  it.each([['1500000', 6, '1.5'], ['-1240000000000', 6, '−1,240,000'], ['1', 18, '0.000000000000000001'], ['115792089237316195423570985008687907853269984665640564039457584007913129639935', 0, '115,792,089,237,316,195,423,570,985,008,687,907,853,269,984,665,640,564,039,457,584,007,913,129,639,935'], ['x', 6, 'x']])('%s units of %i decimals are %s', (units, decimals, text) => expect(amount(units, decimals)).toBe(text));
  it.each([[0, '0 %'], [1, '100 %'], [0.9712, '97.1 %'], [0.999, '99.90 %'], [0.99999, '> 99.99 %'], [0.00015, '0.015 %'], [0.00000001, '< 0.01 %'], [Number.NaN, 'not known']])('%d is %s', (share, text) => expect(percent(share)).toBe(text));
});

describe('axes', () => {
  it.each([[0, '$0'], [9_999, '$9,999'], [20_000, '$20k'], [320_500, '$321k'], [1_250_000, '$1.3M'], [2_000_000, '$2M'], [4e9, '$4B']])('%d is %s', (value, text) => expect(usdAxis(value)).toBe(text));
  it.each([[10_000], [3_600_000], [86_400_000]])('times %d ms apart never read the same', (step) => {
    const said = clockAxis(Array.from({ length: 5 }, (_, i) => Date.UTC(2026, 10, 21, 3, 12) + i * step), 'UTC');
    expect(new Set(said).size).toBe(5);
  });
});

describe('clocks', () => {
  const now = Date.UTC(2026, 10, 21, 3, 12, 45);
  it('says the day only where it is another', () => expect([clock(now, now, 'UTC'), clock(now - 86_400_000, now, 'UTC'), clock(Date.UTC(2025, 0, 2), now, 'UTC'), clock(null)]).toEqual(['03:12:45', '20 Nov 03:12:45', '2 Jan 2025 00:00:00', '–']));
  it('says how long', () => expect([span(0), span(120), span(4_000), span(245_000), span(11_520_000), span(6 * 86_400_000 + 4 * 3_600_000), span(null)]).toEqual(['0 s', '120 ms', '4 s', '4 min 05 s', '3 h 12 min', '6 d 4 h', 'not known']));
  it('says how long ago', () => expect([ago(now - 500, now), ago(now - 9_000, now), ago(now + 9_000, now), ago(null, now)]).toEqual(['now', '9 s ago', 'in 9 s', 'never']));
  it('counts past a deadline with a minus', () => expect([stopwatch(245_000), stopwatch(-65_000), stopwatch(90_061_000)]).toEqual(['00:04:05', '−00:01:05', '1 d 01:01:01']));
  it('follows the clock of the program, not the laptop’s', () => {
    learnClock(new Date(1_000_000_000_000).toUTCString(), 1_000_000_120_000);
    expect(clockSkew()).toBe(-120_000);
    learnClock(new Date(1_000_000_000_000).toUTCString(), 1_000_000_001_000);
    expect(clockSkew()).toBe(0);
    learnClock('nonsense');
    expect(clockSkew()).toBe(0);
  });
});

describe('a window over time', () => {
  it('adds what leaves and drops what is too old', () =>
    expect(rolling([[0, '100.00'], [30, '50.50'], [120, '1']], 100, 150)).toEqual([[0, '100.000000'], [30, '150.500000'], [100, '50.500000'], [120, '51.500000'], [130, '1.000000'], [150, '1.000000']]));
  it('says nothing of a window whose beginning is missing', () => {
    const many = Array.from({ length: 288 }, (_, i) => [i * 10, '1'] as [number, string]);
    expect(rolling(many, 100, 2_870)[0]).toEqual([100, '10.000000']);
  });
  it('has no points where nothing left', () => expect(rolling([], 100, 150)).toEqual([]));
});
