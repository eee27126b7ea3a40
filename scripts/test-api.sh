#!/usr/bin/env bash
# Plays schemathesis against the API's own document, over a real journal: no server error, and answers as documented.
#   scripts/test-api.sh JOURNAL [BINARY]
# JOURNAL: of a drill or a run, for instance .portcullis/drills/lending-spot-oracle/portcullis.sqlite. It is only read.
set -euo pipefail
cd "$(dirname "$0")/.."

journal=${1:-.portcullis/drills/lending-spot-oracle/portcullis.sqlite}
binary=${2:-${CARGO_TARGET_DIR:-target}/debug/portcullis}
[ -f "$journal" ] || { echo "no journal at $journal: play a drill first (portcullis drill lending-spot-oracle)" >&2; exit 2; }
[ -x "$binary" ] || { echo "no binary at $binary: cargo build first" >&2; exit 2; }

place=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$place"' EXIT
if ! command -v schemathesis >/dev/null; then
  python3 -m venv "$place/venv"
  "$place/venv/bin/pip" -q install 'schemathesis>=4,<5'
  PATH="$place/venv/bin:$PATH"
fi

"$binary" console --json --journal "$journal" --listen 127.0.0.1:0 --ready-file "$place/ready" >"$place/said" &
server=$!
for _ in $(seq 100); do [ -s "$place/ready" ] && break; sleep 0.1; done
address=$(cat "$place/ready")
token=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["token"])' "$place/said")

# The rate limit is tested elsewhere; here it would hide what is behind it, so requests come below it.
schemathesis run "http://$address/api/v1/openapi.json" \
  --header "Authorization: Bearer $token" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
  --exclude-path /api/v1/events \
  --max-examples "${EXAMPLES:-25}" --rate-limit 40/s --request-timeout 20 --no-color
