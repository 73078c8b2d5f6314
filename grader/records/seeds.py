"""Seeds: draw one at random, derive others from it."""

import hashlib
import secrets

SEEDS = 2**53
"""The number of seeds: few enough for every JSON reader to keep them exact, too many for student code to guess one."""
_DIGEST_BITS = 64


def draw() -> int:
    """An unpredictable seed."""
    return secrets.randbelow(SEEDS)


def derive(*parts: object, bits: int) -> int:
    """A number of `bits` bits (at most 64), hashed from the parts: it reveals neither them nor other results."""
    text = "/".join(map(str, parts)).encode()
    digest = hashlib.blake2b(text, digest_size=_DIGEST_BITS // 8)
    return int.from_bytes(digest.digest()) >> (_DIGEST_BITS - bits)
