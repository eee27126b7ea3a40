#!/bin/sh
# Exports of a real case, and of the cases of the tests, against the official schemas and by the validators of others
# (stix2-validator of OASIS, OCSF's schema, openapi-spec-validator). Wants python3, and PyPI the first time.
#   scripts/test-exports.sh [JOURNAL [BINARY]]
# JOURNAL: with a case in it, for instance of a drill. It is only read.
set -eu
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-target}"
journal="${1:-.portcullis/drills/lending-spot-oracle/portcullis.sqlite}"
binary="${2:-$target/debug/portcullis}"
[ -f "$journal" ] || { echo "test-exports: no journal at $journal: play a drill first (portcullis drill lending-spot-oracle)" >&2; exit 2; }
[ -x "$binary" ] || { echo "test-exports: no binary at $binary: cargo build first" >&2; exit 2; }

venv="${PORTCULLIS_EXPORTS_VENV:-$target/exports-venv}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT INT TERM
# 3.3.1 of the validator came without the schemas.
if ! "$venv/bin/python" -c 'import stix2validator, ocsf_json_schema, openapi_spec_validator' 2>/dev/null; then
	echo "test-exports: installing validators into $venv"
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet 'stix2-validator==3.2.0' 'ocsf-json-schema==1.2.0' 'openapi-spec-validator==0.9.0'
fi

# The schemas that are kept here are those of the packages.
"$venv/bin/python" scripts/ocsf_schemas.py --check
bundled="$("$venv/bin/python" -c 'import pathlib, stix2validator; print(pathlib.Path(stix2validator.__file__).parent / "schemas-2.1" / "schemas")')"
diff -r --exclude LICENSE "$bundled" conformance/schemas/stix-2.1

PORTCULLIS_EXPORTS="$work" CARGO_TARGET_DIR="$target/conformance" \
	cargo test --quiet --manifest-path conformance/Cargo.toml

mkdir "$work/journal"
for form in stix ocsf cacao; do
	"$binary" case export --format "$form" --producer 'Bank IR' --journal "$journal" --out "$work/journal/$form.json"
done
"$binary" openapi >"$work/openapi.json"
# What the binary says of its API is what is in the repository.
diff "$work/openapi.json" docs/openapi.json

for folder in "$work"/*/; do
	echo "== $(basename "$folder")"
	"$venv/bin/python" scripts/exports_check.py "$folder" "$work/openapi.json" ${PORTCULLIS_CACAO_SCHEMAS:+"$PORTCULLIS_CACAO_SCHEMAS"}
done
echo 'test-exports: everything passed'
