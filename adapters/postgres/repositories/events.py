"""Events with their tiers, stock pools, sale and refund policies."""

from collections.abc import Mapping

from sqlalchemy import Select, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert

from adapters.postgres.repositories.sale_gate import pass_alone
from adapters.postgres.rows import events as rows
from adapters.postgres.rows import prices
from adapters.postgres.statements import WANTED, lockable
from adapters.postgres.tables import (
    events,
    order_lines,
    promotions,
    refund_policies,
    sales,
    tier_zones,
    tiers,
    zones,
)
from adapters.postgres.transaction import Row, Transaction
from domain.errors import InvariantBroken, NotFound, StockConflict
from domain.events import Event, EventId, EventState
from domain.promotions import promotion_pool
from domain.refund_policies import RefundPolicy
from domain.tiers import Tier, tier_pool, zone_pool
from domain.venues import VenueId

_ADD_ZONE_POOLS = text("""
    INSERT INTO pools (event_id, key, seat_map_id, kind, zone_key, capacity)
    SELECT :event_id, 'z:' || key, seat_map_id, kind, key, capacity
    FROM zones WHERE seat_map_id = :seat_map_id AND key = ANY(:zone_keys)
    ORDER BY key
    ON CONFLICT (event_id, key) DO NOTHING
""")
_ADD_TIER_POOLS = text("""
    INSERT INTO pools (event_id, key, seat_map_id, kind, capacity)
    SELECT :event_id, limited.key, :seat_map_id, 'tier', limited.capacity
    FROM unnest(CAST(:keys AS text[]), CAST(:capacities AS int[])) AS limited (key, capacity)
""")
_ADD_PROMOTION_POOLS = text("""
    INSERT INTO pools (event_id, key, seat_map_id, kind, capacity)
    SELECT :event_id, counted.key, :seat_map_id, 'promotion', counted.capacity
    FROM unnest(CAST(:keys AS text[]), CAST(:capacities AS int[])) AS counted (key, capacity)
    ON CONFLICT (event_id, key) DO NOTHING
""")
_LOCK_POOLS = text("""
    SELECT key, capacity, claimed + allocated + blocked AS taken FROM pools
    WHERE event_id = :event_id ORDER BY key FOR NO KEY UPDATE
""")
_RESIZE_POOLS = text("""
    UPDATE pools SET capacity = wanted.capacity
    FROM unnest(CAST(:keys AS text[]), CAST(:capacities AS int[])) AS wanted (key, capacity)
    WHERE pools.event_id = :event_id AND pools.key = wanted.key AND pools.capacity <> wanted.capacity
""")
_DROP_POOLS = text("""
    DELETE FROM pools WHERE event_id = :event_id AND key = ANY(:keys)
        AND NOT EXISTS (SELECT FROM claims WHERE claims.event_id = pools.event_id AND claims.pool = pools.key)
""")
_SOLD_BY_TIER = text("""
    SELECT line.tier_id, sum(claims.quantity - claims.returned) AS units
    FROM claims JOIN order_lines AS line ON line.id = claims.order_line_id
    WHERE claims.event_id = :event_id AND claims.state <> 'released' AND claims.pool LIKE 'z:%'
        AND line.tier_id = ANY(:tier_ids)
    GROUP BY line.tier_id
""")
_COUNT_SOLD = text("""
    INSERT INTO claims (event_id, seat_map_id, pool, order_id, order_line_id, quantity, state)
    SELECT claims.event_id, claims.seat_map_id, 't:' || tiers.key, claims.order_id, claims.order_line_id,
           sum(claims.quantity - claims.returned), claims.state
    FROM claims
    JOIN order_lines AS line ON line.id = claims.order_line_id
    JOIN tiers ON tiers.id = line.tier_id
    WHERE claims.event_id = :event_id AND claims.state <> 'released' AND claims.pool LIKE 'z:%'
        AND line.tier_id = ANY(:tier_ids)
    GROUP BY claims.event_id, claims.seat_map_id, tiers.key, claims.order_id, claims.order_line_id, claims.state
""")
_ONE = lockable(select(events).where(events.c.id == WANTED))
_ZONES = func.array_agg(aggregate_order_by(tier_zones.c.zone_key, tier_zones.c.position))
_TIERS = (
    select(tiers, select(_ZONES).where(tier_zones.c.tier_id == tiers.c.id).scalar_subquery().label("zones"))
    .where(tiers.c.event_id == WANTED)
    .order_by(tiers.c.position, tiers.c.key)
)
_PROMOTIONS = select(promotions).where(promotions.c.event_id == WANTED).order_by(promotions.c.id)

_IDENTITY = ("id", "venue_id", "seat_map_id", "currency")


class PostgresEvents:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, event: Event, *, policy: RefundPolicy) -> None:
        run = self._transaction.run
        run(insert(events), rows.to_row(event))
        run(insert(sales), {"event_id": event.id})
        run(insert(refund_policies), {"event_id": event.id, "version": 1, **rows.policy_to_row(policy)})
        if event.tiers:
            self._add_pools(event, {tier_pool(t.key): t.capacity for t in event.tiers if t.capacity is not None})
            run(insert(tiers), [rows.tier_to_row(event, tier) for tier in event.tiers])
            run(insert(tier_zones), rows.tier_zone_rows(event))
        self._save_promotions(event)

    def get(self, event_id: EventId, *, lock: bool = False) -> Event:
        row = self._transaction.first(_ONE.with_lock(lock), {"wanted": event_id})
        if row is None:
            raise NotFound("event")
        return with_tiers(self._transaction, row)

    def find(self, *, slug: str) -> Event | None:
        row = self._transaction.first(select(events).where(events.c.slug == slug))
        return with_tiers(self._transaction, row) if row else None

    def save(self, event: Event, *, capacities: Mapping[str, int] | None = None) -> int:
        self._save_facts(event)
        # Alone in the sale: no order is half placed while capacities and tiers change under it.
        version = pass_alone(self._transaction, event.id)["version"] + 1
        self._drop_tiers(event)
        self._fit_pools(event, capacities or {})
        self._save_tiers(event)
        self._save_promotions(event)
        self._transaction.run(update(sales).where(sales.c.event_id == event.id).values(version=version))
        return int(version)

    def at_venue(self, venue_id: VenueId) -> tuple[EventId, ...]:
        going_on = (events.c.venue_id == venue_id) & (events.c.state != EventState.CANCELLED.value)
        found = self._transaction.rows(select(events.c.id).where(going_on).order_by(events.c.id))
        return tuple(EventId(row["id"]) for row in found)

    def policy(self, event_id: EventId) -> RefundPolicy:
        row = self._transaction.first(policy_in_force(event_id))
        if row is None:
            raise NotFound("event")
        return rows.policy_from_row(row)

    def replace_policy(self, event_id: EventId, policy: RefundPolicy) -> int:
        version = self.policy(event_id).version + 1
        row = {"event_id": event_id, "version": version, **rows.policy_to_row(policy)}
        self._transaction.run(insert(refund_policies), row)
        return version

    def _save_facts(self, event: Event) -> None:
        known = self._transaction.first(select(events).where(events.c.id == event.id))
        if known is None:
            raise NotFound("event")
        facts = rows.to_row(event)
        if any(facts[name] != known[name] for name in _IDENTITY):
            raise InvariantBroken("an event keeps its venue, seat map and currency")
        # Naming a key column in SET locks the row against the foreign keys of orders under way, even when its value
        # stays the same; they hold the sale's gate that we are about to ask for, and each would wait for the other.
        kept = {*_IDENTITY, "slug"} if facts["slug"] == known["slug"] else {*_IDENTITY}
        changed = {name: value for name, value in facts.items() if name not in kept}
        self._transaction.run(update(events).where(events.c.id == event.id).values(changed))

    def _drop_tiers(self, event: Event) -> None:
        gone = (tiers.c.event_id == event.id) & tiers.c.id.not_in([tier.id for tier in event.tiers])
        sold = select(order_lines.c.id).where(order_lines.c.tier_id == tiers.c.id).exists()
        zones_of = select(tier_zones.c.pool).join(tiers, tiers.c.id == tier_zones.c.tier_id).where(gone & sold)
        pools_sold = [row["pool"] for row in self._transaction.rows(zones_of.distinct())]
        if pools_sold:
            raise StockConflict(pools=tuple(sorted(pools_sold)))
        self._transaction.run(delete(tier_zones).where(tier_zones.c.event_id == event.id))
        self._transaction.run(delete(tiers).where(gone))

    def _fit_pools(self, event: Event, given: Mapping[str, int]) -> None:
        existing = {row["key"]: row for row in self._transaction.rows(_LOCK_POOLS, {"event_id": event.id})}
        # A zone of this event starts with what the seat map says, and keeps what its organiser has made of that.
        house = {
            zone: existing[zone_pool(zone)]["capacity"] if zone_pool(zone) in existing else capacity
            for zone, capacity in self._zone_capacities(event).items()
        } | dict(given)
        wanted = {zone_pool(zone): house[zone] for tier in event.tiers for zone in tier.zones}
        if strangers := {zone_pool(zone) for zone in given} - wanted.keys():
            raise InvariantBroken(f"no tier of this event sells {', '.join(sorted(strangers))}")
        caps = {promotion_pool(promotion.key): promotion.capacity for promotion in event.promotions}
        limits = {tier_pool(tier.key): tier.capacity for tier in event.tiers if tier.capacity is not None}
        fresh = {tier_pool(tier.key): tier for tier in event.tiers if tier_pool(tier.key) in limits.keys() - existing}
        taken = {key: row["taken"] for key, row in existing.items()} | self._sold(event, fresh)
        # A tier that lost its own limit keeps its pool, as wide as its zones: what it sold is not forgotten.
        widened = {
            tier_pool(tier.key): sum(house[zone] for zone in tier.zones)
            for tier in event.tiers
            if tier.capacity is None and tier_pool(tier.key) in existing
        }
        capacities = {**widened, **wanted, **limits, **{key: cap for key, cap in caps.items() if key in existing}}
        short = tuple(sorted(key for key, capacity in capacities.items() if capacity < taken.get(key, 0)))
        if short:
            raise StockConflict(pools=short)
        unused = sorted(existing.keys() - wanted.keys() - limits.keys() - caps.keys())
        self._transaction.run(_DROP_POOLS, {"event_id": event.id, "keys": unused})
        self._add_pools(event, {key: capacity for key, capacity in limits.items() if key in fresh})
        resized = {"event_id": event.id, "keys": list(capacities), "capacities": list(capacities.values())}
        self._transaction.run(_RESIZE_POOLS, resized)
        if fresh:
            self._transaction.run(_COUNT_SOLD, {"event_id": event.id, "tier_ids": [tier.id for tier in fresh.values()]})

    def _sold(self, event: Event, fresh: Mapping[str, Tier]) -> dict[str, int]:
        """Units that tiers without a limit have sold so far, by the pool that is about to count them."""
        if not fresh:
            return {}
        by_tier = {tier.id: key for key, tier in fresh.items()}
        found = self._transaction.rows(_SOLD_BY_TIER, {"event_id": event.id, "tier_ids": list(by_tier)})
        return {by_tier[row["tier_id"]]: row["units"] for row in found}

    def _add_pools(self, event: Event, limits: Mapping[str, int]) -> None:
        zone_keys = sorted({zone for tier in event.tiers for zone in tier.zones})
        place = {"event_id": event.id, "seat_map_id": event.seat_map_id}
        self._transaction.run(_ADD_ZONE_POOLS, {**place, "zone_keys": zone_keys})
        if limits:
            self._transaction.run(_ADD_TIER_POOLS, {**place, "keys": list(limits), "capacities": list(limits.values())})

    def _save_tiers(self, event: Event) -> None:
        if not event.tiers:
            return
        statement = upsert(tiers)
        names = rows.tier_to_row(event, event.tiers[0]).keys() - {"id"}
        changed = {name: statement.excluded[name] for name in names}
        self._transaction.run(
            statement.on_conflict_do_update(index_elements=["id"], set_=changed),
            [rows.tier_to_row(event, tier) for tier in event.tiers],
        )
        self._transaction.run(insert(tier_zones), rows.tier_zone_rows(event))

    def _save_promotions(self, event: Event) -> None:
        if not event.promotions:
            return
        counted = {promotion_pool(promotion.key): promotion.capacity for promotion in event.promotions}
        place = {"event_id": event.id, "seat_map_id": event.seat_map_id}
        self._transaction.run(
            _ADD_PROMOTION_POOLS, {**place, "keys": list(counted), "capacities": list(counted.values())}
        )
        written = [prices.promotion_to_row(event, promotion) for promotion in event.promotions]
        statement = upsert(promotions)
        changed = {name: statement.excluded[name] for name in written[0].keys() - {"id", "event_id", "pool"}}
        self._transaction.run(statement.on_conflict_do_update(index_elements=["id"], set_=changed), written)

    def _zone_capacities(self, event: Event) -> dict[str, int]:
        found = self._transaction.rows(
            select(zones.c.key, zones.c.capacity).where(zones.c.seat_map_id == event.seat_map_id)
        )
        return {row["key"]: row["capacity"] for row in found}


def with_tiers(transaction: Transaction, row: Row) -> Event:
    """The event of this row, its tiers and promotions read."""
    of_event = {"wanted": row["id"]}
    return rows.from_row(row, transaction.rows(_TIERS, of_event), transaction.rows(_PROMOTIONS, of_event))


def policy_in_force(event_id: EventId) -> "Select[tuple[object, ...]]":
    """Selects the newest refund policy of an event."""
    versions = select(refund_policies).where(refund_policies.c.event_id == event_id)
    return versions.order_by(refund_policies.c.version.desc()).limit(1)
