"""Short messages: sent once, and followed by what the provider reports."""

from dataclasses import replace
from datetime import datetime

from application import trail
from domain.audit import BUYER
from domain.errors import NotFound, ProviderRefused, ProviderUnavailable
from domain.ports.messages import DeliveryReport, Message, MessageId, MessageState, SmsCallbacks, SmsSender
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids

CERTAINLY_NOT_SENT = "rate_limited"


def send_sms(message_id: MessageId, *, unit_of_work: UnitOfWorkFactory, sender: SmsSender, clock: Clock) -> None:
    """Hand a queued message to the provider, at most once.

    The provider knows no idempotency keys, so the message is marked as of unknown fate *before* the call: a
    crash or a lost reply leaves it there, and it is never sent a second time blindly; a delivery report may still tell.
    Raises ProviderUnavailable only when the provider certainly did not take it.
    """
    with unit_of_work() as uow:
        message = uow.messages.get(message_id, lock=True)
        if not message.waits:
            return
        if uow.messages.opted_out(message.to):
            uow.messages.save(replace(message, state=MessageState.FAILED, failure="opted_out"))
            uow.commit()
            return
        uow.messages.save(replace(message, state=MessageState.UNKNOWN))
        uow.commit()
    heard: DeliveryReport | ProviderRefused | ProviderUnavailable
    try:
        heard = sender.send(to=message.to, body=message.body, message_id=message.id)
    except (ProviderRefused, ProviderUnavailable) as failure:
        heard = failure
    with unit_of_work() as uow:
        after = _after(uow.messages.get(message_id, lock=True), heard, now=clock.now())
        uow.messages.save(after)
        uow.commit()
    if after.waits:
        raise ProviderUnavailable("the message provider asks us to slow down")


def _after(
    message: Message, heard: DeliveryReport | ProviderRefused | ProviderUnavailable, *, now: datetime
) -> Message:
    if isinstance(heard, DeliveryReport):
        return message.report(heard, now=now)
    if message.provider_id is not None:
        return message  # A delivery report was faster than the provider's own answer: the message did leave.
    if isinstance(heard, ProviderUnavailable):
        return replace(message, failure=str(heard))
    state = MessageState.QUEUED if heard.code == CERTAINLY_NOT_SENT else MessageState.FAILED
    return replace(message, state=state, failure=heard.code)


def receive_delivery_report(
    *,
    url: str,
    form: dict[str, str],
    signature: str,
    callbacks: SmsCallbacks,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
) -> bool:
    """What became of a message. False when it changed nothing. Raises SignatureInvalid."""
    report = callbacks.read_report(url=url, form=form, signature=signature)
    with unit_of_work() as uow:
        message = _reported(report, uow)
        if message is None or (after := message.report(report, now=clock.now())) == message:
            return False
        uow.messages.save(after)
        uow.commit()
    return True


def _reported(report: DeliveryReport, uow: UnitOfWork) -> Message | None:
    if report.message_id is None:
        return uow.messages.of_provider(report.provider_id, lock=True)
    try:
        return uow.messages.get(report.message_id, lock=True)
    except NotFound:
        return None


def receive_inbound_message(
    *,
    url: str,
    form: dict[str, str],
    signature: str,
    callbacks: SmsCallbacks,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> bool:
    """Somebody wrote back; STOP and its like are obeyed at once. False when nothing followed.

    Raises SignatureInvalid.
    """
    inbound = callbacks.read_inbound(url=url, form=form, signature=signature)
    if not (inbound.opt_out or inbound.opt_in):
        return False
    now = clock.now()
    with unit_of_work() as uow:
        if inbound.opt_out:
            uow.messages.opt_out(inbound.sender, at=now)
        else:
            uow.messages.opt_in(inbound.sender)
        action = "phone.opted_out" if inbound.opt_out else "phone.opted_in"
        uow.audit.add(trail.entry(BUYER, action, kind="phone", subject=inbound.sender, ids=ids, now=now))
        uow.commit()
    return True
