#!/bin/sh
# Keys of AWS KMS against moto, an emulator of the service (Apache-2.0), with real transactions on anvil.
# It is not part of `make test`: the AWS SDK takes minutes to build. Wants python3, and PyPI the first time.
set -eu
cd "$(dirname "$0")/.."

venv="${PORTCULLIS_KMS_VENV:-${CARGO_TARGET_DIR:-target}/kms-venv}"
work="$(mktemp -d)"
moto=''
finish() {
	for one in $moto; do kill "$one" 2>/dev/null || true; done
	rm -rf "$work"
}
trap finish EXIT INT TERM

if ! "$venv/bin/python" -c 'import moto, flask, boto3' 2>/dev/null; then
	echo "test-kms: installing moto into $venv"
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet 'moto[server,kms]>=5,<6'
fi

# Ports that nobody has.
free_port() {
	"$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
port="$(free_port)"
"$venv/bin/python" scripts/kms_server.py -H 127.0.0.1 -p "$port" >"$work/moto.log" 2>&1 &
moto=$!
wrong_port="$(free_port)"
"$venv/bin/python" scripts/kms_server.py --as-it-is -H 127.0.0.1 -p "$wrong_port" >"$work/wrong.log" 2>&1 &
moto="$moto $!"

# Credentials of nobody, for this script's processes alone; nothing of the account's own is looked at.
export AWS_ACCESS_KEY_ID=portcullis AWS_SECRET_ACCESS_KEY=moto-takes-any-secret
# And none of Google's: what is said without any is tested too.
export GOOGLE_APPLICATION_CREDENTIALS=/nonexistent/credentials.json
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
unset AWS_PROFILE AWS_SESSION_TOKEN || true
export PORTCULLIS_TEST_KMS_ENDPOINT="http://127.0.0.1:$port" PORTCULLIS_TEST_KMS_REGION=eu-central-1
export PORTCULLIS_TEST_KMS_WRONG_ENDPOINT="http://127.0.0.1:$wrong_port"

"$venv/bin/python" scripts/kms_keys.py >"$work/keys.env" || { cat "$work/moto.log"; exit 1; }
. "$work/keys.env"

# More kinds with PORTCULLIS_KMS_FEATURES=portcullis/kms-aws,portcullis/kms-gcp,portcullis/ledger.
features="${PORTCULLIS_KMS_FEATURES:-portcullis/kms-aws}"
cargo test --workspace --features "$features" --test kms_aws

# The program itself: it holds such a key, and one that was built without the feature says so.
cargo build --workspace --features "$features" --bin portcullis
cat >"$work/portcullis.yaml" <<YAML
chains: [{name: local, id: 31337, nodes: ["http://127.0.0.1:1"]}]
protocols:
  - name: vault
    chain: local
    contracts: [{name: vault, address: "0x00000000000000000000000000000000000000aa", holdsValue: true}]
    assets: []
    detectors: []
responder:
  address: "$PORTCULLIS_TEST_KMS_ACCOUNT"
  key: {awsKms: {keyId: "$PORTCULLIS_TEST_KMS_KEY", region: eu-central-1, endpoint: "$PORTCULLIS_TEST_KMS_ENDPOINT"}}
YAML
answer="$(echo '"address"' | "${CARGO_TARGET_DIR:-target}/debug/portcullis" signer --config "$work/portcullis.yaml")"
echo "portcullis signer says $answer"
case "$answer" in
*"$(echo "$PORTCULLIS_TEST_KMS_ACCOUNT" | tr 'A-F' 'a-f')"*) ;;
*) echo "test-kms: that is not $PORTCULLIS_TEST_KMS_ACCOUNT"; exit 1 ;;
esac
echo 'test-kms: everything passed'
