"""Fees: what an organiser or a house asks for selling a ticket, and who pays it."""

from dataclasses import dataclass

from domain.money import AMOUNT_MINOR_MAX, BASIS_POINTS, Money, charge_step, zero


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRule:
    """A flat part and a share of the admission, together between ``minimum_minor`` and ``maximum_minor`` a ticket.

    All amounts are minor units of the event's currency. An ``absorbed`` fee is paid by the organiser out of the price
    of the place, so it is never more than that, and the buyer sees nothing of it. A place that costs nothing carries
    no fee: nobody who was promised a free ticket is asked for money.
    """

    flat_minor: int = 0
    basis_points: int = 0
    minimum_minor: int = 0
    maximum_minor: int | None = None
    absorbed: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.flat_minor <= AMOUNT_MINOR_MAX or not 0 <= self.basis_points <= BASIS_POINTS:
            raise ValueError(f"a fee has a flat part from 0 to {AMOUNT_MINOR_MAX} and a share from 0 to 100 percent")
        most = AMOUNT_MINOR_MAX if self.maximum_minor is None else self.maximum_minor
        if not 0 <= self.minimum_minor <= most <= AMOUNT_MINOR_MAX:
            raise ValueError("a fee's minimum is not above its maximum")

    def of(self, admission: Money) -> Money:
        """The fee of one ticket whose place costs ``admission`` after any discount."""
        if admission.amount <= 0:
            return zero(admission.currency)
        share = admission.share(self.basis_points, BASIS_POINTS, step=charge_step(admission.currency))
        amount = max(self.flat_minor + share.amount, self.minimum_minor)
        if self.maximum_minor is not None:
            amount = min(amount, self.maximum_minor)
        return Money(min(amount, admission.amount) if self.absorbed else amount, admission.currency)


NO_FEE = FeeRule()
