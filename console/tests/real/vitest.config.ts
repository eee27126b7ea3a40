import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** By name: what only looks comes before what changes the case. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return [...files].sort((a, b) => a.moduleId.localeCompare(b.moduleId));
  }
}

export default defineConfig({
  test: {
    dir: import.meta.dirname, include: ['*.test.ts'], globalSetup: ['./setup.ts'], root: import.meta.dirname,
    fileParallelism: false, sequence: { sequencer: ByName }, testTimeout: 60_000, hookTimeout: 180_000, bail: 1,
  },
});
