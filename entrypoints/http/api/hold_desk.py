"""Placing holds: the hottest path of the house.

It costs one round trip to the inventory and no SQL; so nothing here asks anybody else anything, and nothing here
needs Flask around it (see express.py).
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

from application.commands.place_hold import PlaceHold
from domain.demands import unknown_seats, unknown_tier
from domain.errors import Rejection, RejectionCode
from domain.events import EventId, Sale
from domain.holds import BestAvailableLine, BuyerFingerprint, GeneralLine, HoldId, HoldLine, SeatsLine
from domain.limits import email_key, phone_key
from domain.seat_maps import SeatIndex, SeatMap
from domain.tiers import TierId
from entrypoints.http import idempotency
from entrypoints.http.answer import Answer, whole
from entrypoints.http.api.answers import NO_STORE
from entrypoints.http.api.hold_requests import HoldRequest, WantedItem, read_hold_request
from entrypoints.http.front import Environ
from entrypoints.http.identity import Identities, new_name
from entrypoints.http.problems import refused
from entrypoints.http.representations import encoded
from entrypoints.http.representations import holds as present
from entrypoints.http.schemas.contacts import Contact
from entrypoints.http.services import Services

_NONCE_BYTES = 16
_BY_POSITION = frozenset({RejectionCode.SEATS_TAKEN, RejectionCode.SEAT_STRANDED})


class HoldDesk:
    """Takes hold requests, with or without Flask around them."""

    def __init__(self, services: Services, identities: Identities) -> None:
        self._services = services
        self._identities = identities

    def __call__(self, environ: Environ, event: str) -> Answer:
        """201 with the hold. Raises Problem for a refusal, NotFound, and InventoryUnavailable."""
        wanted = read_hold_request(environ)
        key = idempotency.key(environ)
        services = self._services
        sale = services.catalogue().on_sale(event=event)
        buyer = self._identities.buyer(environ)
        if wanted.contact is not None:
            buyer = _reached_at(buyer, wanted.contact)
        command = PlaceHold(
            hold_id=HoldId(sale.event_id, _nonce(key, buyer, sale.event_id)),
            event=event,
            lines=tuple(_lines(wanted, sale)),
            buyer=buyer,
            code=wanted.code,
        )
        hold = services.place_hold(command)
        if isinstance(hold, Rejection):
            raise refused(with_seat_names(hold, sale.seat_map), now=services.clock().now())
        shown = present.hold(hold, sale=sale, token=services.access().for_hold(hold.id))
        return whole(201, encoded(shown), NO_STORE)


def with_seat_names(rejection: Rejection, plan: SeatMap) -> Rejection:
    """The inventory names seats by position; the outside names them by id."""
    seats = rejection.details.get("seats")
    if rejection.code not in _BY_POSITION or not isinstance(seats, list):
        return rejection
    names = [plan.seats[index].id for index in seats]
    return Rejection(code=rejection.code, message=rejection.message, details={**rejection.details, "seats": names})


def _reached_at(buyer: BuyerFingerprint, contact: Contact) -> BuyerFingerprint:
    """The same buyer, who says where to be reached: only digests of it go any further."""
    return replace(
        buyer,
        email=email_key(contact.email) if contact.email else buyer.email,
        phone=phone_key(contact.phone) if contact.phone else buyer.phone,
    )


def _nonce(key: str | None, buyer: BuyerFingerprint, event_id: EventId) -> UUID:
    """From the caller's key when there is one, so that a retry names the same hold and nothing need be stored."""
    if key is None:
        return new_name()
    digest = sha256(f"{buyer.device}\n{event_id}\n{key}".encode()).digest()
    return UUID(bytes=digest[:_NONCE_BYTES], version=5)


def _lines(wanted: HoldRequest, sale: Sale) -> Iterator[HoldLine]:
    """The request's words as the core's. Raises Problem 422 for words that mean nothing in this sale."""
    for item in wanted.items:
        tier_id = _tier_id(item.tier, sale)
        if item.quantity is not None:
            yield GeneralLine(tier_id=tier_id, quantity=item.quantity)
        elif item.best_available is not None:
            yield BestAvailableLine(
                tier_id=tier_id,
                quantity=item.best_available,
                or_tiers=_other_tiers(item, sale) if item.or_tiers else (),
                cheapest=item.cheapest,
                accessible=item.accessible,
                split=item.split,
            )
        else:
            yield SeatsLine(tier_id=tier_id, seats=_seats(item, sale), accessible=item.accessible)


def _tier_id(word: str, sale: Sale) -> TierId:
    tier = sale.tier_named(word)
    if tier is None:
        raise refused(unknown_tier(word))
    return tier.id


def _other_tiers(item: WantedItem, sale: Sale) -> tuple[TierId, ...]:
    """Each once: a tier that is named by its id and by its key is still one tier."""
    return tuple(dict.fromkeys(_tier_id(word, sale) for word in item.or_tiers))


def _seats(item: WantedItem, sale: Sale) -> tuple[SeatIndex, ...]:
    by_id = sale.seat_map.by_id
    strangers = tuple(seat for seat in item.seats if seat not in by_id)
    if strangers:
        raise refused(unknown_seats(strangers))
    return tuple(by_id[seat].index for seat in item.seats)
