// Words from the chain and from people are hostile. What could hide, reorder or fake them is written out.

/** C0 and C1 controls, zero-width and bidirectional marks, separators, tags, the object replacement character. */
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff]|[\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|[\ud800-\udfff](?![\udc00-\udfff])/gu;

/** Longest text put into the page at all, characters; the rest is counted. */
export const SHOWN_MAX = 20_000;

/** The text with everything invisible written as `\u{…}`; tabs and line ends stay only where `lines` are wanted. */
export function visible(text: string, lines = false): string {
  const shown = text.replace(UNSEEN, (mark) => `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`);
  return lines ? shown : shown.replace(/\r?\n/g, ' ⏎ ').replace(/\t/g, ' ');
}

/** The first `most` characters, never half of one, and whether something was left out. */
export function cut(text: string, most: number): { head: string; isCut: boolean } {
  if (text.length <= most) return { head: text, isCut: false };
  let end = most;
  const last = text.charCodeAt(end - 1);
  if (last >= 0xd800 && last <= 0xdbff) end -= 1;
  return { head: text.slice(0, end), isCut: true };
}

/** Both ends of an address or hash. Look-alikes are made by matching few ends, so six of each are shown. */
export function short(hex: string): string {
  if (/^[0-9a-f]{64}$/i.test(hex)) return `${hex.slice(0, 8)}…${hex.slice(-6)}`;
  return hex.length > 18 && /^0x[0-9a-f]+$/i.test(hex) ? `${hex.slice(0, 8)}…${hex.slice(-6)}` : hex;
}

const plainNumber = (text: string): string => text.replace(/,/g, '').replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');

/**
 * A headline does not say a sum twice, and not to the millionth: `320,000 RUSD (320,000.00 USD)` is `320,000 RUSD`, and
 * `861,778.077846 RUSD` is `861,778 RUSD`. Lists and timelines keep all of it.
 */
export const headline = (text: string): string =>
  text.replace(/(\d[\d,]*(?:\.\d+)?) ([A-Za-z0-9.]{1,20}) \((\d[\d,]*(?:\.\d+)?) USD\)/g, (whole, units: string, symbol: string, dollars: string) => (plainNumber(units) === plainNumber(dollars) ? `${units} ${symbol}` : whole))
    .replace(/\b(\d{1,3}(?:,\d{3})+)\.\d{3,}(?= [A-Z])/g, '$1');

/** Long hexadecimal in a sentence shows both ends only; whoever opens the entry sees all of it. */
export const brief = (text: string): string => text.replace(/\b(?:0x)?[0-9a-f]{64}\b/gi, (hex) => `${hex.slice(0, 8)}…${hex.slice(-6)}`);

/** `incidentCommander` as people write it: `Incident commander`. */
export function words(name: string): string {
  const spaced = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/[-_]+/g, ' ').toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** A message of the program as a sentence of its own. */
export function sentence(text: string): string {
  const shown = visible(text.trim());
  return shown === '' ? '' : `${shown.charAt(0).toUpperCase()}${shown.slice(1)}${/[.!?…]$/.test(shown) ? '' : '.'}`;
}

/** The size of a file: `5 bytes`, `69 KiB`. */
export const size = (bytes: number): string => (bytes < 1_024 ? plural(bytes, 'byte') : `${Math.ceil(bytes / 1_024).toLocaleString('en')} KiB`);

export const plural = (count: number, one: string, many = `${one}s`): string => `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
