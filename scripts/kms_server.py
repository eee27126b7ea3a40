"""moto's server, with one correction: a digest is signed as it is.

KMS signs what comes with `MessageType: DIGEST` without hashing it again (API reference, "Sign"); moto 5 hashes it again, so
that its signature is of something else. `--as-it-is` leaves moto alone: scripts/test-kms.sh uses that too, as a service whose
signatures are wrong.
"""

import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from moto.kms.utils import ECDSAPrivateKey
from moto.server import main


def sign_digest(self, message, signing_algorithm):
    if signing_algorithm not in self.valid_signing_algorithms:
        raise ValueError(f"{signing_algorithm} is not an algorithm of this key")
    return self.private_key.sign(message, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if "--as-it-is" in arguments:
        arguments.remove("--as-it-is")
    else:
        ECDSAPrivateKey.sign = sign_digest
    main(arguments)
