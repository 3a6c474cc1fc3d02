"""Whom tickets are counted under, and how many one may have: by device, account, e-mail, phone and network address.

All of a buyer's keys are counted all the time, so that an organiser can switch a limit on in the middle of a sale;
which of them limit is a matter of the sale's terms. Keys say what they are: ``d:`` device, ``a:`` account, ``e:``
e-mail, ``p:`` phone, ``i:`` public network address. What follows is opaque. Whoever comes with a promotion is counted
once more under each personal key with ``~`` and the promotion's key behind it: all tickets of such a hold or order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from domain.events import LimitSubject, SaleTerms
from domain.holds import BuyerFingerprint
from domain.promotions import Promotion

UNLIMITED = 1_000_000
_DIGEST_CHARACTERS = 32
_WITH = "~"
_IGNORES_DOTS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""A provider that delivers a.b@ and ab@ to the same person, under either of its names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Under ``key`` at most so many tickets of one event, and so many live holds; who refuses says ``subject``.

    ``of_promotion``: it is the promotion that allows no more, not the event.
    """

    subject: LimitSubject
    key: str
    units_max: int
    live_max: int
    of_promotion: bool = False


def limits(terms: SaleTerms, buyer: BuyerFingerprint, *, promotion: Promotion | None = None) -> tuple[Limit, ...]:
    """Everything that this buyer is counted under for a hold. The first one is who must wait after lapses.

    ``promotion`` is the one that the buyer comes with.
    """
    found = list(personal_limits(terms, buyer, promotion=promotion))
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


def personal_limits(
    terms: SaleTerms, buyer: BuyerFingerprint, *, promotion: Promotion | None = None
) -> tuple[Limit, ...]:
    """Everything that is this one person's."""
    people = tuple(_limit(terms, subject, key) for subject, key in _people(buyer))
    if buyer.promotion is None:
        return people
    most = promotion.per_buyer_max if promotion else None
    return (*people, *(_limit_of_promotion(terms, limit, buyer.promotion, most) for limit in people))


def counted_under(buyer: BuyerFingerprint) -> tuple[str, ...]:
    """The keys of the person, whose tickets count for as long as they are theirs."""
    people = tuple(key for _, key in _people(buyer))
    if buyer.promotion is None:
        return people
    return (*people, *(f"{key}{_WITH}{buyer.promotion}" for key in people))


def recognised(*, counted: Iterable[str], address: str) -> BuyerFingerprint:
    """The buyer whose tickets are counted under these keys: what :func:`counted_under` makes, read back."""
    known: dict[str, str] = {}
    promotion = None
    for key in counted:
        person, _, with_promotion = key.partition(_WITH)
        known[person[0]] = person[2:]
        promotion = with_promotion or promotion
    return BuyerFingerprint(
        device=known["d"],
        address=address,
        account=known.get("a"),
        email=known.get("e"),
        phone=known.get("p"),
        promotion=promotion,
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


def _limit_of_promotion(terms: SaleTerms, person: Limit, promotion: str, most: int | None) -> Limit:
    limited = most is not None and person.subject in terms.limit_by
    return Limit(
        subject=person.subject,
        key=f"{person.key}{_WITH}{promotion}",
        units_max=most if limited and most is not None else UNLIMITED,
        live_max=UNLIMITED,
        of_promotion=True,
    )


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
