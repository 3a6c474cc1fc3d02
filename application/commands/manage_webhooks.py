"""What an organiser does with webhooks: name endpoints, change them, change their secrets, try them out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from application import telling, trail
from application.access import Access
from application.commands.tell_organisers import delivery_of
from domain.errors import Rejection, RejectionCode
from domain.outgoing_webhooks import (
    CHOOSABLE,
    DESCRIPTION_LENGTH_MAX,
    ENDPOINTS_MAX,
    URL_LENGTH_MAX,
    Delivery,
    DeliveryId,
    Endpoint,
    EndpointId,
    HookKind,
)
from domain.ports.outgoing_webhooks import HookSender
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.venues import VenueId

BY_HAND = "Turned off by hand."


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTerms:
    """What somebody types."""

    url: str
    description: str
    kinds: frozenset[HookKind]
    venue_id: VenueId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAndSecret:
    """``secret`` is for showing once."""

    endpoint: Endpoint
    secret: str


def add_endpoint(
    terms: EndpointTerms,
    *,
    actor: str,
    unit_of_work: UnitOfWorkFactory,
    sender: HookSender,
    access: Access,
    clock: Clock,
    ids: Ids,
) -> EndpointAndSecret | Rejection:
    """A new endpoint, and the secret that its messages are signed with."""
    if rejection := _misfit(terms, sender):
        return rejection
    now = clock.now()
    endpoint = Endpoint(
        id=EndpointId(ids.uuid()),
        url=terms.url,
        description=terms.description,
        kinds=terms.kinds,
        venue_id=terms.venue_id,
        created_at=now,
    )
    with unit_of_work() as uow:
        if len(uow.webhooks.endpoints()) >= ENDPOINTS_MAX:
            return Rejection(
                code=RejectionCode.LIMIT_REACHED,
                message=f"There are {ENDPOINTS_MAX} endpoints already. Change one that is not needed any more.",
                details={"field": "url"},
            )
        if terms.venue_id is not None:
            uow.venues.get(terms.venue_id)
        uow.webhooks.add_endpoint(endpoint)
        _note(uow, actor, "webhook.added", endpoint, clock=clock, ids=ids, url=endpoint.url)
        uow.commit()
    return EndpointAndSecret(endpoint=endpoint, secret=access.webhook_secret(endpoint.id, endpoint.secret_version))


def change_endpoint(
    endpoint_id: EndpointId,
    *,
    terms: EndpointTerms,
    actor: str,
    unit_of_work: UnitOfWorkFactory,
    sender: HookSender,
    clock: Clock,
    ids: Ids,
) -> Endpoint | Rejection:
    """Another address or other wishes. What waits is sent to the new address."""
    if rejection := _misfit(terms, sender):
        return rejection
    with unit_of_work() as uow:
        before = uow.webhooks.get_endpoint(endpoint_id, lock=True)
        if terms.venue_id is not None:
            uow.venues.get(terms.venue_id)
        after = replace(
            before.moved(terms.url), description=terms.description, kinds=terms.kinds, venue_id=terms.venue_id
        )
        uow.webhooks.save_endpoint(after)
        changes = {"before": _told(before), "after": _told(after)}
        _note(uow, actor, "webhook.changed", after, clock=clock, ids=ids, **changes)
        uow.commit()
    return after


def switch_endpoint(
    endpoint_id: EndpointId, *, on: bool, actor: str, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Endpoint:
    """Turn it on (whatever failed before is forgotten, and what waits is sent) or off (what waits is kept)."""
    with unit_of_work() as uow:
        before = uow.webhooks.get_endpoint(endpoint_id, lock=True)
        after = before.enable() if on else before.disable(BY_HAND)
        if after.enabled != before.enabled:
            uow.webhooks.save_endpoint(after)
            action = "webhook.enabled" if on else "webhook.disabled"
            _note(uow, actor, action, after, clock=clock, ids=ids, url=after.url, reason=after.disabled_because)
            uow.commit()
    return after


def rotate_secret(
    endpoint_id: EndpointId,
    *,
    actor: str,
    unit_of_work: UnitOfWorkFactory,
    access: Access,
    clock: Clock,
    ids: Ids,
) -> EndpointAndSecret | Rejection:
    """A new secret. Messages are signed with both for a day, so that the receiver may change over in its time."""
    with unit_of_work() as uow:
        rotated = uow.webhooks.get_endpoint(endpoint_id, lock=True).rotate(now=clock.now())
        if isinstance(rotated, Rejection):
            return rotated
        uow.webhooks.save_endpoint(rotated)
        _note(uow, actor, "webhook.rotated", rotated, clock=clock, ids=ids, url=rotated.url)
        uow.commit()
    return EndpointAndSecret(endpoint=rotated, secret=access.webhook_secret(rotated.id, rotated.secret_version))


def send_test(
    endpoint_id: EndpointId,
    *,
    actor: str,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
    wakeup: Wakeup,
) -> Delivery | Rejection:
    """A message that says nothing, to see whether it arrives. Who tries is not made to wait for a rest to end."""
    now = clock.now()
    body = {
        "type": HookKind.TEST.value,
        "timestamp": telling.moment(now),
        "version": telling.VERSION,
        "data": {"endpoint": str(endpoint_id)},
    }
    with unit_of_work() as uow:
        endpoint = uow.webhooks.get_endpoint(endpoint_id, lock=True)
        if not endpoint.enabled:
            return Rejection(code=RejectionCode.WRONG_STATE, message="This webhook is off. Turn it on first.")
        delivery = delivery_of(HookKind.TEST, endpoint, message_id=ids.uuid(), body=body, ids=ids, now=now)
        uow.webhooks.add_delivery(delivery)
        uow.webhooks.save_endpoint(endpoint.wake())
        _note(uow, actor, "webhook.tested", endpoint, clock=clock, ids=ids, url=endpoint.url)
        uow.commit()
    wakeup.outbox_filled()
    return delivery


def send_again(
    delivery_id: DeliveryId,
    *,
    actor: str,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
    wakeup: Wakeup,
) -> Delivery | Rejection:
    """The same message once more, under the same id: a receiver that had it can tell."""
    with unit_of_work() as uow:
        delivery = uow.webhooks.get_delivery(delivery_id).delivery
        endpoint = uow.webhooks.get_endpoint(delivery.endpoint_id, lock=True)
        if not endpoint.enabled:
            return Rejection(code=RejectionCode.WRONG_STATE, message="This webhook is off. Turn it on first.")
        again = delivery.again(now=clock.now())
        uow.webhooks.send_again(again)
        uow.webhooks.save_endpoint(endpoint.wake())
        _note(uow, actor, "webhook.sent_again", endpoint, clock=clock, ids=ids, message=delivery.webhook_id)
        uow.commit()
    wakeup.outbox_filled()
    return again


def _misfit(terms: EndpointTerms, sender: HookSender) -> Rejection | None:
    if not 0 < len(terms.url) <= URL_LENGTH_MAX:
        return _wrong("url", f"An address of at most {URL_LENGTH_MAX} characters.")
    if refusal := sender.refuses(terms.url):
        return _wrong("url", refusal)
    if len(terms.description) > DESCRIPTION_LENGTH_MAX:
        return _wrong("description", f"At most {DESCRIPTION_LENGTH_MAX} characters.")
    if not terms.kinds or not terms.kinds <= set(CHOOSABLE):
        return _wrong("kinds", "Choose at least one thing to be told of.")
    return None


def _wrong(field: str, message: str) -> Rejection:
    return Rejection(code=RejectionCode.INVALID_REQUEST, message=message, details={"field": field})


def _told(endpoint: Endpoint) -> Mapping[str, object]:
    return {
        "address": endpoint.url,
        "description": endpoint.description,
        "told of": sorted(kind.value for kind in endpoint.kinds),
        "venue": str(endpoint.venue_id) if endpoint.venue_id else None,
    }


def _note(
    uow: UnitOfWork, actor: str, action: str, endpoint: Endpoint, *, clock: Clock, ids: Ids, **details: object
) -> None:
    uow.audit.add(trail.entry(actor, action, kind="webhook", subject=endpoint.id, ids=ids, now=clock.now(), **details))
