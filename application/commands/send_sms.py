"""Short messages: sent once, and followed by what the provider reports."""

from dataclasses import replace

from application import trail
from domain.audit import BUYER
from domain.errors import ProviderRefused, ProviderUnavailable
from domain.ports.messages import MessageId, MessageState, SmsCallbacks, SmsSender
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids

CERTAINLY_NOT_SENT = "rate_limited"


def send_sms(message_id: MessageId, *, unit_of_work: UnitOfWorkFactory, sender: SmsSender) -> None:
    """Hand a queued message to the provider, at most once.

    The provider knows no idempotency keys, so the message is marked as of unknown fate *before* the call: a
    crash or a lost reply leaves it there, and it is never sent a second time blindly. Raises
    ProviderUnavailable only when the provider certainly did not take it.
    """
    with unit_of_work() as uow:
        message = uow.messages.get(message_id, lock=True)
        if message.state is not MessageState.QUEUED:
            return
        if uow.messages.opted_out(message.to):
            uow.messages.save(replace(message, state=MessageState.FAILED, failure="opted_out"))
            uow.commit()
            return
        uow.messages.save(replace(message, state=MessageState.UNKNOWN))
        uow.commit()
    again = False
    try:
        report = sender.send(to=message.to, body=message.body, message_id=message.id)
        after = replace(message, state=report.state, provider_id=report.provider_id, failure=report.failure)
    except ProviderRefused as refused:
        again = refused.code == CERTAINLY_NOT_SENT
        state = MessageState.QUEUED if again else MessageState.FAILED
        after = replace(message, state=state, failure=refused.code)
    except ProviderUnavailable as unavailable:
        after = replace(message, state=MessageState.UNKNOWN, failure=str(unavailable))
    with unit_of_work() as uow:
        uow.messages.save(after)
        uow.commit()
    if again:
        raise ProviderUnavailable("the message provider asks us to slow down")


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
        message = uow.messages.of_provider(report.provider_id, lock=True)
        if message is None or (after := message.report(report, now=clock.now())) == message:
            return False
        uow.messages.save(after)
        uow.commit()
    return True


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
