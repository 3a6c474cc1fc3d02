"""Messages, webhooks seen, audit, staff and kept answers in memory."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from domain.accounts import StaffId, StaffMember
from domain.audit import AuditEntry
from domain.errors import InvariantBroken, NotFound, Rejection, RejectionCode
from domain.orders import OrderId
from domain.ports.messages import Message, MessageId, MessageState
from tests.fakes.store_state import AnswerRow, State, holds, unique

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(seconds=60)


class FakeMessages:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, message: Message) -> None:
        unique(message.id not in self._state.messages, f"message {message.id}")
        self._state.messages[message.id] = message

    def get(self, message_id: MessageId, *, lock: bool = False) -> Message:
        if message_id not in self._state.messages:
            raise NotFound("message")
        return self._state.messages[message_id]

    def of_provider(self, provider_id: str, *, lock: bool = False) -> Message | None:
        return next((m for m in self._state.messages.values() if m.provider_id == provider_id), None)

    def of_order(self, order_id: OrderId) -> tuple[Message, ...]:
        own = [message for message in self._state.messages.values() if message.order_id == order_id]
        return tuple(sorted(own, key=lambda message: (message.created_at, message.id)))

    def save(self, message: Message) -> None:
        before = self.get(message.id)
        delivered = before.state is MessageState.DELIVERED
        holds(not delivered or message.state is MessageState.DELIVERED, "a delivered message stays so")
        holds(before.delivered_at in {None, message.delivered_at}, "a delivered message keeps when it arrived")
        named = self.of_provider(message.provider_id) if message.provider_id else None
        unique(named is None or named.id == message.id, "a message at the provider")
        self._state.messages[message.id] = message

    def opted_out(self, phone: str) -> bool:
        return phone in self._state.opted_out

    def opt_out(self, phone: str, *, at: datetime) -> None:
        self._state.opted_out.setdefault(phone, at)

    def opt_in(self, phone: str) -> None:
        self._state.opted_out.pop(phone, None)


class FakeNotices:
    def __init__(self, state: State) -> None:
        self._state = state

    def first_time(self, *, provider: str, notice_id: str, type_: str, at: datetime) -> bool:
        known = (provider, notice_id) in self._state.notices
        self._state.notices.setdefault((provider, notice_id), at)
        return not known

    def prune(self, *, before: datetime, at_most: int) -> int:
        old = [key for key, at in self._state.notices.items() if at < before][:at_most]
        for key in old:
            del self._state.notices[key]
        return len(old)

    def read_until(self, *, provider: str) -> datetime | None:
        return self._state.logs_read.get(provider)

    def have_read(self, *, provider: str, until: datetime) -> None:
        self._state.logs_read[provider] = max(until, self._state.logs_read.get(provider, until))


class FakeAudit:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, entry: AuditEntry) -> None:
        unique(entry.id not in self._state.audit, f"audit entry {entry.id}")
        self._state.audit[entry.id] = entry


class FakeStaff:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, member: StaffMember) -> None:
        unique(member.id not in self._state.staff and self.find(email=member.email) is None, f"staff {member.email}")
        self._state.staff[member.id] = member

    def get(self, staff_id: StaffId) -> StaffMember:
        if staff_id not in self._state.staff:
            raise NotFound("staff member")
        return self._state.staff[staff_id]

    def find(self, *, email: str) -> StaffMember | None:
        return next((m for m in self._state.staff.values() if m.email.lower() == email.lower()), None)


class FakeIdempotencyKeys:
    def __init__(self, state: State) -> None:
        self._state = state

    def begin(
        self, *, scope: str, key: str, request_digest: str, now: datetime
    ) -> Mapping[str, object] | Rejection | None:
        row = self._state.answers.get((scope, key))
        if row is None or row.begun_at + KEPT <= now:
            self._state.answers[scope, key] = AnswerRow(request_digest=request_digest, begun_at=now)
            return None
        if row.request_digest != request_digest:
            return Rejection(
                code=RejectionCode.IDEMPOTENCY_MISMATCH, message="This key was already used for a different request."
            )
        if row.answer is not None:
            return row.answer
        if row.begun_at + UNDER_WAY <= now:
            self._state.answers[scope, key] = AnswerRow(request_digest=request_digest, begun_at=now)
            return None
        return Rejection(
            code=RejectionCode.CHECKOUT_IN_PROGRESS, message="The first request with this key is still under way."
        )

    def forget(self, *, scope: str, key: str) -> None:
        row = self._state.answers.get((scope, key))
        if row is not None and row.answer is None:
            del self._state.answers[scope, key]

    def prune(self, *, now: datetime, at_most: int) -> int:
        old = [name for name, row in self._state.answers.items() if row.begun_at + KEPT <= now][:at_most]
        for name in old:
            del self._state.answers[name]
        return len(old)

    def finish(self, *, scope: str, key: str, answer: Mapping[str, object]) -> None:
        row = self._state.answers.get((scope, key))
        if row is None:
            raise InvariantBroken("an answer belongs to a key that was begun")
        self._state.answers[scope, key] = AnswerRow(
            request_digest=row.request_digest, begun_at=row.begun_at, answer=dict(answer)
        )
