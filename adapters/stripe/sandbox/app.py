"""Stripe's sandbox put together: the API, the hosted pages, and what happens by itself."""

from __future__ import annotations

from typing import Any

from adapters.stripe.sandbox import (
    disputes,
    fraud_warnings,
    intents,
    listing,
    refunds,
    reviews,
    sessions,
    webhook_endpoints,
)
from adapters.stripe.sandbox.api import RateLimit, StripeApi
from adapters.stripe.sandbox.errors import StripeApiError
from adapters.stripe.sandbox.hosted import HostedPages
from adapters.stripe.sandbox.ledger import Ledger, Tempo
from adapters.stripe.sandbox.ports import Clock, Deliveries, Document, Documents, Faults, Schedule


class StripeSandbox:
    """``api`` answers ``/v1/…`` and ``pages`` answers ``/c/…`` and ``/receipts/…``; both are WSGI applications."""

    def __init__(
        self,
        *,
        documents: Documents,
        clock: Clock,
        schedule: Schedule,
        deliveries: Deliveries,
        faults: Faults,
        api_key: str,
        sandbox_url: str,
        merchant_name: str,
        webhook_url: str | None,
        webhook_secret: str,
        requests_per_second: int | None,
        refund_settles_seconds: float,
        dispute_opens_seconds: float,
    ) -> None:
        self._ledger = Ledger(
            documents=documents,
            clock=clock,
            schedule=schedule,
            deliveries=deliveries,
            tempo=Tempo(refund_settles=refund_settles_seconds, dispute_opens=dispute_opens_seconds),
            merchant_name=merchant_name,
            sandbox_url=sandbox_url,
        )
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret
        self.rate_limit = RateLimit(requests_per_second)
        self.api = StripeApi(self._ledger, api_key=api_key, faults=faults, rate_limit=self.rate_limit)
        self.pages = HostedPages(self._ledger)
        self._register(schedule, deliveries)
        self.configure_endpoint()

    def configure_endpoint(self) -> None:
        """Make sure that the endpoint given at start exists; needed again after the state was cleared."""
        if self._webhook_url is not None:
            with self._ledger.documents.transaction():
                webhook_endpoints.configure(self._ledger, url=self._webhook_url, secret=self._webhook_secret)

    def open_dispute(self, charge_id: str, *, reason: str, inquiry: bool) -> Document:
        """By hand: dispute a captured charge. Raises ValueError for a charge or reason that cannot be."""
        with self._ledger.documents.transaction():
            charge = self._charge(charge_id)
            if reason not in disputes.REASONS:
                raise ValueError(f"reason must be one of {', '.join(disputes.REASONS)}")
            if not charge["captured"]:
                raise ValueError(f"{charge_id} is not captured, so there is nothing to dispute")
            return disputes.open_for(self._ledger, charge, reason=reason, inquiry=inquiry)

    def decide_dispute(self, dispute_id: str, *, verdict: str) -> Document:
        """By hand: the bank's decision, ``won`` or ``lost`` from the merchant's side."""
        with self._ledger.documents.transaction():
            dispute = self._ledger.documents.get("dispute", dispute_id)
            if dispute is None or verdict not in {"won", "lost"}:
                raise ValueError("dispute must be a dispute's id and verdict won or lost")
            if dispute["status"] in disputes.CLOSED:
                raise ValueError(f"{dispute_id} is closed already")
            return disputes.decide(self._ledger, dispute, verdict)

    def open_review(self, charge_id: str) -> Document:
        with self._ledger.documents.transaction():
            return reviews.open_for(self._ledger, self._charge(charge_id), reason="manual")

    def warn_of_fraud(self, charge_id: str, *, fraud_type: str) -> Document:
        with self._ledger.documents.transaction():
            if fraud_type not in fraud_warnings.FRAUD_TYPES:
                raise ValueError(f"fraud_type must be one of {', '.join(fraud_warnings.FRAUD_TYPES)}")
            return fraud_warnings.warn(self._ledger, self._charge(charge_id), fraud_type=fraud_type)

    def dump(self, kind: str, *, limit: int) -> list[Document]:
        """Objects of one kind as the API shows them, newest first."""
        found = self._ledger.documents.select(kind, limit=limit)
        return [listing.present(self._ledger, document) for document in found]

    def _charge(self, charge_id: str) -> Document:
        try:
            return self._ledger.get("charge", charge_id)
        except StripeApiError as error:
            raise ValueError(error.message) from error

    def _register(self, schedule: Schedule, deliveries: Deliveries) -> None:
        ledger = self._ledger

        def expire_session(payload: Document) -> None:
            sessions.current(ledger, payload["session"])

        def lapse_authorisation(payload: Document) -> None:
            intents.lapse(ledger, payload["payment_intent"])

        def settle_refund(payload: Document) -> None:
            refunds.settle(ledger, payload["refund"], payload["status"])

        def card_consequences(payload: Document) -> None:
            disputes.consequences_of_card(ledger, payload["charge"])

        schedule.register("stripe.expire_session", expire_session)
        schedule.register("stripe.lapse_authorisation", lapse_authorisation)
        schedule.register("stripe.settle_refund", settle_refund)
        schedule.register("stripe.card_consequences", card_consequences)
        deliveries.register(
            "stripe",
            prepare=lambda delivery: webhook_endpoints.prepare(ledger, delivery),
            settled=self._delivered,
        )

    def _delivered(self, delivery: Any) -> None:
        event = self._ledger.documents.get("event", delivery["about"]["event"])
        if event is not None and event["pending_webhooks"] > 0:
            self._ledger.change(event, pending_webhooks=event["pending_webhooks"] - 1)
