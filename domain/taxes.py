"""Taxes: what the place of an event asks of every ticket, by name, for as long as anybody keeps the receipt."""

from dataclasses import dataclass

from domain.money import BASIS_POINTS, Money, charge_step

TAXES_PER_VENUE_MAX = 4
TAX_NAME_LENGTH_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """One tax of a jurisdiction, such as 8.25 % (825 basis points) of sales tax."""

    name: str
    basis_points: int

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > TAX_NAME_LENGTH_MAX or not self.name.isprintable():
            raise ValueError(f"a tax has a name of at most {TAX_NAME_LENGTH_MAX} characters")
        if not 0 < self.basis_points <= BASIS_POINTS:
            raise ValueError("a tax is more than nothing and at most 100 percent")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxPart:
    """What one tax came to."""

    name: str
    basis_points: int
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRule:
    """The taxes of a place. ``added`` on top of the price (as in the United States), inside it otherwise (as VAT is).

    ``on_fees``: fees that the buyer pays are taxed as well. All rates are taken of the same price together and rounded
    half up *once a ticket*; what each came to is a split of that, so the parts always sum exactly.
    """

    rates: tuple[TaxRate, ...] = ()
    added: bool = False
    on_fees: bool = True

    def __post_init__(self) -> None:
        if len(self.rates) > TAXES_PER_VENUE_MAX or len({rate.name for rate in self.rates}) != len(self.rates):
            raise ValueError(f"a place has at most {TAXES_PER_VENUE_MAX} taxes, each with a name of its own")
        if self.basis_points > BASIS_POINTS:
            raise ValueError("all taxes together are at most 100 percent")

    @property
    def basis_points(self) -> int:
        """All rates together."""
        return sum(rate.basis_points for rate in self.rates)

    def of(self, *, admission: Money, fee: Money) -> Money:
        """All taxes of one ticket together: on top of these amounts, or the part of them that is tax."""
        taxed = admission + fee if self.on_fees else admission
        if self.added:
            return taxed.share(self.basis_points, BASIS_POINTS, step=charge_step(taxed.currency))
        return taxed.share(self.basis_points, BASIS_POINTS + self.basis_points)

    def parts(self, tax: Money) -> tuple[TaxPart, ...]:
        """``tax`` of one ticket by name, in the order of the rates. Sums exactly."""
        if not self.rates:
            return ()
        split = tax.split(tuple(rate.basis_points for rate in self.rates))
        return tuple(
            TaxPart(name=rate.name, basis_points=rate.basis_points, amount=amount)
            for rate, amount in zip(self.rates, split, strict=True)
        )


NO_TAXES = TaxRule()
