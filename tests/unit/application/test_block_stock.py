"""House seats, told as stories: kept back, refused by name, given back, and known to the inventory at once."""

from typing import Any
from uuid import uuid4

import pytest

from application.commands.block_stock import BlockStock, ReleaseBlock, block_stock, release_block
from domain.errors import InventoryUnavailable, NotFound, Rejection, RejectionCode
from domain.events import EventState
from domain.holds import ActiveHold
from domain.stock_blocks import LABEL_LENGTH_MAX, REASON_LENGTH_MAX, BlockedStock, StockBlock, StockBlockId
from tests.fakes.inventory import FakeInventory
from tests.fakes.sales import chosen, general, mixed_sale
from tests.unit.application.house import House

ADA = "ada@house.example"


class Desk:
    """A house of a floor of 12, stalls (seats 0-9) and a balcony (10-15), and whoever keeps places of it back."""

    def __init__(self) -> None:
        self.house = house = House(sale=mixed_sale())
        house.rebuild(house.event_id, above=0)
        self._ports: dict[str, Any] = {
            "catalogue": house.catalogue, "inventory": house.inventory, "unit_of_work": house.uow,
            "clock": house.clock, "ids": house.ids,
        }  # fmt: skip

    def block(
        self, stock: BlockedStock, *, label: str = "House seats", reason: str = "", block_id: StockBlockId | None = None
    ) -> StockBlock | Rejection:
        return block_stock(
            BlockStock(
                block_id=block_id or StockBlockId(uuid4()), event_id=self.house.event_id, label=label, reason=reason,
                stock=stock, actor=ADA,
            ),
            **self._ports,
        )  # fmt: skip

    def release(self, block: StockBlock, part: BlockedStock | None = None) -> BlockedStock | Rejection:
        return release_block(ReleaseBlock(block_id=block.id, part=part, actor=ADA), **self._ports)

    def blocked(self, stock: BlockedStock) -> StockBlock:
        made = self.block(stock)
        assert isinstance(made, StockBlock), made
        return made

    def shown(self) -> tuple[str, int]:
        """What the shop's page shows: the seats, and how much of the floor is free."""
        snapshot = self.house.inventory.snapshot(event_id=self.house.event_id)
        assert snapshot is not None
        return snapshot.seats, snapshot.free["z:floor"]

    def kept(self) -> list[BlockedStock]:
        with self.house.uow() as uow:
            kept = [block.stock for block in uow.stock.blocks(self.house.event_id)]
        return sorted(kept, key=lambda stock: (stock.quantity, stock.seats))

    def trail(self) -> list[tuple[str, str, dict[str, object]]]:
        return [(entry.actor, entry.action, dict(entry.details)) for entry in self.house.store.state.audit.values()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def seats(*indexes: int) -> BlockedStock:
    return BlockedStock(seats=indexes)


def places(quantity: int, zone: str = "floor") -> BlockedStock:
    return BlockedStock(zone=zone, quantity=quantity)


def refusal(answer: object) -> Rejection:
    assert isinstance(answer, Rejection), answer
    return answer


def test_blocked_stock_leaves_the_shop_at_once(desk: Desk) -> None:
    """The page shows it as not for sale, and nobody can hold it."""
    desk.blocked(seats(2, 3))
    desk.blocked(places(10))

    assert desk.shown() == ("ffbb" + "f" * 12, 2)
    held = refusal(desk.house.hold(chosen(desk.house.sale, 2)))
    assert (held.code, held.details["seats"]) == (RejectionCode.SEATS_TAKEN, [2])
    assert refusal(desk.house.hold(general(desk.house.sale, 3))).code is RejectionCode.SOLD_OUT


def test_the_trail_says_who_kept_what_and_why(desk: Desk) -> None:
    """One entry for each block and each release, with its label."""
    made = desk.block(seats(2, 3), label="  Press ", reason="Two critics.")
    assert isinstance(made, StockBlock)
    desk.release(made, seats(3))

    assert (made.label, made.actor, made.at) == ("Press", ADA, desk.house.clock.now())
    assert desk.trail() == [
        (
            ADA,
            "stock.blocked",
            {"block": str(made.id), "label": "Press", "reason": "Two critics.", "seats": [2, 3]},
        ),
        (ADA, "stock.unblocked", {"block": str(made.id), "label": "Press", "seats": [3]}),
    ]


def test_a_sold_seat_is_refused_by_name(desk: Desk) -> None:
    """So is one that another block keeps; and nothing is blocked beside them."""
    desk.house.buy(chosen(desk.house.sale, 1))
    desk.blocked(seats(2))

    answer = refusal(desk.block(seats(0, 1, 2)))

    assert (answer.code, answer.details["seats"]) == (RejectionCode.SEATS_TAKEN, [1, 2])
    assert "Stalls, Row 1, seat 2; Stalls, Row 1, seat 3" in answer.message
    assert desk.kept() == [seats(2)]


def test_a_seat_in_a_basket_is_not_taken_out_of_it(desk: Desk) -> None:
    """Whoever asks is told which seats and how long at most; the buyer's hold and all books are as they were."""
    hold = desk.house.hold(chosen(desk.house.sale, 4, 5))
    assert isinstance(hold, ActiveHold)

    answer = refusal(desk.block(seats(3, 4, 5)))

    assert (answer.code, answer.details["seats"]) == (RejectionCode.SEATS_TAKEN, [4, 5])
    assert answer.details["retry_after_seconds"] == desk.house.sale.terms.hold_seconds
    assert "basket" in answer.message
    assert desk.house.inventory.find(hold_id=hold.id) is not None
    assert (desk.kept(), desk.trail()) == ([], [])


def test_no_more_places_than_are_free_and_in_no_basket(desk: Desk) -> None:
    """The refusal says how many are free."""
    desk.house.buy(general(desk.house.sale, 2))
    assert isinstance(desk.house.hold(general(desk.house.sale, 3)), ActiveHold)

    beyond_sold, beyond_held = refusal(desk.block(places(11))), refusal(desk.block(places(8)))

    assert (beyond_sold.code, beyond_sold.details) == (RejectionCode.SOLD_OUT, {"free": 10, "wanted": 11})
    assert (beyond_held.code, beyond_held.details) == (RejectionCode.SOLD_OUT, {"free": 7, "wanted": 8})
    assert isinstance(desk.block(places(7)), StockBlock)


@pytest.mark.parametrize(
    ("stock", "code"),
    [
        (seats(3, 99), RejectionCode.UNKNOWN_SEAT),
        (seats(-1), RejectionCode.UNKNOWN_SEAT),
        (seats(3, 3), RejectionCode.INVALID_REQUEST),
        (seats(), RejectionCode.INVALID_REQUEST),
        (BlockedStock(seats=(3,), zone="floor", quantity=1), RejectionCode.INVALID_REQUEST),
        (places(3, "attic"), RejectionCode.INVALID_REQUEST),
        (places(3, "stalls"), RejectionCode.INVALID_REQUEST),
        (places(0), RejectionCode.INVALID_REQUEST),
    ],
)
def test_only_stock_of_the_house_is_kept_back(desk: Desk, stock: BlockedStock, code: RejectionCode) -> None:
    """Unknown seats and zones, and numbers of numbered seats, are refused in words."""
    assert refusal(desk.block(stock)).code is code
    assert desk.kept() == []


@pytest.mark.parametrize(
    ("label", "reason"),
    [("", ""), ("   ", ""), ("x" * (LABEL_LENGTH_MAX + 1), ""), ("x", "y" * (REASON_LENGTH_MAX + 1))],
)
def test_a_block_has_a_label_that_fits(desk: Desk, label: str, reason: str) -> None:
    """Somebody will read it in a list."""
    assert refusal(desk.block(seats(1), label=label, reason=reason)).code is RejectionCode.INVALID_REQUEST


def test_nothing_of_a_cancelled_event_is_kept_back(desk: Desk) -> None:
    """There is nothing left to keep it from."""
    with desk.house.uow() as uow:
        uow.events.save(uow.events.get(desk.house.event_id).cancel())
        uow.commit()

    assert refusal(desk.block(seats(1))).code is RejectionCode.EVENT_CANCELLED
    with desk.house.uow() as uow:
        assert uow.events.get(desk.house.event_id).state is EventState.CANCELLED


def test_a_block_is_made_once(desk: Desk) -> None:
    """The same call again answers the same block; the same id for something else is a mistake."""
    made = desk.blocked(seats(2))

    assert desk.block(seats(2), block_id=made.id) == made
    assert refusal(desk.block(seats(3), block_id=made.id)).code is RejectionCode.IDEMPOTENCY_MISMATCH
    assert desk.kept() == [seats(2)]


def test_after_a_lost_inventory_the_same_call_tells_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block stands in Postgres; whoever calls again finishes what was begun."""
    block_id = StockBlockId(uuid4())

    def lost(*_: object, **__: object) -> bool:
        raise InventoryUnavailable("no answer")

    with monkeypatch.context() as broken:
        broken.setattr(FakeInventory, "load", lost)
        with pytest.raises(InventoryUnavailable):
            desk.block(seats(2), block_id=block_id)
    assert isinstance(desk.block(seats(2), block_id=block_id), StockBlock)

    assert desk.shown()[0] == "ffb" + "f" * 13


def test_part_of_a_block_goes_back_on_sale(desk: Desk) -> None:
    """Some seats, or some places; the rest stays kept."""
    of_seats, of_places = desk.blocked(seats(2, 3, 12)), desk.blocked(places(10))

    assert desk.release(of_seats, seats(12, 2)) == seats(2, 12)
    assert desk.release(of_places, BlockedStock(quantity=4)) == places(4)

    assert desk.shown() == ("fffb" + "f" * 12, 6)
    assert desk.kept() == [seats(3), places(6)]


def test_a_whole_block_goes_back_on_sale(desk: Desk) -> None:
    """And then it keeps nothing, so that it cannot be given back again."""
    block = desk.blocked(seats(2, 3))

    assert desk.release(block) == seats(2, 3)

    assert desk.shown() == ("f" * 16, 12)
    with pytest.raises(NotFound):
        desk.release(block)


def test_only_what_a_block_keeps_is_given_back(desk: Desk) -> None:
    """Seats and places that it does not keep are refused, and then nothing is given back."""
    of_seats, of_places = desk.blocked(seats(2, 3)), desk.blocked(places(5))

    stranger = refusal(desk.release(of_seats, seats(3, 4)))

    assert (stranger.code, stranger.details["seats"]) == (RejectionCode.UNKNOWN_SEAT, [4])
    for block, part in (
        (of_places, places(6)),
        (of_places, places(2, "stalls")),
        (of_seats, seats()),
        (of_seats, places(1)),
    ):
        assert refusal(desk.release(block, part)).code is RejectionCode.INVALID_REQUEST
    assert desk.kept() == [seats(2, 3), places(5)]
