"""The Backoffice port on Postgres."""

from datetime import datetime

from sqlalchemy import Engine, Uuid, cast, func, or_, select

from adapters.postgres.backoffice import event_figures, health, order_files
from adapters.postgres.backoffice.paging import cursor, cut, paged
from adapters.postgres.reading import picture
from adapters.postgres.rows import records
from adapters.postgres.tables import audit_entries, events, messages, orders, outbox, payments, refunds, staff
from adapters.postgres.transaction import Row
from domain.accounts import StaffMember
from domain.errors import NotFound
from domain.events import EventId
from domain.money import CurrencyCode, Money
from domain.orders import OrderId
from domain.ports.backoffice import (
    Dashboard,
    EffectRow,
    EffectsPage,
    EffectState,
    EventsFilter,
    EventsPage,
    EventStock,
    OrderFile,
    OrdersFilter,
    OrdersPage,
    Pulse,
    ReviewRow,
    TrailFilter,
    TrailPage,
)
from domain.ports.outbox import Effect

_OPEN = outbox.c.done_at.is_(None) & outbox.c.parked_at.is_(None)
_PARKED = outbox.c.parked_at.is_not(None)


class PostgresBackoffice:
    """Implements Backoffice. Raises StoreUnavailable when Postgres cannot answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def pulse(self) -> Pulse:
        with picture(self._engine) as transaction:
            (row,) = transaction.rows(health.pulse())
        return health.pulse_from_row(row)

    def dashboard(self, *, now: datetime, since: datetime) -> Dashboard:
        picked = event_figures.most_urgent(now=now)
        figures = event_figures.figures_of(picked, since=since).order_by(picked.c.place)
        recent = (
            select(orders.c.currency, func.count().label("orders"), func.sum(orders.c.total_minor).label("gross_minor"))
            .where(orders.c.confirmed_at >= since)
            .group_by(orders.c.currency)
            .order_by(orders.c.currency)
        )
        with picture(self._engine) as transaction:
            shown = transaction.rows(figures)
            money = transaction.rows(recent)
            (counted,) = transaction.rows(health.health_of(now=now, since=since))
        return Dashboard(
            events=tuple(map(event_figures.figures_from_row, shown)),
            health=health.health_from_row(counted),
            recent_orders=sum(row["orders"] for row in money),
            recent_gross=tuple(Money(int(row["gross_minor"]), CurrencyCode(row["currency"])) for row in money),
        )

    def events(self, *, wanted: EventsFilter, now: datetime, since: datetime) -> EventsPage:
        matching = event_figures.matching(wanted, now=now)
        picked = paged(
            matching, at=events.c.starts_at, name=events.c.id, after=wanted.cursor, newest_first=wanted.past
        ).subquery("picked")
        order = (picked.c.starts_at, picked.c.id)
        statement = event_figures.figures_of(picked, since=since).order_by(
            *(column.desc() if wanted.past else column for column in order)
        )
        with picture(self._engine) as transaction:
            rows = transaction.rows(statement)
        found = [event_figures.figures_from_row(row) for row in rows]
        items, after = cut(found, [one.cursor for one in found])
        return EventsPage(items=items, next_cursor=after)

    def event(self, event_id: EventId, *, since: datetime) -> EventStock:
        picked = select(events).where(events.c.id == event_id).subquery("picked")
        with picture(self._engine) as transaction:
            figures = transaction.first(event_figures.figures_of(picked, since=since))
            pools = transaction.rows(event_figures.pools_of(event_id))
            sold = transaction.rows(event_figures.sold_by_tier(event_id))
            (repairs,) = transaction.rows(health.repairs_of(event_id, since=since))
        if figures is None:
            raise NotFound("event")
        return EventStock(
            figures=event_figures.figures_from_row(figures),
            pools=tuple(map(event_figures.pool_from_row, pools)),
            sold={row["key"]: row["sold"] for row in sold},
            repairs=health.repairs_from_row(repairs),
        )

    def orders(self, *, wanted: OrdersFilter) -> OrdersPage:
        statement = paged(
            order_files.matching(wanted),
            at=orders.c.placed_at,
            name=orders.c.id,
            after=wanted.cursor,
            newest_first=True,
        )
        with picture(self._engine) as transaction:
            rows = transaction.rows(statement)
        found = [order_files.from_row(row) for row in rows]
        items, after = cut(found, [one.cursor for one in found])
        return OrdersPage(items=items, next_cursor=after)

    def order(self, order_id: OrderId) -> OrderFile:
        with picture(self._engine) as transaction:
            return order_files.order_file(transaction, order_id)

    def reviews(self) -> tuple[ReviewRow, ...]:
        with picture(self._engine) as transaction:
            rows = transaction.rows(order_files.review_queue())
        return tuple(map(order_files.review_from_row, rows))

    def effects(self, *, state: EffectState, cursor: str | None, effect: Effect | None = None) -> EffectsPage:
        wanted = _PARKED if state is EffectState.PARKED else _OPEN
        about = func.coalesce(
            *(
                select(table.c.order_id)
                .where(table.c.id == cast(outbox.c.payload[name].astext, Uuid))
                .scalar_subquery()
                for name, table in (("payment", payments), ("refund", refunds), ("message", messages))
            ),
            select(orders.c.id).where(orders.c.id == cast(outbox.c.payload["order"].astext, Uuid)).scalar_subquery(),
        )
        statement = paged(
            select(outbox, about.label("order_id")).where(
                wanted & (outbox.c.effect == effect.value) if effect else wanted
            ),
            at=outbox.c.created_at,
            name=outbox.c.id,
            after=cursor,
            newest_first=False,
        )
        counts = select(
            func.count().filter(_PARKED).label("parked"), func.count().filter(_OPEN).label("waiting")
        ).where(or_(_PARKED, _OPEN))
        kinds = select(outbox.c.effect, func.count().label("rows")).where(wanted).group_by(outbox.c.effect)
        with picture(self._engine) as transaction:
            rows = transaction.rows(statement)
            (counted,) = transaction.rows(counts)
            by_kind = transaction.rows(kinds.order_by(outbox.c.effect))
        found = [_effect(row) for row in rows]
        items, after = cut(found, [one.cursor for one in found])
        return EffectsPage(
            items=items,
            parked=counted["parked"],
            waiting=counted["waiting"],
            next_cursor=after,
            kinds={Effect(row["effect"]): row["rows"] for row in by_kind},
        )

    def trail(self, *, wanted: TrailFilter) -> TrailPage:
        statement = select(audit_entries)
        if wanted.actor:
            statement = statement.where(audit_entries.c.actor == wanted.actor)
        if wanted.action:
            whole = audit_entries.c.action == wanted.action
            statement = statement.where(
                or_(whole, audit_entries.c.action.startswith(f"{wanted.action}.", autoescape=True))
            )
        if wanted.subject:
            statement = statement.where(audit_entries.c.subject_id == wanted.subject)
        page = paged(statement, at=audit_entries.c.at, name=audit_entries.c.id, after=wanted.cursor, newest_first=True)
        with picture(self._engine) as transaction:
            found = [order_files.audit_from_row(row) for row in transaction.rows(page)]
        items, after = cut(found, [cursor(entry.at, entry.id) for entry in found])
        return TrailPage(items=items, next_cursor=after)

    def staff(self) -> tuple[StaffMember, ...]:
        with picture(self._engine) as transaction:
            rows = transaction.rows(select(staff).order_by(staff.c.name, staff.c.id))
        return tuple(map(records.staff_from_row, rows))


def _effect(row: Row) -> EffectRow:
    return EffectRow(
        row=records.outbox_from_row(row),
        order_id=OrderId(row["order_id"]) if row["order_id"] else None,
        cursor=cursor(row["created_at"], row["id"]),
    )
