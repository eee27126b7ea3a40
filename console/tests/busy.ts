// Whether the machine has time to be measured.

import { cpus, loadavg } from 'node:os';

/** Times mean something on a machine that has time: with more work waiting than it has processors they are only told. */
export function isBusy(): boolean {
  const [load = 0] = loadavg();
  if (load <= cpus().length * 1.5) return false;
  process.stdout.write(`the machine is busy with other work (load ${load.toFixed(1)}): times are told and not judged\n`);
  return true;
}
