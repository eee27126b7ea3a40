#!/usr/bin/env bash
# The end-to-end tests against the real program that reads a journal, for instance of a drill:
#   tests/real.sh BINARY JOURNAL [CASE] [PROTOCOL]      (npm run build first)
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1 journal=$2
place=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$place"' EXIT
"$binary" console --json --journal "$journal" --listen 127.0.0.1:0 --ready-file "$place/ready" >"$place/said" &
for _ in $(seq 200); do [ -s "$place/ready" ] && break; sleep 0.1; done
address=$(cat "$place/ready")
CONSOLE_TOKEN=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["token"])' "$place/said")
export CONSOLE_TOKEN
base=http://$address
if ! curl -sf "$base/" | grep -q 'id="app"'; then
  # Built without its pages: those of this folder are put in front of it.
  port=$(( ${address##*:} % 20000 + 30000 ))
  node tests/fixture/proxy.mjs "$port" "$base" &
  base=http://127.0.0.1:$port
  sleep 0.5
fi
api() { curl -sf -H "authorization: Bearer $CONSOLE_TOKEN" "http://$address/api/v1/$1"; }
export CONSOLE_URL=$base
CONSOLE_CASE=${3:-$(api cases | python3 -c 'import json,sys; print(json.load(sys.stdin)["items"][0]["id"])')}
CONSOLE_PROTOCOL=${4:-$(api protocols | python3 -c 'import json,sys; print(json.load(sys.stdin)["items"][0]["name"])')}
export CONSOLE_CASE CONSOLE_PROTOCOL
echo "$CONSOLE_URL, case $CONSOLE_CASE, protocol $CONSOLE_PROTOCOL"
if [ -n "${SHOTS:-}" ]; then node tests/shots.mjs "$SHOTS"; else npx vitest run --dir tests/e2e --no-file-parallelism; fi
