// Whether what the pages expect is what the API says it gives. The check is the compiler's: `npm run types` makes
// schema.d.ts from the API's own document (../docs/openapi.json), and `tsc` refuses this file where a field is missing or of
// another type. A field that the document calls optional is answered as `null` or left out; pages take both.

import { expect, it } from 'vitest';
import type { components } from '../../src/api/schema';
import type * as Page from '../../src/api/types';

type Schemas = components['schemas'];
type Filled<T> = T extends (infer One)[] ? Filled<One>[] : T extends object ? { [Key in keyof T]-?: Filled<Exclude<T[Key], undefined>> } : T;
/** Words that the document has as text only, and parts that it leaves open, are taken as the pages know them. */
type Loose<T> = T extends string ? string : T extends (infer One)[] ? Loose<One>[] : T extends object ? { [Key in keyof T]: Loose<T[Key]> } : T;
type Check<Name extends keyof Schemas, Wanted, Open extends string = never> = Omit<Filled<Schemas[Name]>, Open> extends Omit<Filled<Loose<Wanted>>, Open> ? true : Name;
/** Fails to compile where something is lacking, and names it. */
type Fits<Verdict extends true> = Verdict;

export type All = [
  Fits<Check<'SessionView', Page.Session>>, Fits<Check<'NonceView', Page.Nonce>>,
  Fits<Check<'CaseLine', Page.CaseLine>>, Fits<Check<'CaseView', Page.CaseDetail, 'counts' | 'levers'>>, Fits<Check<'LeverLine', Page.CaseLever>>, Fits<Check<'TimelineItem', Page.TimelineEntry>>,
  Fits<Check<'FindingView', Page.Finding>>, Fits<Check<'DecisionView', Page.Decision>>, Fits<Check<'TransactionView', Page.Transaction>>,
  Fits<Check<'StepView', Page.StepView, 'typedData'>>, Fits<Check<'OfferView', Page.Playbooks['offered'][number]>>, Fits<Check<'ApprovalView', Page.ApprovalAsked, 'typedData'>>,
  Fits<Check<'FileView', Page.Evidence>>, Fits<Check<'ChainView', Page.ChainHealth>>, Fits<Check<'BrakeView', Page.Brake>>, Fits<Check<'ChannelView', Page.Channel>>, Fits<Check<'HealthView', Page.Overview['health']>>,
  Fits<Check<'LadderLever', Page.LeverView>>, Fits<Check<'DetectorView', Page.Detector>>, Fits<Check<'LimitView', Page.Limit, 'series'>>, Fits<Check<'ProtocolLine', Page.ProtocolLine>>,
  Fits<Check<'RuleView', Page.RuleView>>, Fits<Check<'ReportLine', Page.ReportLine>>, Fits<Check<'DrillView', Page.Drill>>, Fits<Check<'RecordView', Page.JournalRecord>>, Fits<Check<'VerificationView', Page.Verification>>, Fits<Check<'AuditView', Page.AuditLine>>,
];

it('is checked by the compiler', () => expect(true).toBe(true));
