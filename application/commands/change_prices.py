"""What an organiser does to prices while a sale runs: fees, prices of tiers and when they change, promotions, taxes.

Holds and orders keep the price they were made at. What is sold from now on costs what is decided here, as soon as
every web process knows (within a moment).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from application import effects, trail
from application.transactions import retrying
from domain.errors import Rejection, RejectionCode, StockConflict
from domain.events import Event, EventId, EventState
from domain.fees import FeeRule
from domain.money import CurrencyCode, Money, charge_step
from domain.openings import misfit
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.promotions import PROMOTIONS_PER_EVENT_MAX, Promotion, PromotionKind, promotion_pool
from domain.taxes import TaxRule
from domain.tiers import PriceStep, Tier, TierId
from domain.venues import Venue, VenueId


@dataclass(frozen=True, slots=True, kw_only=True)
class TierPrices:
    """What one tier costs: ``face`` at first, then ``steps``; ``fee`` None for the event's rule.

    ``opens_after`` is the tier that must be gone before this one is sold at that price; None: it waits for none.
    """

    face: Money
    steps: tuple[PriceStep, ...] = ()
    fee: FeeRule | None = None
    opens_after: TierId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePrices:
    """The event's fee rule, and the prices of these of its tiers; others keep theirs.

    ``seen``: the prices that were looked at, as :func:`told_prices` tells them. Who was overtaken by somebody else is
    told, and nothing is saved. None: whatever they are now.
    """

    event_id: EventId
    fee: FeeRule
    tiers: Mapping[TierId, TierPrices]
    actor: str
    seen: Mapping[str, object] | None = None


def change_prices(
    command: ChangePrices, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> Event | Rejection:
    """Raises NotFound, and ValueError for steps that are not in the order of time."""
    answer = _change_prices(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return answer


@retrying
def _change_prices(
    command: ChangePrices, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Event | Rejection:
    with unit_of_work() as uow:
        event = uow.events.get(command.event_id, lock=True)
        if rejection := _called_off(event) or _uncharged(event.currency, command.fee):
            return rejection
        if command.seen is not None and command.seen != told_prices(event):
            return Rejection(
                code=RejectionCode.WRONG_STATE,
                message="Somebody changed these prices in the meantime. Look at them again.",
            )
        tiers = []
        for tier in event.tiers:
            wanted = command.tiers.get(tier.id)
            if wanted is None:
                tiers.append(tier)
                continue
            if wanted.fee is not None and (rejection := _uncharged(event.currency, wanted.fee)):
                return rejection
            tiers.append(_priced(tier, wanted))
        if rejection := misfit(tuple(tiers)):
            return rejection
        changed = replace(event, fee=command.fee, tiers=tuple(tiers))
        before, after = told_prices(event), told_prices(changed)
        _save(
            changed, "event.prices_changed", actor=command.actor, uow=uow, ids=ids, now=clock.now(), reload=False,
            currency=event.currency,
            before={key: told for key, told in before.items() if after.get(key) != told},
            after={key: told for key, told in after.items() if before.get(key) != told},
        )  # fmt: skip
        uow.commit()
    return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePromotion:
    """A promotion as it shall be. A new one has an id that no other has; an old one keeps its id and its code."""

    event_id: EventId
    promotion: Promotion
    actor: str


def save_promotion(
    command: SavePromotion, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> Promotion | Rejection:
    """Create it, change it, or stop it (``active``). Its cap cannot fall below what is sold. Raises NotFound."""
    answer = _save_promotion(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return answer


@retrying
def _save_promotion(
    command: SavePromotion, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Promotion | Rejection:
    wanted = command.promotion
    with unit_of_work() as uow:
        event = uow.events.get(command.event_id, lock=True)
        others = tuple(each for each in event.promotions if each.id != wanted.id)
        known = next((each for each in event.promotions if each.id == wanted.id), None)
        if rejection := _called_off(event) or _misfit(event, wanted, others, known):
            return rejection
        used = uow.stock.pools(event.id).get(promotion_pool(wanted.key))
        if used is not None and wanted.capacity < used.taken:
            return _too_low(used.taken)
        changed = replace(event, promotions=(*others, wanted))
        try:
            _save(
                changed, _happened(known, wanted), actor=command.actor, uow=uow, ids=ids, now=clock.now(),
                # A new pool, or a pool of another size, is written into the stock itself.
                reload=known is None or known.capacity != wanted.capacity,
                label=wanted.label,
                before=None if known is None else _told_promotion(known),
                after=_told_promotion(wanted),
            )  # fmt: skip
        except StockConflict:
            return _too_low(uow.stock.pools(event.id)[promotion_pool(wanted.key)].taken)
        uow.commit()
    return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTaxes:
    """What the jurisdiction of a venue asks from now on. ``seen``: the taxes that were looked at, as for prices."""

    venue_id: VenueId
    taxes: TaxRule
    actor: str
    seen: TaxRule | None = None


def change_taxes(
    command: ChangeTaxes, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> Venue | Rejection:
    """For every event there that is not cancelled; orders keep the taxes they were sold under. Raises NotFound."""
    answer = _change_taxes(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return answer


@retrying
def _change_taxes(
    command: ChangeTaxes, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Venue | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        venue = uow.venues.get(command.venue_id, lock=True)
        if command.seen not in {None, venue.taxes}:
            return Rejection(
                code=RejectionCode.WRONG_STATE,
                message="Somebody changed these taxes in the meantime. Look at them again.",
            )
        changed = replace(venue, taxes=command.taxes)
        uow.venues.save_taxes(changed)
        for event_id in uow.events.at_venue(venue.id):
            event = uow.events.get(event_id, lock=True)
            version = uow.events.save(event)
            if event.state is EventState.PUBLISHED:
                uow.outbox.add(effects.renew_terms(event_id, version=version, ids=ids, now=now))
        uow.audit.add(
            trail.entry(
                command.actor, "venue.taxes_changed", kind="venue", subject=venue.id, ids=ids, now=now,
                before=_told_taxes(venue.taxes), after=_told_taxes(command.taxes),
            )
        )  # fmt: skip
        uow.commit()
    return changed


def _save(
    event: Event, action: str, *, actor: str, uow: UnitOfWork, ids: Ids, now: datetime, reload: bool, **details: object
) -> None:
    version = uow.events.save(event)
    if event.state is EventState.PUBLISHED:
        uow.outbox.add(effects.renew_terms(event.id, version=version, reload=reload, ids=ids, now=now))
    uow.audit.add(trail.entry(actor, action, kind="event", subject=event.id, ids=ids, now=now, **details))


def _priced(tier: Tier, wanted: TierPrices) -> Tier:
    # Who is told to wait for another tier than before has not been opened yet.
    opened_at = tier.opened_at if tier.opens_after == wanted.opens_after else None
    return replace(
        tier, face=wanted.face, steps=wanted.steps, fee=wanted.fee, opens_after=wanted.opens_after, opened_at=opened_at
    )


def _called_off(event: Event) -> Rejection | None:
    if event.state is not EventState.CANCELLED:
        return None
    return Rejection(code=RejectionCode.EVENT_CANCELLED, message="This event is cancelled.")


def _uncharged(currency: CurrencyCode, fee: FeeRule) -> Rejection | None:
    """Amounts of which a card cannot be charged every one."""
    return _off_step(currency, fee.flat_minor, fee.minimum_minor, fee.maximum_minor or 0)


def _off_step(currency: CurrencyCode, *amounts: int) -> Rejection | None:
    if not any(amount % charge_step(currency) for amount in amounts):
        return None
    return _invalid(f"Cards are charged in tens of thousandths of {currency}: the last digit is 0.")


def _misfit(
    event: Event, wanted: Promotion, others: tuple[Promotion, ...], known: Promotion | None
) -> Rejection | None:
    if len(others) >= PROMOTIONS_PER_EVENT_MAX:
        return _invalid(f"An event has at most {PROMOTIONS_PER_EVENT_MAX} promotions.")
    if known is not None and known.digest != wanted.digest:
        return _invalid("A promotion keeps its code. Stop it and create another.", field="code")
    if wanted.active and any(each.active and each.digest == wanted.digest for each in others):
        return _invalid("Another promotion of this event has this code.", field="code")
    if any(each.key == wanted.key for each in others):
        return _invalid("This promotion is named like another. Please send it again.")
    if not wanted.tiers <= {tier.id for tier in event.tiers}:
        return _invalid("A promotion is for ticket types of its own event.", field="tiers")
    if wanted.kind is PromotionKind.AMOUNT and (rejection := _off_step(event.currency, wanted.value)):
        return rejection
    if wanted.kind is PromotionKind.NONE and wanted.presale_at is None and not _opens_something(event, wanted):
        return _invalid(
            "Without a discount a promotion opens the sale early, or a ticket type that needs a code.", field="kind"
        )
    return None


def _opens_something(event: Event, promotion: Promotion) -> bool:
    return any(tier.locked and tier.id in promotion.tiers for tier in event.tiers)


def _too_low(taken: int) -> Rejection:
    return Rejection(
        code=RejectionCode.WRONG_STATE,
        message=f"{taken:,} tickets are sold with this code, so {taken:,} is the least.",
        details={"lowest": taken, "field": "uses_max"},
    )


def _happened(known: Promotion | None, wanted: Promotion) -> str:
    if known is None:
        return "promotion.created"
    return "promotion.stopped" if known.active and not wanted.active else "promotion.changed"


def told_prices(event: Event) -> dict[str, object]:
    """The prices of an event by what they are of, in minor units, as an audit entry tells them."""
    told = _told_fee("fee", event.fee)
    names = {tier.id: tier.key for tier in event.tiers}
    for tier in event.tiers:
        told |= _told_tier(tier)
        if tier.opens_after is not None:
            told[f"{tier.key} opens after"] = names.get(tier.opens_after)
    return told


def _told_tier(tier: Tier) -> dict[str, object]:
    steps = [f"{step.face.amount} from {step.starts_at.isoformat()}" for step in tier.steps]
    own = {f"{tier.key} fee": "the event's"} if tier.fee is None else _told_fee(f"{tier.key} fee", tier.fee)
    return {f"{tier.key} price": tier.face.amount, f"{tier.key} then": steps, **own}


def _told_fee(of: str, fee: FeeRule) -> dict[str, object]:
    return {
        f"{of} flat": fee.flat_minor,
        f"{of} basis points": fee.basis_points,
        f"{of} minimum": fee.minimum_minor,
        f"{of} maximum": fee.maximum_minor,
        f"{of} absorbed": fee.absorbed,
    }


def _told_taxes(taxes: TaxRule) -> dict[str, object]:
    rates = [f"{rate.name} {rate.basis_points / 100:g}%" for rate in taxes.rates]
    return {"rates": rates, "added": taxes.added, "on_fees": taxes.on_fees}


def _told_promotion(promotion: Promotion) -> dict[str, object]:
    """Everything but the code, which nobody keeps."""
    moments = {"presale_at": promotion.presale_at, "starts_at": promotion.starts_at, "ends_at": promotion.ends_at}
    return {
        "kind": promotion.kind.value,
        "value": promotion.value,
        "tiers": sorted(str(tier) for tier in promotion.tiers),
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
        "uses_max": promotion.uses_max,
        "per_buyer_max": promotion.per_buyer_max,
        "active": promotion.active,
    }


def _invalid(message: str, **details: object) -> Rejection:
    return Rejection(code=RejectionCode.INVALID_REQUEST, message=message, details=details)
