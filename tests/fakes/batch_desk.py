"""The BatchDesk port, by looking at everything in the in-memory store."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from domain.errors import NotFound
from domain.money import Money, zero
from domain.ports.batch_desk import (
    EXPLAINED,
    ROWS_PER_PAGE,
    BatchesPage,
    BatchFile,
    BatchRow,
    BatchRowsPage,
    BatchSummary,
    Progress,
    Tally,
    TierTally,
    WhyTally,
)
from domain.ports.outbox import Effect
from domain.refund_batches import BatchId, BatchOrder, Outcome, RefundBatch, outcome
from domain.refunds import Refund, RefundState
from tests.fakes.backoffice import cursor_of, page_of
from tests.fakes.store_state import State
from tests.fakes.unit_of_work import FakeStore


class FakeBatchDesk:
    """Implements BatchDesk over what a FakeStore has committed."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    @property
    def _state(self) -> State:
        return self._store.state

    def batches(self, *, cursor: str | None, since: datetime) -> BatchesPage:
        found = [
            BatchSummary(
                batch=batch, progress=self._progress(batch, since), cursor=cursor_of(batch.requested_at, batch.id)
            )
            for batch in self._state.batches.values()
        ]
        items, after = page_of(
            found, lambda one: (one.batch.requested_at, one.batch.id), cursor, newest_first=True
        )  # fmt: skip
        return BatchesPage(items=items, next_cursor=after)

    def batch(self, batch_id: BatchId, *, since: datetime) -> BatchFile:
        batch = self._state.batches.get(batch_id)
        if batch is None:
            raise NotFound("batch")
        told = Counter(
            (one.outcome, one.why)
            for one in self.all_rows(batch_id)
            if one.outcome in EXPLAINED and one.why is not None
        )
        whys = [WhyTally(outcome=kind, why=str(why), orders=orders) for (kind, why), orders in told.items()]
        return BatchFile(
            batch=batch,
            progress=self._progress(batch, since),
            tiers=self._tiers(batch_id),
            whys=tuple(sorted(whys, key=lambda one: (-one.orders, one.why))),
        )

    def rows(self, batch_id: BatchId, *, outcome: Outcome | None, from_position: int) -> BatchRowsPage:
        found = [
            row
            for row in self.all_rows(batch_id)
            if row.position >= from_position and outcome in {None, row.outcome}
        ]  # fmt: skip
        after = found[ROWS_PER_PAGE].position if len(found) > ROWS_PER_PAGE else None
        return BatchRowsPage(items=tuple(found[:ROWS_PER_PAGE]), next_position=after)

    def all_rows(self, batch_id: BatchId) -> Iterator[BatchRow]:
        for position, row in enumerate(self._rows(batch_id), start=1):
            yield self._row(row, position)

    def _rows(self, batch_id: BatchId) -> list[BatchOrder]:
        return [row for (batch, _), row in self._state.batch_orders.items() if batch == batch_id]

    def _row(self, row: BatchOrder, position: int) -> BatchRow:
        order = self._state.orders[row.order_id]
        refund = self._state.refunds[row.refund_id] if row.refund_id else None
        stands = self._stands(row)
        failure = refund.failure if refund and row.state.value == "requested" else None
        return BatchRow(
            order_id=order.id,
            number=order.number,
            buyer_name=order.buyer.name,
            buyer_email=order.buyer.email,
            event_name=self._state.events[order.event_id].name,
            expected=row.expected,
            refunded=refund.amount if refund else None,
            refund_id=row.refund_id,
            outcome=stands,
            why=row.why or failure,
            attempts=row.attempts,
            at=refund.completed_at if refund else None,
            position=position,
        )

    def _stands(self, row: BatchOrder) -> Outcome:
        refund = self._state.refunds[row.refund_id].state if row.refund_id else None
        return outcome(row, refund)

    def _progress(self, batch: RefundBatch, since: datetime) -> Progress:
        tallies: dict[Outcome, Tally] = {}
        for row in self._rows(batch.id):
            stands = self._stands(row)
            currency = self._state.orders[row.order_id].total.currency
            before = tallies.get(stands, Tally(orders=0, amounts=()))
            sums = {amount.currency: amount for amount in before.amounts}
            sums[currency] = sums.get(currency, zero(currency)) + (row.expected or zero(currency))
            tallies[stands] = Tally(
                orders=before.orders + 1, amounts=tuple(sums[currency] for currency in sorted(sums))
            )  # fmt: skip
        own = [refund for refund in self._state.refunds.values() if refund.batch_id == batch.id]
        return Progress(
            by_outcome=tallies,
            lately=sum(_succeeded_since(refund, since) for refund in own),
            parked=sum(self._is_parked(refund) for refund in own),
        )

    def _is_parked(self, refund: Refund) -> bool:
        key = f"{Effect.SEND_REFUND.value}:{refund.id}"
        entries = self._state.outbox.values()
        return refund.state is RefundState.REQUESTED and any(e.parked and e.row.key == key for e in entries)

    def _tiers(self, batch_id: BatchId) -> tuple[TierTally, ...]:
        tallies = []
        lines = [line for (batch, _), own in self._state.batch_lines.items() if batch == batch_id for line in own]
        for event in sorted(self._state.events.values(), key=lambda event: (event.starts_at, event.id)):
            for tier in sorted(event.tiers, key=lambda tier: (tier.position, tier.name)):
                of_tier = [line for line in lines if line.tier_id == tier.id]
                if of_tier:
                    tallies.append(
                        TierTally(
                            event_id=event.id,
                            event_name=event.name,
                            tier_name=tier.name,
                            orders=len(of_tier),
                            tickets=sum(line.tickets for line in of_tier),
                            amount=sum((line.amount for line in of_tier), Money(0, event.currency)),
                        )
                    )
        return tuple(tallies)


def _succeeded_since(refund: Refund, since: datetime) -> bool:
    return refund.state is RefundState.SUCCEEDED and refund.completed_at is not None and refund.completed_at >= since
