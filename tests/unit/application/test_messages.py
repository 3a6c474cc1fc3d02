"""Text messages: one at most, whatever gets lost, and what the carrier says of it is never lost on us."""

from dataclasses import dataclass, field

import pytest

from application.commands.send_sms import receive_delivery_report, send_sms
from domain.errors import ProviderRefused, ProviderUnavailable
from domain.ports.messages import DeliveryReport, Message, MessageId, MessageState
from domain.ports.unit_of_work import UnitOfWorkFactory
from tests.fakes.messages import FakeSms
from tests.fakes.unit_of_work import FakeStore
from tests.fakes.world import FakeClock, FakeIds

PHONE = "+447700900123"
URL = "https://shop.invalid/webhooks/twilio/status"


@dataclass
class Desk:
    """Something that sends one message, and hears of it."""

    uow: UnitOfWorkFactory = field(default_factory=FakeStore)
    sms: FakeSms = field(default_factory=FakeSms)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        with self.uow() as uow:
            message = Message(
                id=MessageId(FakeIds().uuid()), order_id=None, to=PHONE, body="Your tickets", state=MessageState.QUEUED,
                created_at=self.clock.now(),
            )  # fmt: skip
            uow.messages.add(message)
            uow.commit()
        self._id = message.id

    @property
    def message(self) -> Message:
        with self.uow() as uow:
            return uow.messages.get(self._id)

    def send(self) -> None:
        send_sms(self._id, unit_of_work=self.uow, sender=self.sms, clock=self.clock)

    def hear(self, state: MessageState, *, failure: str | None = None) -> bool:
        """The carrier's report on the only message that left."""
        (sent,) = self.sms.sent
        form, signature = self.sms.report(sent.provider_id, state, url=URL, failure=failure)
        return receive_delivery_report(
            url=URL, form=form, signature=signature, callbacks=self.sms, unit_of_work=self.uow, clock=self.clock
        )


class HastyCarrier(FakeSms):
    """Delivers, and says so, before it answers; ``silent``: and then it does not answer."""

    desk: Desk
    silent = False

    def send(self, *, to: str, body: str, message_id: MessageId) -> DeliveryReport:
        answer = super().send(to=to, body=body, message_id=message_id)
        assert self.desk.hear(MessageState.DELIVERED)
        if self.silent:
            raise ProviderUnavailable("no answer")
        return answer


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_message_that_the_provider_has_in_its_queue_is_not_sent_again(desk: Desk) -> None:
    """The worker died after it had noted what the provider answered, and the outbox has another go."""
    desk.send()
    assert desk.message.state is MessageState.QUEUED
    desk.send()

    assert len(desk.sms.sent) == 1


@pytest.mark.parametrize("state", [MessageState.QUEUED, MessageState.SENT, MessageState.DELIVERED, MessageState.FAILED])
def test_a_report_tells_what_became_of_a_message_whose_answer_was_lost(desk: Desk, state: MessageState) -> None:
    """Nobody knew whether it had left. Now it has a name and a state, and it still never leaves twice."""
    desk.sms.lose_next_reply()
    desk.send()
    assert desk.message.state is MessageState.UNKNOWN

    assert desk.hear(state)
    desk.send()

    assert (desk.message.state, desk.message.provider_id) == (state, desk.sms.sent[0].provider_id)
    assert len(desk.sms.sent) == 1


@pytest.mark.parametrize("silent", [False, True])
def test_a_report_may_be_faster_than_the_answer(silent: bool) -> None:
    """It is delivered, and whatever comes after that takes nothing back: "queued", or no answer at all."""
    hasty = HastyCarrier()
    hasty.silent = silent
    desk = hasty.desk = Desk(sms=hasty)
    heard_at = desk.clock.now()

    desk.send()

    assert (desk.message.state, desk.message.delivered_at) == (MessageState.DELIVERED, heard_at)
    assert desk.message.provider_id == hasty.sent[0].provider_id


def test_late_and_repeated_reports_change_nothing(desk: Desk) -> None:
    """Twilio's reports come in any order."""
    desk.send()
    assert desk.hear(MessageState.DELIVERED)
    for state in (MessageState.QUEUED, MessageState.SENT, MessageState.FAILED, MessageState.DELIVERED):
        assert not desk.hear(state)

    assert desk.message.state is MessageState.DELIVERED


def test_a_message_that_was_turned_away_unread_leaves_later(desk: Desk) -> None:
    """Only that: the outbox is told to come again, and then it leaves once."""
    desk.sms.fail_next(ProviderRefused("rate_limited", "slow down"))
    with pytest.raises(ProviderUnavailable):
        desk.send()
    assert desk.message.waits
    desk.send()

    assert len(desk.sms.sent) == 1
    assert desk.message.failure is None


def test_who_does_not_want_messages_gets_none(desk: Desk) -> None:
    """STOP was said after it had been queued."""
    with desk.uow() as uow:
        uow.messages.opt_out(PHONE, at=desk.clock.now())
        uow.commit()
    desk.send()

    assert (desk.message.state, desk.message.failure) == (MessageState.FAILED, "opted_out")
    assert not desk.sms.sent
