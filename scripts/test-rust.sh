#!/usr/bin/env bash
# The workspace's tests. Up to three that fail are played once more, alone: hundreds of them share the machine with nodes,
# databases and processes of their own, and one that was starved is not a fault. A fault fails again. What passed only the
# second time is named at the end all the same: it is to be looked into.
set -uo pipefail
cd "$(dirname "$0")/.."
readonly AGAIN_MAX=3

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Most of the long tests wait for blocks: half as many again as there are cores.
RUST_TEST_THREADS=$(($(nproc) + $(nproc) / 2)) \
  cargo test --workspace --lib --bins --tests --no-fail-fast 2>&1 | tee "$log" && exit 0

mapfile -t failed < <(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log" | sort -u)
programs_failed=$(grep -c '^error: test failed, to rerun pass' "$log")
programs_counted=$(grep -c '^test result: FAILED' "$log")
# What did not compile, crashed, or has a harness of its own names no test: nothing to play again.
[ "${#failed[@]}" -gt 0 ] && [ "${#failed[@]}" -le $AGAIN_MAX ] && [ "$programs_failed" -eq "$programs_counted" ] || exit 1

echo "test-rust: ${#failed[@]} failed (above); once more, alone: ${failed[*]}"
RUST_TEST_THREADS=1 cargo test --workspace --lib --bins --tests --no-fail-fast -- --exact "${failed[@]}" >"$log" 2>&1
ended=$?
passed=$(grep -c '^test .* \.\.\. ok$' "$log")
if [ $ended -ne 0 ] || [ "$passed" -lt "${#failed[@]}" ]; then
  cat "$log"
  echo "test-rust: FAILED twice"
  exit 1
fi
for name in "${failed[@]}"; do echo "test-rust: passed only the second time, alone: $name"; done
