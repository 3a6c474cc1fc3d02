"""What an organiser does to the catalogue: venues, seat maps, events and the terms of their sales."""

from dataclasses import fields, replace
from datetime import datetime

from application import effects, telling, trail
from domain.errors import Rejection, RejectionCode
from domain.events import Event, EventId, EventState, SaleTerms
from domain.outgoing_webhooks import HookKind
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.refund_policies import RefundPolicy
from domain.seat_maps import SeatMap, ZoneKind
from domain.venues import Venue


def add_venue(
    venue: Venue, *, actor: str, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Venue | Rejection:
    """A new place. Its slug must be free."""
    with unit_of_work() as uow:
        if uow.venues.find(slug=venue.slug) is not None:
            return _taken("slug")
        uow.venues.add(venue)
        _note(uow, actor, "venue.added", "venue", venue.id, clock, ids, name=venue.name)
        uow.commit()
    return venue


def add_seat_map(seat_map: SeatMap, *, actor: str, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> SeatMap:
    """A new version of a venue's seat map. Raises NotFound for an unknown venue."""
    with unit_of_work() as uow:
        uow.venues.get(seat_map.venue_id)
        uow.venues.add_map(seat_map)
        _note(uow, actor, "seat_map.added", "seat_map", seat_map.id, clock, ids, seats=len(seat_map.seats))
        uow.commit()
    return seat_map


def create_event(
    event: Event, *, policy: RefundPolicy, actor: str, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Event | Rejection:
    """A draft with its tiers. Every tier must fit the seat map: its zones exist and are of its kind."""
    with unit_of_work() as uow:
        if uow.events.find(slug=event.slug) is not None:
            return _taken("slug")
        if rejection := _misfit(event, uow.venues.get_map(event.seat_map_id)):
            return rejection
        uow.events.add(replace(event, state=EventState.DRAFT), policy=policy)
        _note(uow, actor, "event.created", "event", event.id, clock, ids, name=event.name)
        uow.commit()
    return replace(event, state=EventState.DRAFT)


def publish_event(
    event_id: EventId, *, actor: str, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Event | Rejection:
    """Show the event and let its sale open when its time comes."""
    with unit_of_work() as uow:
        published = uow.events.get(event_id, lock=True).publish()
        if isinstance(published, Rejection):
            return published
        uow.events.save(published)
        _note(uow, actor, "event.published", "event", event_id, clock, ids)
        telling.event_happened(HookKind.EVENT_PUBLISHED, published, uow=uow, ids=ids, now=clock.now())
        uow.commit()
    return published


def change_terms(
    event_id: EventId,
    *,
    terms: SaleTerms,
    actor: str,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
    wakeup: Wakeup,
) -> Event | Rejection:
    """Tune a sale while it runs. The inventory learns of it within a moment; holds keep what they were given."""
    with unit_of_work() as uow:
        event = uow.events.get(event_id, lock=True)
        if event.state is EventState.CANCELLED:
            return Rejection(code=RejectionCode.EVENT_CANCELLED, message="This event is cancelled.")
        changed = replace(event, terms=terms)
        version = uow.events.save(changed)
        now = clock.now()
        # Whether accessible seats are kept for those who ask is written into the stock.
        reload = event.terms.accessible_released != terms.accessible_released
        uow.outbox.add(effects.renew_terms(event_id, version=version, reload=reload, ids=ids, now=now))
        _note(
            uow, actor, "event.terms_changed", "event", event_id, clock, ids,
            **_differences(event.terms, terms),
        )  # fmt: skip
        uow.commit()
    wakeup.outbox_filled()
    return changed


def cancel_event(
    event_id: EventId, *, actor: str, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> Event:
    """Call the event off: nothing is sold from now on, and nothing that was not paid yet can be.

    The time to pay is over for everybody who had not: their pages are closed in a moment, and whoever pays in that
    moment gets the money back. Refunds of what was paid are a decision of their own.
    """
    with unit_of_work() as uow:
        cancelled = uow.events.get(event_id, lock=True).cancel()
        version = uow.events.save(cancelled)
        uow.outbox.add(effects.renew_terms(event_id, version=version, ids=ids, now=clock.now()))
        unpaid = uow.orders.call_off(event_id, now=clock.now())
        _note(uow, actor, "event.cancelled", "event", event_id, clock, ids, unpaid_orders=unpaid)
        telling.event_happened(HookKind.EVENT_CANCELLED, cancelled, uow=uow, ids=ids, now=clock.now())
        uow.commit()
    wakeup.outbox_filled()
    return cancelled


def _misfit(event: Event, seat_map: SeatMap) -> Rejection | None:
    kinds = {zone.key: zone.kind for zone in seat_map.zones}
    for tier in event.tiers:
        for key in tier.zones:
            if kinds.get(key) is not tier.kind:
                wanted = "general admission" if tier.kind is ZoneKind.GENERAL_ADMISSION else "reserved"
                return Rejection(
                    code=RejectionCode.INVALID_REQUEST,
                    message=f"{tier.name} needs {wanted} zones, and the seat map has no such zone “{key}”.",
                    details={"tier": tier.key, "zone": key},
                )
    return None


def _taken(field: str) -> Rejection:
    return Rejection(
        code=RejectionCode.INVALID_REQUEST, message=f"This {field} is in use already.", details={"field": field}
    )


def _differences(before: SaleTerms, after: SaleTerms) -> dict[str, object]:
    """Every term that changed, as it was and as it is, in JSON."""
    changed = [field.name for field in fields(before) if getattr(before, field.name) != getattr(after, field.name)]
    return {
        "before": {name: _told(getattr(before, name)) for name in changed},
        "after": {name: _told(getattr(after, name)) for name in changed},
    }


def _told(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case frozenset():
            return sorted(subject.value for subject in value)
        case _:
            return value


def _note(
    uow: UnitOfWork, actor: str, action: str, kind: str, subject: object, clock: Clock, ids: Ids, **details: object
) -> None:
    uow.audit.add(trail.entry(actor, action, kind=kind, subject=subject, ids=ids, now=clock.now(), **details))
