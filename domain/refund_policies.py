"""Refund policies: what an organiser promises to give back, in a small language of rules.

A rule says how much comes back until when, and whether fees come back too. The policy has one rule for everybody,
others for single tiers, and others for what happened to the event; then bounds in money. The same rules are worded
for people who have not bought yet (:meth:`RefundPolicy.terms`) and decide every refund (:func:`domain.refunds.quote`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.money import AMOUNT_MINOR_MAX, BASIS_POINTS, CurrencyCode, Money, in_words
from domain.tiers import TierId

WINDOWS_MAX = 10
TIER_RULES_MAX = 100
HOURS_BEFORE_MAX = 3 * 365 * 24
HOURS_A_DAY = 24


class RefundReason(StrEnum):
    """Why money goes back: it decides how much, so it is never taken from what a buyer's client says."""

    BUYERS_WISH = "buyers_wish"
    EVENT_CANCELLED = "event_cancelled"
    POSTPONED = "postponed"
    GOODWILL = "goodwill"
    EXCHANGE = "exchange"
    """What the tickets were worth when their buyer moved to another date, which is bought by an order of its own."""
    FRAUD = "fraud"
    NO_TICKETS = "no_tickets"
    """Money that was taken and bought nothing. It goes back whole, by itself, for no tickets."""


ASKED_FOR = tuple(each for each in RefundReason if each not in {RefundReason.NO_TICKETS, RefundReason.EXCHANGE})
"""Reasons that a person may give. The others follow from something else: a lost payment, a new order."""
RULED_REASONS = frozenset({RefundReason.POSTPONED, RefundReason.GOODWILL})
"""Reasons that an organiser may word a rule for. A cancelled event and a fraud give back everything, always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundWindow:
    """Until so many ``hours_before`` the start, ``basis_points`` of the price come back."""

    hours_before: int
    basis_points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRule:
    """One tier's own windows, instead of everybody's."""

    tier_id: TierId
    windows: tuple[RefundWindow, ...]
    fees_returned: bool = False

    def __post_init__(self) -> None:
        check_windows(self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonRule:
    """What comes back, at any time, because of what happened: an event was postponed, or we want to be kind."""

    reason: RefundReason
    basis_points: int
    fees_returned: bool = True

    def __post_init__(self) -> None:
        if self.reason not in RULED_REASONS:
            raise ValueError(f"there is no rule of its own for “{self.reason.value}”")
        if not 0 <= self.basis_points <= BASIS_POINTS:
            raise ValueError("a rule gives back 0 to 100 percent")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRule:
    """Tickets may be exchanged until so many ``hours_before`` their event: this much of them counts, less a fee each.

    ``anywhere``: for any event of the house in the same currency; otherwise for another date of the same one.
    """

    hours_before: int
    basis_points: int = BASIS_POINTS
    fees_returned: bool = True
    fee_minor: int = 0
    anywhere: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.hours_before <= HOURS_BEFORE_MAX:
            raise ValueError(f"exchanges end 0 to {HOURS_BEFORE_MAX} hours before the start")
        if not 0 < self.basis_points <= BASIS_POINTS:
            raise ValueError("an exchange gives back more than nothing, and 100 percent at most")
        if not 0 <= self.fee_minor <= AMOUNT_MINOR_MAX:
            raise ValueError(f"an amount lies between 0 and {AMOUNT_MINOR_MAX} minor units")

    def ends_at(self, starts_at: datetime) -> datetime:
        """The last moment in which an exchange may begin."""
        return starts_at - timedelta(hours=self.hours_before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What the rules grant one ticket: this much of its price, ``until`` then, and why.

    ``bounded``: the policy's amounts apply (handling fee, minimum kept, maximum given back). ``exchange_fee_minor`` is
    kept of it because it is exchanged.
    """

    basis_points: int
    fees_returned: bool
    why: str
    until: datetime | None = None
    bounded: bool = False
    exchange_fee_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPolicy:
    """What one event promises. Windows from the most generous (earliest) to the last; amounts are minor units.

    The amounts bound refunds at a buyer's wish only: ``handling_minor`` is kept of every ticket, ``kept_minor_min`` at
    least, and no more than ``ticket_minor_max`` per ticket and ``order_minor_max`` per order comes back. A refund of
    more than ``approval_minor_over`` waits for a second person. ``restock``: places return to sale. ``exchange`` None:
    tickets are not exchanged. ``version`` is
    where the policy stands in its event's history (0: not stored yet); the rules are the same without it.
    """

    windows: tuple[RefundWindow, ...]
    fees_returned: bool = False
    tiers: tuple[TierRule, ...] = ()
    reasons: tuple[ReasonRule, ...] = ()
    handling_minor: int = 0
    kept_minor_min: int = 0
    ticket_minor_max: int | None = None
    order_minor_max: int | None = None
    approval_minor_over: int | None = None
    restock: bool = True
    exchange: ExchangeRule | None = None
    version: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        check_windows(self.windows)
        if len(self.tiers) > TIER_RULES_MAX or len({rule.tier_id for rule in self.tiers}) != len(self.tiers):
            raise ValueError(f"a policy has one rule a tier, for at most {TIER_RULES_MAX} tiers")
        if len({rule.reason for rule in self.reasons}) != len(self.reasons):
            raise ValueError("a policy has one rule a reason")
        amounts = (self.handling_minor, self.kept_minor_min, self.ticket_minor_max, self.order_minor_max)
        if any(each is not None and not 0 <= each <= AMOUNT_MINOR_MAX for each in (*amounts, self.approval_minor_over)):
            raise ValueError(f"an amount lies between 0 and {AMOUNT_MINOR_MAX} minor units")

    def share_of(self, tier_id: TierId, *, reason: RefundReason, starts_at: datetime, now: datetime) -> Share:
        """What the rules grant a ticket of this tier at this time, for this reason."""
        if reason is RefundReason.EXCHANGE:
            return self._exchanged(starts_at, now)
        if reason is not RefundReason.BUYERS_WISH:
            return self._share_for(reason)
        rule = next((rule for rule in self.tiers if rule.tier_id == tier_id), None)
        windows = rule.windows if rule else self.windows
        fees = rule.fees_returned if rule else self.fees_returned
        if not windows:
            return Share(basis_points=0, fees_returned=False, why="These tickets are not refundable.", bounded=True)
        for window in windows:
            until = starts_at - timedelta(hours=window.hours_before)
            if now <= until:
                why = f"{_percent(window.basis_points)} is returned until {before_start(window.hours_before)}."
                return Share(
                    basis_points=window.basis_points, fees_returned=fees, why=why, until=until, bounded=True
                )  # fmt: skip
        why = f"Nothing is returned later than {before_start(windows[-1].hours_before)}."
        return Share(basis_points=0, fees_returned=False, why=why, bounded=True)

    def needs_approval(self, amount: Money, *, reason: RefundReason) -> bool:
        """Whether a second person must agree. What a cancelled event or a fraud owes is not up for discussion.

        An exchange was agreed to when its rule was worded, and the new tickets were paid for before the old ones end.
        """
        if reason in _OWED:
            return False
        return self.approval_minor_over is not None and amount.amount > self.approval_minor_over

    def terms(self, currency: CurrencyCode, tier_names: Mapping[TierId, str]) -> str:
        """The whole policy in a few sentences, for people who have not bought yet."""
        sentences = [_worded(self.windows, fees_returned=self.fees_returned)]
        for rule in self.tiers:
            name = tier_names.get(rule.tier_id, "another tier")
            sentences.append(f"For {name}: {_worded(rule.windows, fees_returned=rule.fees_returned)}")
        every = (*self.windows, *(window for rule in self.tiers for window in rule.windows))
        if any(window.basis_points for window in every):
            sentences += self._bounds(currency)
        if self.exchange is not None:
            sentences += _exchange_worded(self.exchange, currency)
        sentences.append("If the event is cancelled you get back everything, fees included.")
        postponed = self._share_for(RefundReason.POSTPONED)
        fees = "fees included" if postponed.fees_returned else "without the fees"
        if postponed.basis_points:
            sentences.append(
                f"If it is postponed and you cannot come, you get back {_percent(postponed.basis_points)}, {fees}."
            )
        return " ".join(sentences)

    def _bounds(self, currency: CurrencyCode) -> list[str]:
        def written(minor: int) -> str:
            return in_words(Money(minor, currency))

        sentences = []
        if self.handling_minor:
            sentences.append(f"{written(self.handling_minor)} of each ticket is kept for handling.")
        if self.kept_minor_min:
            sentences.append(f"At least {written(self.kept_minor_min)} of each ticket is kept.")
        if self.ticket_minor_max is not None:
            sentences.append(f"No ticket gives back more than {written(self.ticket_minor_max)}.")
        if self.order_minor_max is not None:
            sentences.append(f"No order gives back more than {written(self.order_minor_max)}.")
        return sentences

    def _exchanged(self, starts_at: datetime, now: datetime) -> Share:
        rule = self.exchange
        if rule is None:
            return Share(basis_points=0, fees_returned=False, why="These tickets cannot be exchanged.")
        until, end = rule.ends_at(starts_at), before_start(rule.hours_before)
        if now > until:
            return Share(basis_points=0, fees_returned=False, why=f"Exchanges ended {end}.")
        return Share(
            basis_points=rule.basis_points,
            fees_returned=rule.fees_returned,
            why=f"{_percent(rule.basis_points)} is returned in an exchange until {end}.",
            until=until,
            exchange_fee_minor=rule.fee_minor,
        )

    def _share_for(self, reason: RefundReason) -> Share:
        rule = next((rule for rule in self.reasons if rule.reason is reason), None)
        if rule is None:
            return Share(basis_points=BASIS_POINTS, fees_returned=True, why=_EVERYTHING[reason])
        why = f"{_BECAUSE[reason]} {_percent(rule.basis_points)} is returned."
        return Share(basis_points=rule.basis_points, fees_returned=rule.fees_returned, why=why)


_OWED = frozenset({RefundReason.EVENT_CANCELLED, RefundReason.FRAUD, RefundReason.NO_TICKETS, RefundReason.EXCHANGE})

_BECAUSE = {
    RefundReason.EVENT_CANCELLED: "The event is cancelled.",
    RefundReason.POSTPONED: "The event was postponed.",
    RefundReason.GOODWILL: "The organiser wants to be kind.",
    RefundReason.FRAUD: "The payment was not yours.",
    RefundReason.NO_TICKETS: "The payment bought no tickets.",
}
_EVERYTHING = {reason: f"{because} Everything is returned." for reason, because in _BECAUSE.items()}


def check_windows(windows: tuple[RefundWindow, ...]) -> None:
    """Raises ValueError unless these windows are few, each earlier than the next and no less generous."""
    hours = [window.hours_before for window in windows]
    if len(hours) > WINDOWS_MAX or hours != sorted(set(hours), reverse=True):
        raise ValueError(f"a policy has at most {WINDOWS_MAX} windows, the earliest first, each at another time")
    if any(not 0 <= each <= HOURS_BEFORE_MAX for each in hours):
        raise ValueError(f"a window ends 0 to {HOURS_BEFORE_MAX} hours before the start")
    points = [window.basis_points for window in windows]
    if any(not 0 <= each <= BASIS_POINTS for each in points):
        raise ValueError("a window gives back 0 to 100 percent")
    if points != sorted(points, reverse=True):
        raise ValueError("a later window never gives back more than an earlier one: waiting must not pay")


def before_start(hours: int) -> str:
    """A window's end in words."""
    if hours == 0:
        return "the start"
    if hours % HOURS_A_DAY == 0 and hours > HOURS_A_DAY:
        return f"{hours // HOURS_A_DAY} days before the start"
    return f"{hours} hour{'s' if hours > 1 else ''} before the start"


def _percent(basis_points: int) -> str:
    return f"{basis_points / 100:g}%"


def _exchange_worded(rule: ExchangeRule, currency: CurrencyCode) -> list[str]:
    target = "tickets of any other event of the house" if rule.anywhere else "another date of the same event"
    given = "all that you paid" if rule.fees_returned else "the ticket price, without the fees"
    share = given if rule.basis_points == BASIS_POINTS else f"{_percent(rule.basis_points)} of {given}"
    sentences = [
        f"You can exchange tickets for {target} until {before_start(rule.hours_before)}.",
        f"You pay for the new ones and get back {share}.",
    ]
    if rule.fee_minor:
        sentences.append(f"{in_words(Money(rule.fee_minor, currency))} of each ticket is kept in an exchange.")
    return sentences


def _worded(windows: tuple[RefundWindow, ...], *, fees_returned: bool) -> str:
    if not any(window.basis_points for window in windows):
        return "These tickets are not refundable."
    spans = [f"{_percent(w.basis_points)} of the ticket price until {before_start(w.hours_before)}" for w in windows]
    fees = "Fees come back in the same share." if fees_returned else "Fees are kept."
    return f"You get back {', '.join(spans)}, and nothing later. {fees}"


STANDARD_POLICY = RefundPolicy(
    windows=(
        RefundWindow(hours_before=30 * 24, basis_points=10_000),
        RefundWindow(hours_before=7 * 24, basis_points=5_000),
    )
)
"""All until 30 days before, half until 7 days before, nothing later; fees are kept."""
