// One drill for all files: played before the first, ended after the last.

import type { TestProject } from 'vitest/node';
// @ts-expect-error -- plain JavaScript, so that node runs it without a build
import { startDrill } from './drill.mjs';

export interface Drilled {
  url: string; link: string; out: string; place: string; journal: string; token: string; caseId: string;
  people: Record<'ada' | 'ben' | 'cleo', { address: string; key: string }>;
}
declare module 'vitest' { export interface ProvidedContext { drill: Drilled } }

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { end, screen: _, ...drill } = (await startDrill()) as Drilled & { end: () => Promise<number | null>; screen: unknown };
  project.provide('drill', drill);
  return async () => { await end(); };
}
