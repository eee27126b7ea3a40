import type { CaseLine } from '../api/types';
import { cut, plural, visible } from '../lib/text';
import { roughly } from '../lib/money';

export { plural };
/** Stages in which a case asks for nothing any more. */
export const CLOSED = ['reviewed', 'falsePositive', 'duplicate', 'merged'];
export const segments = (text: string): string => visible(cut(text, 60).head);

const grade = (one: CaseLine): number => Number((one.severity ?? one.suggestedSeverity ?? 'P9').replace(/\D/g, '')) || 9;

/** The case to look at first: the graver one, then the unacknowledged one, then where more is lost, then the older. */
export function worst(cases: readonly CaseLine[]): CaseLine | undefined {
  return [...cases].sort((a, b) =>
    grade(a) - grade(b) || Number(a.acknowledged) - Number(b.acknowledged) || roughly(b.lostUsd) - roughly(a.lostUsd) || a.openedAt - b.openedAt)[0];
}
