"""Seeds: how one is drawn, and how others are derived from it."""

import hashlib
import secrets

SEEDS = 2**53
"""How many seeds there are: every reader of JSON keeps them, and no student's code finds out which one was drawn."""
_DIGEST_BITS = 64


def draw() -> int:
    """A seed that nobody can foresee."""
    return secrets.randbelow(SEEDS)


def derive(*parts: object, bits: int) -> int:
    """A number of so many bits, at most 64, for what the parts name; it says nothing about them nor about others."""
    text = "/".join(map(str, parts)).encode()
    digest = hashlib.blake2b(text, digest_size=_DIGEST_BITS // 8)
    return int.from_bytes(digest.digest()) >> (_DIGEST_BITS - bits)
