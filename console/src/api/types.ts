// What the API answers, as the pages use it. Money is a decimal string in dollars, times are milliseconds since 1970,
// amounts are decimal strings in the smallest unit of their asset. Everything in it is hostile until shown through <T>.

export type Usd = string;
export type Ms = number;

export interface Unreadable { count: number; why: string[] }
export interface Page<Item> { items: Item[]; next: string | number | null; unreadable?: Unreadable }
export interface Problem { code: string; message: string; remedy: string; allowed?: string[] }

export interface Session {
  signedIn: boolean; name: string | null; access: Access | null; roles: string[]; csrf: string | null; expiresAt: Ms | null;
}
export type Access = 'viewer' | 'responder' | 'commander' | 'admin';
export interface Nonce {
  nonce: string; domain: string; uri: string; statement: string; chainId: number; issuedAt?: string; expiresAt: Ms;
}

export type Standing = 'works' | 'held' | 'unseen' | 'broken';
export interface Brake { protocol: string; part: string; lever: string | null; standing: Standing; since: Ms | null; words: string }
export interface Blind { from: number; to: number; cause: string }
export interface ChainHealth { chain: number; name: string; head: number | null; headAt: Ms | null; lagMs: number | null; blind: Blind[] }
export interface Channel { name: string; healthy: boolean; queued: number; lastError: string | null; lastSentAt: Ms | null; failingSince?: Ms | null; undeliverable?: number }

/** What another program said of itself; it comes in through Alertmanager. */
export interface Alert { name: string; text: string; severity: string; from: string; fingerprint: string; since: Ms; protocol?: string | null; case?: string | null }

export interface Overview {
  health: { sees: boolean; why?: string | null; problems?: string[]; record?: boolean; chains: ChainHealth[] };
  brakes: Brake[];
  open: CaseLine[];
  counts: Record<string, number>;
  channels: Channel[];
  alerts: Alert[];
}

export interface CaseLine {
  id: string; protocol: string; stage: string; phase?: string; severity: string | null; suggestedSeverity: string | null;
  sentence: string; openedAt: Ms; lostUsd: Usd | null; atRiskUsd: Usd | null; savedUsd: Usd | null; findings: number;
  acknowledged: boolean; unseenSteps: number;
}
export interface CaseTransaction { hash: string; chain: number; block: number; at: Ms | null; actor: string | null; lossUsd: Usd | null }
/** `release` says who lets it go when its time is over; where it is missing, the program does. */
export interface CaseLever {
  name: string; rung: string; standing: string; heldUntil: Ms | null; by: string | null; action: string | null; leaks?: boolean; why?: string | null; case?: string | null;
  release?: 'program' | 'people' | null;
}
export interface CaseRole { role: string; people: { name: string; acknowledged: boolean; assigned?: boolean }[] }
export interface CaseNumbers { mttd: Ms | null; mtta: Ms | null; mttc: Ms | null; mttr: Ms | null }
export interface CaseDetail extends CaseLine {
  allowed: string[]; roles: CaseRole[]; numbers: CaseNumbers; attackers: string[]; transactions: CaseTransaction[];
  levers: CaseLever[]; merged: string[]; counts: Record<string, number>;
}
export interface TimelineEntry {
  seq: number; at: Ms; kind: string; who: string | null; sentence: string; detail: string | null;
  links: { tx?: string | null; finding?: string | null; action?: string | null; step?: string | null };
}
export interface Finding {
  key: string; detector: string; maturity: string; status: string; chain: number; block: number; tx: string | null; at: Ms | null;
  contractName: string; lossUsd: Usd; proof: boolean; sentence: string; evidence: string[];
}
export interface CostPart { name: string; usd: Usd }
export interface RungWeighed {
  rung: string; lever: string; falseStopUsd: Usd; lossPreventedUsd: Usd; threshold: number; verdict: string; why: string | null;
  parts: CostPart[];
}
export interface Decision {
  seq: number | null; at: Ms | null; block: number; probability: number; lossAheadUsd: Usd; lossSoFarUsd: Usd; chosen: string | null;
  sentence: string; rungs: RungWeighed[]; context: { words: string; factor: number }[];
  attacker: { gainUsd: Usd; utilityUsd: Usd; utilityWithLeversUsd: Usd } | null;
}
export interface Call {
  depth: number; kind: string; from: string; to: string; toName: string | null; function: string | null; selector?: string | null; args: string | null;
  valueWei: string; failed: boolean; parent: number | null; touches: 'protected' | 'attacker' | '';
}
export interface Flow { holder: string; name: string | null; asset: string; symbol: string | null; delta: string; decimals: number | null; usd: Usd | null; touches?: string }
export interface Transfer {
  from: string; fromName: string | null; to: string; toName: string | null; asset: string; symbol: string | null;
  amount: string; decimals: number | null; usd: Usd | null;
}
export interface StorageChange { address: string; name: string | null; slot: string; before: string; after: string; meaning: string | null }
export interface Transaction {
  hash: string; chain: number; block: number; from: string | null; fromName: string | null; to: string | null; toName: string | null; success: boolean; tree: Call[]; flows: Flow[];
  transfers: Transfer[]; storage: StorageChange[]; truncated: boolean; unseen: string[];
}
export interface StepView {
  id: string; title: string; owner: string; people: string[]; kind: string; status: string; why: string | null; since: Ms | null;
  dueAt: Ms | null; attempt: number; approvals: string[]; objections: string[]; quorum: number; checklist: string[];
  instructions: string; note: string; doneBy: string | null; mayI: string[]; typedData?: TypedData | null; lever?: string | null; text?: string | null; audience?: string | null; dependsOn?: string[];
}
export interface RunView { run: number; id: string; title: string; direction: string; over: boolean; steps: StepView[] }
export interface Playbooks { offered: { id: string; title: string; why: string; faults?: string[] }[]; runs: RunView[] }

export interface TypedData {
  domain: Record<string, unknown>; types: Record<string, { name: string; type: string }[]>; primaryType: string;
  message: Record<string, unknown>;
}
export interface ApprovalAsked {
  lever: string; kind: string; decision: number; quorum: number; missing: number; deadline: Ms;
  signed: { guardian: string; name: string | null }[]; typedData: TypedData; words: string; guardians: { guardian: string; name: string | null }[];
}
export interface Evidence { sha256: string; name: string; note: string; bytes: number; at: Ms; who: string; seq: number }
/** Where a public word can be read: the page /status, and so many channels; missing where that is not known. */
export interface Readers { page: boolean; channels: number }
export interface PublicStatus { released: { text: string; at: Ms; who: string } | null; draft: string; readers?: Readers | null }

export interface LeverView {
  name: string; kind: string; rung: string; autonomy: string; standing: string; falseStopUsd: Usd | null; holdSeconds: number | null; heldUntil?: Ms | null; undo?: string; covers?: string[]; traps?: string[];
  words?: string | null;
}
export interface Limit { name: string; usedUsd: Usd; limitUsd: Usd | null; limitShare: string | null; windowMs: Ms; series: [Ms, Usd][] }
export interface Detector { name: string; kind: string; maturity: string; findings: number; lastAt: Ms | null; healthy: boolean; why?: string | null }
export interface ProtocolView {
  name: string; chains: number[]; contracts: { address: string; name: string | null; chain: number }[]; levers: LeverView[];
  policy: Record<string, unknown>; limits: Limit[]; detectors: Detector[]; brakes: Brake[]; unread: string[];
  budget?: { spentUsd: Usd; limitUsd: Usd; pulls: number; pullsMax: number };
}
export interface ProtocolLine { name: string; chains: number[]; valueUsd?: Usd; openCases?: number; broken?: number }
export interface RuleView {
  id: string; title: string; severity: string | null; maturity: string | null; protocols: string[];
  tests: { passed: number; failed: number; why: string | null } | null; source: string | null; description?: string | null;
}
export interface ReportLine { name: string; at: Ms | null; title: string | null; hasHtml: boolean; hasJson: boolean }
export interface Drill { name: string; at: Ms; lostWithUsd: Usd | null; lostWithoutUsd: Usd | null; words: string | null; case: string | null }
export interface JournalRecord { seq: number; at: Ms; kind: string; summary: string; hash: string }
export interface Verification { verified: boolean; records: number; head: string; at: Ms; error: string | null; running?: boolean }
export interface AuditLine { seq: number; at: Ms; who: string; what: string; accepted: boolean; why: string | null; said?: string | null; access?: string | null; from?: string }
export interface ChangeNews { seq: number; cases: string[]; what: string[] }
