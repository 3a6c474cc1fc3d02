"""Stripe's books page by page: charges with their balance transactions, refunds, disputes.

Lists are asked for in pages of a hundred, the newest first, each page a call of its own that waits until nobody else
wants its slot. https://docs.stripe.com/api/pagination
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import stripe

from adapters.stripe.amounts import from_stripe
from adapters.stripe.budget import Pacer, pace_of
from adapters.stripe.errors import translated
from adapters.stripe.payment_gateway import (
    API_BASE_DEFAULT,
    CONNECT_SECONDS_MAX,
    NO_RETRIES,
    READ_RETRIES,
    READ_SECONDS_MAX,
)
from adapters.stripe.webhooks import order_id_in
from domain.money import zero
from domain.pacing import Urgency
from domain.ports.rate_limits import Budget
from domain.provider_books import EntryKind, EntryPage, EntryState, ProviderEntry

ENTRIES_PER_PAGE = 100
LIST_CHARGES = "GET /v1/charges"
LIST_ALL_REFUNDS = "GET /v1/refunds"
LIST_DISPUTES = "GET /v1/disputes"

_REFUND_STATES = {
    "succeeded": EntryState.SUCCEEDED,
    "failed": EntryState.FAILED,
    "canceled": EntryState.FAILED,
}
_DISPUTE_STATES = {
    "won": EntryState.WON,
    "lost": EntryState.LOST,
    "prevented": EntryState.WON,
}


def connect_books(
    *,
    api_key: str,
    api_base: str = API_BASE_DEFAULT,
    api_version: str | None = None,
    budget: Budget | None = None,
    calls_per_second: int,
    calls_in_all_per_second: int | None = None,
) -> "StripeBooks":
    """The books of the account of ``api_key``. ``budget`` is the fleet's; without one this process paces its own."""
    client = stripe.StripeClient(
        api_key,
        stripe_version=api_version,
        base_addresses={"api": api_base},
        max_network_retries=NO_RETRIES,
        http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS_MAX, READ_SECONDS_MAX)),
    )
    pace = pace_of(per_second=calls_per_second, in_all_per_second=calls_in_all_per_second)
    return StripeBooks(client=client, pacer=Pacer(pace=pace, shared=budget))


class StripeBooks:
    """Implements ProviderBooks. Safe to share between threads."""

    def __init__(self, *, client: stripe.StripeClient, pacer: Pacer) -> None:
        self._stripe = client.v1
        self._pacer = pacer

    def entries(self, *, kind: EntryKind, since: datetime | None, after: str | None) -> EntryPage:
        asked: dict[str, Any] = {"limit": ENTRIES_PER_PAGE}
        if since is not None:
            asked["created"] = {"gte": int(since.timestamp())}
        if after is not None:
            asked["starting_after"] = after
        match kind:
            case EntryKind.CHARGE:
                asked["expand"] = ["data.balance_transaction"]
                return self._page(LIST_CHARGES, self._stripe.charges.list, asked, _charge)
            case EntryKind.REFUND:
                asked["expand"] = ["data.balance_transaction"]
                return self._page(LIST_ALL_REFUNDS, self._stripe.refunds.list, asked, _refund)
            case EntryKind.DISPUTE:
                return self._page(LIST_DISPUTES, self._stripe.disputes.list, asked, _dispute)

    def _page(
        self,
        endpoint: str,
        read: Callable[..., Any],
        asked: Mapping[str, Any],
        entry_of: Callable[[Mapping[str, Any]], ProviderEntry],
    ) -> EntryPage:
        with translated(), self._pacer.slot(endpoint, Urgency.BULK):
            page = read(asked, {"max_network_retries": READ_RETRIES})
        found = [one.to_dict() for one in page.data]
        return EntryPage(
            entries=tuple(map(entry_of, found)), next_cursor=str(found[-1]["id"]) if page.has_more and found else None
        )


def _charge(seen: Mapping[str, Any]) -> ProviderEntry:
    captured = bool(seen["captured"])
    if seen["status"] != "succeeded":
        state = EntryState.DECLINED if seen["status"] == "failed" else EntryState.PENDING
    elif captured:
        state = EntryState.CAPTURED
    else:
        # Money that was let go is told as refunded, although it never was ours.
        state = EntryState.RELEASED if seen["refunded"] else EntryState.AUTHORISED
    return _entry(seen, EntryKind.CHARGE, state, amount=seen["amount_captured"] if captured else seen["amount"])


def _refund(seen: Mapping[str, Any]) -> ProviderEntry:
    state = _REFUND_STATES.get(str(seen.get("status")), EntryState.PENDING)
    return _entry(seen, EntryKind.REFUND, state, amount=seen["amount"])


def _dispute(seen: Mapping[str, Any]) -> ProviderEntry:
    status = str(seen["status"])
    inquiry = status.startswith("warning_")
    state = EntryState.INQUIRY if inquiry else _DISPUTE_STATES.get(status, EntryState.OPEN)
    moves: list[Mapping[str, Any]] = seen.get("balance_transactions") or []
    return _entry(seen, EntryKind.DISPUTE, state, amount=seen["amount"], moves=moves)


def _entry(
    seen: Mapping[str, Any],
    kind: EntryKind,
    state: EntryState,
    *,
    amount: int,
    moves: list[Mapping[str, Any]] | None = None,
) -> ProviderEntry:
    currency = str(seen["currency"])
    metadata: Mapping[str, Any] = seen.get("metadata") or {}
    booked = seen.get("balance_transaction")
    taken = moves if moves is not None else [booked] if isinstance(booked, Mapping) else []
    settled_in = str(taken[0]["currency"]) if taken else currency
    return ProviderEntry(
        id=str(seen["id"]),
        kind=kind,
        state=state,
        intent_id=str(seen.get("payment_intent") or ""),
        order_id=order_id_in(metadata),
        order_number=str(metadata["number"]) if "number" in metadata else None,
        amount=from_stripe(amount, currency),
        withdrawn=(
            from_stripe(-sum(int(move["amount"]) for move in moves), settled_in)
            if moves
            else zero(from_stripe(0, currency).currency)
        ),
        fee=from_stripe(sum(int(move["fee"]) for move in taken), settled_in),
        created_at=datetime.fromtimestamp(int(seen["created"]), UTC),
    )
