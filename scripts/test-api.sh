#!/usr/bin/env bash
# Plays schemathesis against the API's own document: no server error, and answers as documented. First over a record, with a
# token; then in a running drill in the session of somebody who commands, so that what is sent is done. Afterwards the drill's
# journal must verify, every decision computed again.
#   scripts/test-api.sh [JOURNAL [BINARY]]
# JOURNAL: of a drill or a run; it is only read. EXAMPLES: requests a route, of each kind (25).
set -euo pipefail
cd "$(dirname "$0")/.."

journal=${1:-.portcullis/drills/lending-spot-oracle/portcullis.sqlite}
binary=$(realpath "${2:-${CARGO_TARGET_DIR:-target}/debug/portcullis}")
[ -f "$journal" ] || { echo "test-api: no journal at $journal: play a drill first (portcullis drill lending-spot-oracle)" >&2; exit 2; }
[ -x "$binary" ] || { echo "test-api: no binary at $binary: cargo build first" >&2; exit 2; }

place=$(mktemp -d)
running=()
trap 'kill ${running[@]+"${running[@]}"} 2>/dev/null || true; wait; rm -rf "$place"' EXIT
if ! command -v schemathesis >/dev/null; then
  python3 -m venv "$place/venv"
  "$place/venv/bin/pip" -q install 'schemathesis>=4,<5'
  PATH="$place/venv/bin:$PATH"
fi
field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }

# The rate limit is tested elsewhere; here it would hide what is behind it, so requests come below it. A stream has no end.
#   play URL CASE 'credentials, as TOML' [ARGUMENTS...]
play() {
  local url=$1 case=$2 credentials=$3; shift 3
  # Half of what is asked concerns a case that there is: guessed ones teach nothing but 404.
  printf '%s\n' "$credentials" >"$place/guessed.toml"
  printf '%s\n[parameters]\n"path.id" = "%s"\n' "$credentials" "$case" >"$place/known.toml"
  for which in guessed known; do
    echo "test-api: $url, cases that are $which"
    schemathesis --config-file "$place/$which.toml" run "$url/api/v1/openapi.json" "$@" \
      --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
      --exclude-path /api/v1/events \
      --max-examples "${EXAMPLES:-25}" --rate-limit 40/s --request-timeout 20 --no-color
  done
}

"$binary" console --json --journal "$journal" --listen 127.0.0.1:0 --ready-file "$place/ready" >"$place/said" &
running+=($!)
for _ in $(seq 100); do [ -s "$place/ready" ] && break; sleep 0.1; done
case=$("$binary" case list --journal "$journal" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["cases"][0]["id"])')
# Nobody watches over a record: 503 is what its /health has to say.
play "http://$(cat "$place/ready")" "$case" "auth.openapi.token.bearer = \"$(field "$place/said" token)\"" --exclude-path /health

if ! command -v script >/dev/null || [ ! -d console/node_modules ]; then
  echo 'test-api: SKIPPED: a running drill wants `script` (util-linux) and console/node_modules (scripts/setup.sh)' >&2
  exit 0
fi
mkfifo "$place/until"
PORTCULLIS_BIN=$binary node console/tests/real/serve.mjs "$place/drill" <"$place/until" &
drill=$!
exec 3>"$place/until"
for _ in $(seq 300); do [ -s "$place/drill" ] && break; kill -0 $drill; sleep 1; done
# Who signs out has no session any more.
play "$(field "$place/drill" url)" "$(field "$place/drill" caseId)" "auth.openapi.session.api_key = \"$(field "$place/drill" cookie)\"" \
  --header "x-csrf-token: $(field "$place/drill" csrf)" --exclude-operation-id signOut
journal=$(field "$place/drill" journal)
taken=$("$binary" journal export --journal "$journal" | grep -c 'event..:..command') || true
echo "test-api: $taken commands were taken"
[ "$taken" -gt 0 ] || { echo 'test-api: nothing that was sent was ever done: the session was of no use' >&2; exit 1; }
"$binary" journal verify --journal "$journal"
exec 3>&-
wait $drill
echo 'test-api: everything passed'
