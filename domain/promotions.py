"""Promotions: words that open a door. For now access codes, which let their holders buy a tier early or at all."""

from hashlib import sha256
from hmac import compare_digest

ACCESS_CODE_LENGTH_MAX = 64


def digest(access_code: str) -> str:
    """What is stored of an access code. Case and surrounding blanks do not matter to the person typing it."""
    return sha256(access_code.strip().casefold().encode()).hexdigest()


def opens(access_code: str | None, *, access_code_digest: str | None) -> bool:
    """Whether this word opens what the digest locks. No digest: nothing is locked. Compared in constant time."""
    if access_code_digest is None:
        return True
    return compare_digest(digest(access_code or ""), access_code_digest)
