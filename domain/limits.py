"""Whom tickets are counted under, and how many one may have: by device, account, e-mail, phone and network address.

All of a buyer's keys are counted all the time, so that an organiser can switch a limit on in the middle of a sale;
which of them limit is a matter of the sale's terms. Keys say what they are: ``d:`` device, ``a:`` account, ``e:``
e-mail, ``p:`` phone, ``i:`` public network address. What follows is opaque.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from domain.events import LimitSubject, SaleTerms
from domain.holds import BuyerFingerprint

UNLIMITED = 1_000_000
_DIGEST_CHARACTERS = 32
_IGNORES_DOTS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""A provider that delivers a.b@ and ab@ to the same person, under either of its names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Under ``key`` at most so many tickets of one event, and so many live holds; who refuses says ``subject``."""

    subject: LimitSubject
    key: str
    units_max: int
    live_max: int


def limits(terms: SaleTerms, buyer: BuyerFingerprint) -> tuple[Limit, ...]:
    """Everything that this buyer is counted under for a hold. The first one is who must wait after lapses."""
    found = list(personal_limits(terms, buyer))
    if terms.live_holds_per_address and buyer.network:
        found.append(
            Limit(
                subject=LimitSubject.ADDRESS,
                key=f"i:{buyer.network}",
                units_max=UNLIMITED,
                live_max=terms.live_holds_per_address,
            )
        )
    return tuple(found)


def personal_limits(terms: SaleTerms, buyer: BuyerFingerprint) -> tuple[Limit, ...]:
    """Everything that is this one person's."""
    return tuple(_limit(terms, subject, key) for subject, key in _people(buyer))


def counted_under(buyer: BuyerFingerprint) -> tuple[str, ...]:
    """The keys of the person, whose tickets count for as long as they are theirs."""
    return tuple(key for _, key in _people(buyer))


def recognised(*, counted: Iterable[str], address: str) -> BuyerFingerprint:
    """The buyer whose tickets are counted under these keys: what :func:`counted_under` makes, read back."""
    known = {key[0]: key[2:] for key in counted}
    return BuyerFingerprint(
        device=known["d"], address=address, account=known.get("a"), email=known.get("e"), phone=known.get("p")
    )


def email_key(email: str) -> str:
    """What an e-mail address is counted as: variants that reach the same mailbox are one."""
    mailbox, _, host = email.strip().lower().rpartition("@")
    mailbox = mailbox.partition("+")[0]
    if host in _IGNORES_DOTS:
        mailbox, host = mailbox.replace(".", ""), _IGNORES_DOTS[host]
    return _digest(f"{mailbox}@{host}")


def phone_key(phone: str) -> str:
    """What a phone number (E.164) is counted as."""
    return _digest(phone)


def _people(buyer: BuyerFingerprint) -> Iterator[tuple[LimitSubject, str]]:
    if buyer.account:
        yield LimitSubject.ACCOUNT, f"a:{buyer.account}"
    yield LimitSubject.DEVICE, f"d:{buyer.device}"
    if buyer.email:
        yield LimitSubject.EMAIL, f"e:{buyer.email}"
    if buyer.phone:
        yield LimitSubject.PHONE, f"p:{buyer.phone}"


def _limit(terms: SaleTerms, subject: LimitSubject, key: str) -> Limit:
    limited = subject in terms.limit_by
    return Limit(
        subject=subject,
        key=key,
        units_max=terms.per_buyer_max if limited else UNLIMITED,
        live_max=terms.live_holds_per_buyer if limited else UNLIMITED,
    )


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
