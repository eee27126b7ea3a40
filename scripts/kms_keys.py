"""Makes the keys that scripts/test-kms.sh tests with, and prints them as lines of a shell."""

import os
import subprocess
import time

import boto3
from botocore.exceptions import EndpointConnectionError
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key


def client(endpoint):
    """A client, once the emulator answers."""
    for _ in range(100):
        kms = boto3.client(
            "kms",
            region_name=os.environ["PORTCULLIS_TEST_KMS_REGION"],
            endpoint_url=endpoint,
        )
        try:
            kms.list_keys()
            return kms
        except EndpointConnectionError:
            time.sleep(0.1)
    raise SystemExit("the emulator does not answer")


def key(kms, spec):
    return kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]


def point(kms, key_id):
    """The public key, 64 bytes in hexadecimal."""
    der = kms.get_public_key(KeyId=key_id)["PublicKey"]
    return load_der_public_key(der).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:].hex()


def keccak(text):
    """Keccak-256 of bytes in hexadecimal, by Foundry's cast: an opinion that is not Portcullis's own."""
    cast = subprocess.run(
        ["contracts/tools/foundry", "cast", "keccak", "0x" + text],
        check=True, capture_output=True, text=True,
    )
    return cast.stdout.strip()[2:]


def main():
    kms = client(os.environ["PORTCULLIS_TEST_KMS_ENDPOINT"])
    signing = key(kms, "ECC_SECG_P256K1")
    print(f"export PORTCULLIS_TEST_KMS_KEY={signing}")
    print(f"export PORTCULLIS_TEST_KMS_ACCOUNT=0x{keccak(point(kms, signing))[-40:]}")
    print(f"export PORTCULLIS_TEST_KMS_OTHER_CURVE={key(kms, 'ECC_NIST_P256')}")
    wrong = client(os.environ["PORTCULLIS_TEST_KMS_WRONG_ENDPOINT"])
    other = key(wrong, "ECC_SECG_P256K1")
    print(f"export PORTCULLIS_TEST_KMS_WRONG_KEY={other}")
    print(f"export PORTCULLIS_TEST_KMS_WRONG_ACCOUNT=0x{keccak(point(wrong, other))[-40:]}")


if __name__ == "__main__":
    main()
