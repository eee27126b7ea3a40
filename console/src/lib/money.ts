// Money stays text or whole numbers; nothing is added up in floating point.

import type { Usd } from '../api/types';

const GROUPS = /\B(?=(\d{3})+(?!\d))/g;

/** `"1234567.8"` as `$1,234,567.80`; `null` is not zero but "not known". */
export function usd(amount: Usd | null | undefined, unknown = 'not known'): string {
  const parts = amount == null ? null : /^([-−]?)(\d+)(?:\.(\d+))?$/.exec(String(amount));
  if (!parts) return amount == null ? unknown : String(amount);
  const [, sign = '', whole = '0', fraction = ''] = parts;
  const isSmall = /^0+$/.test(whole) && /^00+[1-9]/.test(fraction);
  const cents = isSmall ? fraction : fraction.padEnd(2, '0').slice(0, 2);
  return `${sign ? '−' : ''}$${whole.replace(GROUPS, ',')}.${cents}`;
}

/** For large figures: whole dollars from 10,000 up, as cents distract there. */
export function usdWhole(amount: Usd | null | undefined, unknown = 'not known'): string {
  const text = usd(amount, unknown);
  if (/^\$0\.0+$/.test(text)) return '$0';
  return /^−?\$\d{1,3}(,\d{3})+\.\d+$/.test(text) && text.replace(/\D/g, '').length > 6 ? text.replace(/\.\d+$/, '') : text;
}

/** An amount in smallest units as people write it: `("1500000", 6)` is `1.5`. Never rounded. */
export function amount(units: string, decimals: number | null): string {
  const parts = /^([-−]?)(\d+)$/.exec(units);
  if (!parts) return units;
  const [, sign = '', digits = '0'] = parts;
  if (decimals == null || decimals === 0) return `${sign ? '−' : ''}${digits.replace(GROUPS, ',')}`;
  const padded = digits.padStart(decimals + 1, '0');
  const fraction = padded.slice(-decimals).replace(/0+$/, '');
  const whole = padded.slice(0, -decimals).replace(GROUPS, ',');
  return `${sign ? '−' : ''}${whole}${fraction ? `.${fraction}` : ''}`;
}

/** Only for the length of a bar or a point of a chart, never for a figure that is read. */
export function roughly(value: Usd | string | number | null | undefined): number {
  const number = Number(String(value ?? '').replace('−', '-'));
  return Number.isFinite(number) ? number : 0;
}

/** On an axis: `$320k`, `$1.2M`. A picture, not a figure. */
export function usdAxis(value: number): string {
  const [by, unit] = value >= 1e9 ? [1e9, 'B'] : value >= 1e6 ? [1e6, 'M'] : value >= 1e4 ? [1e3, 'k'] : [1, ''];
  const scaled = value / by;
  return `$${unit === '' ? Math.round(scaled).toLocaleString('en') : scaled.toFixed(Number.isInteger(scaled) || scaled >= 100 ? 0 : 1)}${unit}`;
}

/** A probability: `97 %`, `0.4 %`, and never `100 %` where it is not certain. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return 'not known';
  const value = share * 100;
  if (value > 0 && value < 0.01) return '< 0.01 %';
  if (value > 99.99 && value < 100) return '> 99.99 %';
  if (value > 0 && value < 1) return `${Number(value.toPrecision(2))} %`;
  const digits = value === 0 || value === 100 ? 0 : value > 99 ? 2 : 1;
  return `${value.toFixed(digits)} %`;
}
