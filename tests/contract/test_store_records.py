"""What every store promises about messages, webhooks, audit, staff and kept answers: on memory and Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.accounts import Role, StaffId, StaffMember
from domain.audit import AuditEntry
from domain.errors import InvariantBroken, NotFound, Rejection, RejectionCode
from domain.ports.messages import DeliveryReport, Message, MessageId, MessageState
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.provider_books import EntryKind, EntryState, ProviderEntry
from tests.contract.stores import NOW, STORES, Wish, bought, opened, order_of, store_of
from tests.fakes.sales import general_sale, usd


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


def message(**changes: object) -> Message:
    made = Message(
        id=MessageId(uuid4()),
        order_id=None,
        to="+351210000000",
        body="Your tickets: …",
        state=MessageState.QUEUED,
        created_at=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def entry(name: str) -> ProviderEntry:
    return ProviderEntry(
        id=name,
        kind=EntryKind.CHARGE,
        state=EntryState.CAPTURED,
        intent_id=f"pi_{name}",
        order_id=None,
        order_number=None,
        amount=usd(4_950),
        withdrawn=usd(0),
        fee=usd(0),
        created_at=NOW,
    )


def test_a_message_comes_back_as_it_was_stored(store: UnitOfWorkFactory) -> None:
    """By id and by the provider's name for it, before and after it was sent."""
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="general", quantity=1)))
    queued = message(order_id=order.id)
    failed = replace(queued, state=MessageState.FAILED, provider_id="SM1", failure="landline")
    with store() as uow:
        uow.messages.add(queued)
        assert uow.messages.get(queued.id, lock=True) == queued
        uow.messages.save(failed)
        uow.commit()

    with store() as uow:
        assert uow.messages.get(queued.id) == failed
        assert uow.messages.of_provider("SM1") == failed
        assert uow.messages.of_provider("SM1", lock=True) == failed
        assert uow.messages.of_provider("SM2") is None
        with pytest.raises(NotFound):
            uow.messages.get(MessageId(uuid4()))
        with pytest.raises(NotFound):
            uow.messages.save(message())


def test_a_delivered_message_stays_delivered(store: UnitOfWorkFactory) -> None:
    """Reports come in any order; the best news is the last."""
    delivered = message(state=MessageState.DELIVERED)

    with store() as uow:
        uow.messages.add(delivered)
        with pytest.raises(InvariantBroken):
            uow.messages.save(replace(delivered, state=MessageState.SENT))


def test_a_delivered_message_keeps_when_it_arrived(store: UnitOfWorkFactory) -> None:
    """The first report names the moment; nothing rewrites it."""
    queued = message()
    arrived = queued.report(DeliveryReport(provider_id="SM1", state=MessageState.DELIVERED, failure=None), now=NOW)
    with store() as uow:
        uow.messages.add(queued)
        uow.messages.save(arrived)
        uow.commit()

    with store() as uow:
        assert uow.messages.get(queued.id) == arrived
        assert arrived.delivered_at == NOW
        with pytest.raises(InvariantBroken):
            uow.messages.save(replace(arrived, delivered_at=NOW + timedelta(days=1)))


def test_opting_out_holds_until_opting_in(store: UnitOfWorkFactory) -> None:
    """Both may be said twice."""
    phone = "+351210000000"
    with store() as uow:
        assert not uow.messages.opted_out(phone)
        uow.messages.opt_out(phone, at=NOW)
        uow.messages.opt_out(phone, at=NOW)
        assert uow.messages.opted_out(phone)
        uow.messages.opt_in(phone)
        uow.messages.opt_in(phone)
        assert not uow.messages.opted_out(phone)


def test_a_webhook_is_new_once(store: UnitOfWorkFactory) -> None:
    """For each provider on its own: delivery is at least once."""
    with store() as uow:
        assert uow.notices.first_time(provider="stripe", notice_id="evt_1", type_="charge.captured", at=NOW)
        uow.commit()

    with store() as uow:
        assert not uow.notices.first_time(provider="stripe", notice_id="evt_1", type_="charge.captured", at=NOW)
        assert uow.notices.first_time(provider="twilio", notice_id="evt_1", type_="status", at=NOW)


def test_what_the_provider_said_is_forgotten_when_nobody_reads_it_again(store: UnitOfWorkFactory) -> None:
    """The longest unread first, so many at a time; what was read again is as young as that."""
    day = timedelta(days=1)
    with store() as uow:
        uow.readings.keep(tuple(entry(f"ch_{number}") for number in range(4)), at=NOW)
        uow.readings.keep((entry("ch_4"),), at=NOW + day)
        uow.readings.keep((entry("ch_0"),), at=NOW + 2 * day)
        uow.commit()

    with store() as uow:
        pruned = [uow.readings.prune(before=NOW + day, at_most=2) for _ in range(3)]
        uow.commit()
    assert pruned == [2, 1, 0]
    with store() as uow:
        assert uow.readings.prune(before=NOW + 2 * day, at_most=10) == 1
        assert uow.readings.prune(before=NOW + 3 * day, at_most=10) == 1
        uow.commit()


def test_an_audit_entry_is_written_once(store: UnitOfWorkFactory) -> None:
    """The trail is appended to, never rewritten."""
    entry = AuditEntry(
        id=uuid4(), at=NOW, actor="system", action="order.placed", subject_kind="order", subject_id="1",
        details={"units": 2},
    )  # fmt: skip
    with store() as uow:
        uow.audit.add(entry)
        with pytest.raises(InvariantBroken):
            uow.audit.add(replace(entry, actor="somebody else"))


def test_staff_are_found_by_address_in_any_case(store: UnitOfWorkFactory) -> None:
    """An e-mail address is one person, however it is typed."""
    member = StaffMember(
        id=StaffId(uuid4()),
        email="Grace@example.org",
        name="Grace",
        role=Role.SUPPORT,
        password_hash="hash",
        created_at=NOW,
    )
    with store() as uow:
        uow.staff.add(member)
        uow.commit()

    with store() as uow:
        assert uow.staff.get(member.id) == member
        assert uow.staff.find(email="grace@EXAMPLE.org") == member
        assert uow.staff.find(email="hopper@example.org") is None
        with pytest.raises(NotFound):
            uow.staff.get(StaffId(uuid4()))
        with pytest.raises(InvariantBroken):
            uow.staff.add(replace(member, id=StaffId(uuid4()), email="GRACE@example.org"))


def test_a_repeated_request_gets_the_first_answer(store: UnitOfWorkFactory) -> None:
    """The same key and request: in flight, it is told so; answered, it gets the answer."""
    with store() as uow:
        assert uow.idempotency.begin(scope="holds", key="k", request_digest="a", now=NOW) is None
        uow.commit()
    with store() as uow:
        again = uow.idempotency.begin(scope="holds", key="k", request_digest="a", now=NOW)
        assert isinstance(again, Rejection)
        assert again.code is RejectionCode.CHECKOUT_IN_PROGRESS
        uow.idempotency.finish(scope="holds", key="k", answer={"status": 201, "body": {"id": "1"}})
        uow.commit()

    with store() as uow:
        answer = uow.idempotency.begin(scope="holds", key="k", request_digest="a", now=NOW + timedelta(hours=23))
        assert answer == {"status": 201, "body": {"id": "1"}}


def test_a_key_is_for_one_request(store: UnitOfWorkFactory) -> None:
    """Another request under the same key is a mistake; the same key in another scope is another key."""
    with store() as uow:
        uow.idempotency.begin(scope="holds", key="k", request_digest="a", now=NOW)

        other = uow.idempotency.begin(scope="holds", key="k", request_digest="b", now=NOW)

        assert isinstance(other, Rejection)
        assert other.code is RejectionCode.IDEMPOTENCY_MISMATCH
        assert uow.idempotency.begin(scope="refunds", key="k", request_digest="b", now=NOW) is None


def test_answers_are_kept_for_a_day(store: UnitOfWorkFactory) -> None:
    """After 24 hours a key is free for another request."""
    with store() as uow:
        uow.idempotency.begin(scope="holds", key="k", request_digest="a", now=NOW)
        uow.idempotency.finish(scope="holds", key="k", answer={"status": 201})

        later = NOW + timedelta(hours=24)
        assert uow.idempotency.begin(scope="holds", key="k", request_digest="b", now=later) is None


def test_a_first_request_that_died_is_replaced(store: UnitOfWorkFactory) -> None:
    """A process killed between begin and finish does not lock its buyer out for a day."""
    with store() as uow:
        uow.idempotency.begin(scope="holds", key="k", request_digest="a", now=NOW)

        later = NOW + timedelta(seconds=60)
        assert uow.idempotency.begin(scope="holds", key="k", request_digest="a", now=later) is None
        assert isinstance(uow.idempotency.begin(scope="holds", key="k", request_digest="b", now=later), Rejection)


def test_an_answer_needs_its_key(store: UnitOfWorkFactory) -> None:
    """Finishing what was never begun is a mistake of ours."""
    with store() as uow, pytest.raises(InvariantBroken):
        uow.idempotency.finish(scope="holds", key="never", answer={})


def test_a_key_whose_request_failed_is_free_at_once(store: UnitOfWorkFactory) -> None:
    """Whoever asks again is served; an answer that was given is not forgotten by mistake."""
    with store() as uow:
        uow.idempotency.begin(scope="holds", key="k", request_digest="a", now=NOW)
        uow.idempotency.forget(scope="holds", key="k")
        assert uow.idempotency.begin(scope="holds", key="k", request_digest="b", now=NOW) is None

        uow.idempotency.finish(scope="holds", key="k", answer={"status": 201})
        uow.idempotency.forget(scope="holds", key="k")
        assert uow.idempotency.begin(scope="holds", key="k", request_digest="b", now=NOW) == {"status": 201}


def test_old_keys_are_pruned_some_at_a_time(store: UnitOfWorkFactory) -> None:
    """Those of a day ago go, younger ones stay."""
    with store() as uow:
        for hours in (30, 25, 24, 23):
            uow.idempotency.begin(scope="holds", key=f"k{hours}", request_digest="a", now=NOW - timedelta(hours=hours))

        assert [uow.idempotency.prune(now=NOW, at_most=2) for _ in range(3)] == [2, 1, 0]
