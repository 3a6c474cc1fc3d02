"""Payments through Stripe: hosted Checkout with manual capture, through the official SDK.

Money is authorised on Stripe's page, and captured or let go by us. Every call that changes something carries an
idempotency key of its own kind; every call that has a natural end state (captured, voided, expired) reads that state
when Stripe objects, so that doing it twice is success.

Retries inside the SDK are few and deliberate, because the budget does not see them: none where the outbox repeats the
call with a pause in between, one where a buyer waits for the page, one for reads. The SDK repeats lost connections,
409 and 5xx under the same key, after half a second or so; 429 it never repeats, and the whole fleet slows down instead.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import TypeVar

import stripe
from stripe.params.checkout import (
    SessionCreateParams,
    SessionCreateParamsLineItem,
    SessionCreateParamsLineItemPriceDataProductData,
)

from adapters.stripe.amounts import from_stripe, to_stripe
from adapters.stripe.budget import (
    BUYER_WAIT_SECONDS_MAX,
    CALLS_PER_SECOND_DEFAULT,
    CANCEL_INTENT,
    CAPTURE_INTENT,
    CLOSE_DISPUTE,
    CREATE_REFUND,
    CREATE_SESSION,
    EXPIRE_SESSION,
    LIST_EVENTS,
    LIST_REFUNDS,
    READ_DISPUTE,
    READ_FRAUD_WARNING,
    READ_INTENT,
    READ_REFUND,
    READ_SESSION,
    UPDATE_DISPUTE,
    WAIT_SECONDS_MAX,
    Pacer,
    pace_of,
)
from adapters.stripe.disputes import dispute_of, evidence_parameters, warning_of
from adapters.stripe.errors import is_stored_failure, translated
from adapters.stripe.objects import payment_of, refund_of
from adapters.stripe.webhooks import AFTER_SALES_TYPES, notice_of, read_notice
from domain.disputes import DisputeFacts, DisputeState
from domain.errors import ProviderRefused
from domain.evidence import Evidence
from domain.fraud_warnings import WarningFacts
from domain.money import Money
from domain.orders import OrderId
from domain.pacing import Urgency
from domain.ports.payments import (
    CheckoutItem,
    CheckoutOpened,
    CheckoutRequest,
    Closing,
    Notice,
    ProviderPayment,
    ProviderRefund,
)
from domain.ports.rate_limits import Budget

CONNECT_SECONDS_MAX = 3.5
READ_SECONDS_MAX = 20.0
OPEN_RETRIES = 1
"""A buyer is waiting for the page, so one lost connection is repeated at once, under the same key."""
READ_RETRIES = 1
NO_RETRIES = 0
"""The outbox repeats these, with a pause in between."""
KEYS_PER_CALL_MAX = 8
"""How many stored server errors are asked past before a day must go by."""
REFUNDS_PER_PAGE = 100
EVENTS_PER_PAGE = 100
EVENTS_PER_LOOK_MAX = 10_000
"""Of the rarest kinds of events: more of them in one look are a flood that a person must see."""
API_BASE_DEFAULT = "https://api.stripe.com"

Answer = TypeVar("Answer")


def connect(
    *,
    api_key: str,
    webhook_secret: str,
    api_base: str = API_BASE_DEFAULT,
    api_version: str | None = None,
    budget: Budget | None = None,
    calls_per_second: int = CALLS_PER_SECOND_DEFAULT,
    calls_in_all_per_second: int | None = None,
) -> "StripeGateway":
    """A gateway to the account of ``api_key``. ``budget`` is the fleet's; without one this process paces its own."""
    client = stripe.StripeClient(
        api_key,
        stripe_version=api_version,
        base_addresses={"api": api_base},
        max_network_retries=NO_RETRIES,
        http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS_MAX, READ_SECONDS_MAX)),
    )
    pace = pace_of(per_second=calls_per_second, in_all_per_second=calls_in_all_per_second)
    return StripeGateway(client=client, pacer=Pacer(pace=pace, shared=budget), webhook_secret=webhook_secret)


class StripeGateway:
    """Implements PaymentGateway. Safe to share between threads."""

    def __init__(self, *, client: stripe.StripeClient, pacer: Pacer, webhook_secret: str) -> None:
        self._stripe = client.v1
        self._pacer = pacer
        self._webhook_secret = webhook_secret

    def open_checkout(self, *, request: CheckoutRequest) -> CheckoutOpened:
        parameters = _session_parameters(request)
        session = self._once(
            CREATE_SESSION,
            f"checkout-{request.key}",
            lambda options: self._stripe.checkout.sessions.create(
                parameters, {**options, "max_network_retries": OPEN_RETRIES}
            ),
            urgency=Urgency.LIVE,
            within_seconds=BUYER_WAIT_SECONDS_MAX,
        )
        # A page that was paid or has expired since has no address any more; a repeated call still names its session.
        return CheckoutOpened(session_id=session.id, url=session.url or request.cancel_url)

    def close_checkout(self, *, session_id: str) -> Closing:
        try:
            with translated(), self._pacer.slot(EXPIRE_SESSION):
                self._stripe.checkout.sessions.expire(session_id)
        except ProviderRefused as refusal:
            if refusal.code == "unknown":
                raise ProviderRefused("unknown_session", str(refusal)) from refusal
            return self._closed_before(session_id, refusal)
        return Closing.CLOSED

    def look_up(self, *, session_id: str) -> ProviderPayment:
        session = self._session(session_id, expand=["payment_intent.latest_charge", "payment_intent.review"])
        return payment_of(session)

    def capture(self, *, intent_id: str, amount: Money, key: str) -> Money:
        try:
            intent = self._once(
                CAPTURE_INTENT,
                f"capture-{key}",
                lambda options: self._stripe.payment_intents.capture(
                    intent_id, {"amount_to_capture": to_stripe(amount)}, options
                ),
            )
        except ProviderRefused as refusal:
            intent = self._intent(intent_id, refusal)
            if intent.status != "succeeded":
                code = "not_capturable" if refusal.code == "wrong_state" else refusal.code
                raise ProviderRefused(code, str(refusal)) from refusal
        return from_stripe(intent.amount_received, intent.currency)

    def void(self, *, intent_id: str, key: str) -> None:
        try:
            self._once(
                CANCEL_INTENT,
                f"void-{key}",
                lambda options: self._stripe.payment_intents.cancel(intent_id, {}, options),
            )
        except ProviderRefused as refusal:
            status = self._intent(intent_id, refusal).status
            if status == "canceled":
                return
            code = "already_captured" if status == "succeeded" else "not_voidable"
            raise ProviderRefused(code, str(refusal)) from refusal

    def refund(
        self, *, intent_id: str, amount: Money, key: str, order_id: OrderId, bulk: bool = False, fresh: bool = False
    ) -> ProviderRefund:
        urgency = Urgency.BULK if bulk else Urgency.SETTLING

        def known() -> stripe.Refund | None:
            return self._refund_named(intent_id, key, urgency)

        # Stripe forgets keys after a day and a lost reply may be older, so its own list is asked before anything moves.
        if not fresh and (found := known()) is not None:
            return refund_of(found)
        try:
            made = self._once(
                CREATE_REFUND,
                f"refund-{key}",
                lambda options: self._stripe.refunds.create(
                    {
                        "payment_intent": intent_id,
                        "amount": to_stripe(amount),
                        "metadata": {"key": key, "order_id": str(order_id)},
                    },
                    options,
                ),
                urgency=urgency,
                # A stored server error says nothing about the refund: before another key is used, the list is asked.
                before_another_key=known if fresh else None,
            )
        except ProviderRefused as refusal:
            raise ProviderRefused(_refund_code(refusal), str(refusal)) from refusal
        return refund_of(made)

    def find_refund(self, *, refund_id: str) -> ProviderRefund:
        try:
            with translated(), self._pacer.slot(READ_REFUND):
                return refund_of(self._stripe.refunds.retrieve(refund_id, {}, {"max_network_retries": READ_RETRIES}))
        except ProviderRefused as refusal:
            raise _named(refusal, "unknown_refund") from refusal

    def find_dispute(self, *, dispute_id: str) -> DisputeFacts:
        try:
            with translated(), self._pacer.slot(READ_DISPUTE):
                return dispute_of(self._stripe.disputes.retrieve(dispute_id, {}, {"max_network_retries": READ_RETRIES}))
        except ProviderRefused as refusal:
            raise _named(refusal, "unknown_dispute") from refusal

    def submit_evidence(self, *, dispute_id: str, evidence: Evidence, statement: str, key: str) -> DisputeFacts:
        parameters = evidence_parameters(evidence, statement)
        try:
            sent = self._once(
                UPDATE_DISPUTE,
                f"evidence-{key}",
                lambda options: self._stripe.disputes.update(
                    dispute_id, {"evidence": parameters, "submit": True}, options
                ),
            )
        except ProviderRefused as refusal:
            raise _named(refusal, "unknown_dispute") from refusal
        return dispute_of(sent)

    def accept_dispute(self, *, dispute_id: str, key: str) -> DisputeFacts:
        try:
            closed = self._once(
                CLOSE_DISPUTE, f"accept-{key}", lambda options: self._stripe.disputes.close(dispute_id, {}, options)
            )
        except ProviderRefused as refusal:
            # Accepted before, and the answer was lost: the dispute itself says so.
            facts = self.find_dispute(dispute_id=dispute_id)
            if facts.state is DisputeState.LOST:
                return facts
            raise _named(refusal, "unknown_dispute") from refusal
        return dispute_of(closed)

    def find_warning(self, *, warning_id: str) -> WarningFacts:
        try:
            with translated(), self._pacer.slot(READ_FRAUD_WARNING):
                return warning_of(
                    self._stripe.radar.early_fraud_warnings.retrieve(
                        warning_id, {}, {"max_network_retries": READ_RETRIES}
                    )
                )
        except ProviderRefused as refusal:
            raise _named(refusal, "unknown_warning") from refusal

    def after_sales(self, *, since: datetime) -> Iterator[Notice]:
        with translated(), self._pacer.slot(LIST_EVENTS):
            events = self._stripe.events.list(
                {
                    "types": list(AFTER_SALES_TYPES),
                    "created": {"gte": int(since.timestamp())},
                    "limit": EVENTS_PER_PAGE,
                },
                {"max_network_retries": READ_RETRIES},
            )
            # Stripe lists the newest first, and what happened first shall be handled first.
            found = [event.to_dict() for event in islice(events.auto_paging_iter(), EVENTS_PER_LOOK_MAX)]
        return (notice_of(event) for event in reversed(found))

    def read_notice(self, *, payload: bytes, signature: str) -> Notice:
        return read_notice(payload=payload, signature=signature, secret=self._webhook_secret)

    def _once(
        self,
        endpoint: str,
        key: str,
        call: Callable[[stripe.RequestOptions], Answer],
        *,
        urgency: Urgency = Urgency.SETTLING,
        within_seconds: float = WAIT_SECONDS_MAX,
        before_another_key: Callable[[], Answer | None] | None = None,
    ) -> Answer:
        """Make a call under a key. Server errors that a key would repeat for a day are asked past.

        Each repetition by our own caller gets past the answers stored before, and spends one new key at most. Safe
        for its callers: capture and void end in a state that Stripe itself refuses to enter twice, refunds are
        searched for by their metadata before a key is used for the first time, and a page whose address nobody was
        told cannot be paid.
        """
        with translated():
            for number in range(1, KEYS_PER_CALL_MAX):
                try:
                    with self._pacer.slot(endpoint, urgency, within_seconds=within_seconds):
                        return call({"idempotency_key": key if number == 1 else f"{key}-{number}"})
                except stripe.StripeError as error:
                    if not is_stored_failure(error):
                        raise
                if before_another_key is not None and (found := before_another_key()) is not None:
                    return found
            with self._pacer.slot(endpoint, urgency, within_seconds=within_seconds):
                return call({"idempotency_key": f"{key}-{KEYS_PER_CALL_MAX}"})

    def _session(self, session_id: str, *, expand: list[str]) -> stripe.checkout.Session:
        try:
            with (
                translated(),
                self._pacer.slot(READ_SESSION, Urgency.LIVE, within_seconds=BUYER_WAIT_SECONDS_MAX),
            ):
                return self._stripe.checkout.sessions.retrieve(
                    session_id, {"expand": expand}, {"max_network_retries": READ_RETRIES}
                )
        except ProviderRefused as refusal:
            raise _named(refusal, "unknown_session") from refusal

    def _closed_before(self, session_id: str, refusal: ProviderRefused) -> Closing:
        """Stripe expires open sessions only: say what it is instead."""
        status = self._session(session_id, expand=[]).status
        if status == "complete":
            return Closing.COMPLETED
        if status == "expired":
            return Closing.CLOSED
        raise refusal

    def _intent(self, intent_id: str, refusal: ProviderRefused) -> stripe.PaymentIntent:
        """What the payment is in truth, after Stripe refused to move it."""
        if refusal.code == "unknown":
            raise ProviderRefused("unknown_intent", str(refusal)) from refusal
        with translated(), self._pacer.slot(READ_INTENT):
            return self._stripe.payment_intents.retrieve(intent_id, {}, {"max_network_retries": READ_RETRIES})

    def _refund_named(self, intent_id: str, key: str, urgency: Urgency) -> stripe.Refund | None:
        with translated(), self._pacer.slot(LIST_REFUNDS, urgency):
            refunds = self._stripe.refunds.list(
                {"payment_intent": intent_id, "limit": REFUNDS_PER_PAGE}, {"max_network_retries": READ_RETRIES}
            )
            for refund in refunds.auto_paging_iter():
                if refund.metadata is not None and refund.metadata.to_dict().get("key") == key:
                    return refund
        return None


def _session_parameters(request: CheckoutRequest) -> SessionCreateParams:
    metadata = {"order_id": str(request.order_id), "number": request.order_number}
    return {
        "mode": "payment",
        # Cards answer at once. A delayed method would keep places taken for days.
        "allowed_payment_method_types": ["card"],
        "line_items": [_line_item(item) for item in request.items],
        "customer_email": request.email,
        "client_reference_id": request.order_number,
        "metadata": metadata,
        "payment_intent_data": {
            "capture_method": "manual",
            "description": f"Order {request.order_number}",
            "metadata": metadata,
        },
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "expires_at": int(request.expires_at.timestamp()),
    }


def _line_item(item: CheckoutItem) -> SessionCreateParamsLineItem:
    product: SessionCreateParamsLineItemPriceDataProductData = {"name": item.name}
    if item.description:
        # Stripe refuses an empty description instead of showing none.
        product["description"] = item.description
    return {
        "price_data": {
            "currency": item.unit.currency.lower(),
            "unit_amount": to_stripe(item.unit),
            "product_data": product,
        },
        "quantity": item.quantity,
    }


def _named(refusal: ProviderRefused, code: str) -> ProviderRefused:
    """The same refusal; a missing thing is called by its name."""
    return ProviderRefused(code if refusal.code == "unknown" else refusal.code, str(refusal))


def _refund_code(refusal: ProviderRefused) -> str:
    """Stripe has no code for "more than is left": it only points at the amount."""
    if refusal.code == "wrong_state":
        return "not_refundable"
    if refusal.code == "unknown":
        return "unknown_intent"
    cause = refusal.__cause__
    if isinstance(cause, stripe.InvalidRequestError) and cause.param == "amount":
        return "refund_too_large"
    return refusal.code
