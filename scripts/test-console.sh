#!/usr/bin/env bash
# The console, driven by Debian's Chromium: its pages against the fixture, then a whole incident on a real drill of the real
# program, with wallets; then what its pages cost. Says at the end what was skipped, and fails if anything else did.
#   scripts/test-console.sh
# PORTCULLIS_BIN: the program, else it is built. CHROMIUM: the browser, else /usr/bin/chromium.
# SHOTS=FOLDER: takes pictures of every page of a drill instead, for eyes.
set -euo pipefail
cd "$(dirname "$0")/.."

skipped=()
say() { echo "test-console: $*" >&2; }

# As scripts/setup.sh does for PostgreSQL: only where packages may be added without asking anybody.
install_chromium() {
  command -v apt-get >/dev/null || return 0
  local as_root=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 0
    as_root=sudo
  fi
  say "installing Chromium from the system's packages, for tests"
  $as_root apt-get update -qq >&2 || say 'the list of packages is not up to date'
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >&2 || true
}

export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
[ -x "$CHROMIUM" ] || install_chromium
if [ ! -x "$CHROMIUM" ]; then
  say "SKIPPED, all of it: there is no browser at $CHROMIUM, and it could not be installed. Install Chromium, or name one in CHROMIUM"
  exit 0
fi

[ -d console/node_modules ] || (cd console && npm ci --no-audit --no-fund --loglevel=error >&2)
cd console
if [ ! -f dist/index.html ] || [ -n "$(find src public index.html vite.config.ts -newer dist/index.html -print -quit)" ]; then
  npm run --silent build >&2
  touch ../crates/portcullis/build.rs
fi
if [ -z "${PORTCULLIS_BIN:-}" ]; then
  (cd .. && cargo build --workspace --bin portcullis)
  PORTCULLIS_BIN=$(cd .. && pwd)/target/debug/portcullis
  [ -z "${CARGO_TARGET_DIR:-}" ] || PORTCULLIS_BIN=$CARGO_TARGET_DIR/debug/portcullis
fi
PORTCULLIS_BIN=$(realpath "$PORTCULLIS_BIN")
export PORTCULLIS_BIN

if [ -n "${SHOTS:-}" ]; then
  exec node tests/real/shots.mjs "$SHOTS"
fi

failed=()
part() { local name=$1; shift; say "$name"; "$@" || failed+=("$name"); }
part 'the budget of what is loaded' node tests/budget.mjs
part 'the pages, against the fixture' npx vitest run --dir tests/e2e
can_drill=yes
command -v script >/dev/null || { can_drill=; skipped+=('the real program: there is no `script` (util-linux) to make a terminal with'); }
[ -x ../contracts/node_modules/.bin/anvil ] || command -v anvil >/dev/null || { can_drill=; skipped+=('the real program: there is no anvil (scripts/setup.sh installs it)'); }
if [ -n "$can_drill" ]; then
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  part 'a whole incident on the real program, and what its pages cost' \
    npx vitest run --config tests/real/vitest.config.ts --reporter=default --reporter=json --outputFile.json="$place/real.json"
  while IFS= read -r line; do skipped+=("$line"); done < <(node -e '
    for (const { assertionResults } of JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).testResults)
      for (const { status, fullName } of assertionResults) if (status === "skipped" || status === "pending") console.log(fullName);
  ' "$place/real.json" 2>/dev/null || true)
fi

for one in ${skipped[@]+"${skipped[@]}"}; do say "skipped: $one"; done
if [ ${#failed[@]} -gt 0 ]; then
  for one in "${failed[@]}"; do say "FAILED: $one"; done
  exit 1
fi
say "everything passed, ${#skipped[@]} skipped"
