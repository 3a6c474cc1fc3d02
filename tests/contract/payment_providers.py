"""Two payment providers behind one face: the fake, and the real adapter on the real sandbox."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import stripe

from adapters.stripe import payment_gateway
from domain.disputes import DisputeState
from domain.errors import ProviderUnavailable
from domain.fraud import RiskLevel
from domain.ports.payments import NoticeKind, PaymentGateway
from domain.refunds import RefundState
from tests.contract.sandboxes import STRIPE_KEY, WEBHOOK_SECRET, Sandbox
from tests.fakes.payments import FakeGateway

DAY_SECONDS = 24 * 3_600


class Provider(Protocol):
    """A gateway, and what buyers, banks and the network do to it."""

    gateway: PaymentGateway

    def now(self) -> datetime: ...

    def pay(self, session_id: str) -> None:
        """With a good card."""
        ...

    def pay_risky(self, session_id: str) -> None:
        """With a card that is found risky and put up for review."""
        ...

    def decline(self, session_id: str) -> None:
        """For lack of funds."""
        ...

    def expire(self, session_id: str) -> None:
        """The provider's own deadline passes."""
        ...

    def replies_lost(self, method: str) -> AbstractContextManager[None]:
        """Calls of this method inside the block happen, and are not heard of."""
        ...

    def busy(self, method: str) -> AbstractContextManager[None]:
        """The first call of this method inside the block is turned away."""
        ...

    def broken(self, method: str) -> AbstractContextManager[None]:
        """The first call of this method inside the block fails inside the provider, and nothing happens."""
        ...

    def next_refunds_are_pending(self) -> None:
        """From the next payment on, refunds wait for the bank."""
        ...

    def settle_refund(self, refund_id: str) -> None:
        """The bank says yes."""
        ...

    def forget_keys(self) -> None:
        """A day passes."""
        ...

    def dispute(self, intent_id: str, *, inquiry: bool = False) -> str:
        """The bank takes back what is left of a payment, or asks about it. Answers the dispute's name."""
        ...

    def decide(self, dispute_id: str, *, won: bool) -> None:
        """The bank has made up its mind."""
        ...

    def warn(self, intent_id: str) -> str:
        """The bank suspects fraud. Answers the warning's name."""
        ...

    def payment_notice(self, session_id: str, *, age_seconds: int = 0) -> tuple[bytes, str]: ...

    def refund_notice(self, refund_id: str) -> tuple[bytes, str]: ...

    def dispute_notice(self, dispute_id: str) -> tuple[bytes, str]: ...


class FakeProvider:
    def __init__(self) -> None:
        self._fake = FakeGateway()
        self.gateway: PaymentGateway = self._fake

    def now(self) -> datetime:
        return datetime.now(UTC)

    def pay(self, session_id: str) -> None:
        self._fake.pay(session_id)

    def pay_risky(self, session_id: str) -> None:
        self._fake.pay(session_id, risk=RiskLevel.ELEVATED, review_opened=True)

    def decline(self, session_id: str) -> None:
        self._fake.decline(session_id, failure="insufficient_funds")

    def expire(self, session_id: str) -> None:
        self._fake.expire(session_id)

    @contextmanager
    def replies_lost(self, method: str) -> Iterator[None]:
        self._fake.lose_next_reply(method)
        yield

    @contextmanager
    def busy(self, method: str) -> Iterator[None]:
        self._fake.fail_next(method, ProviderUnavailable("too many requests"))
        yield

    @contextmanager
    def broken(self, method: str) -> Iterator[None]:
        self._fake.fail_next(method, ProviderUnavailable("internal error"))
        yield

    def next_refunds_are_pending(self) -> None:
        self._fake.refunds_start = RefundState.PENDING

    def settle_refund(self, refund_id: str) -> None:
        self._fake.settle_refund(refund_id, RefundState.SUCCEEDED)

    def forget_keys(self) -> None:
        """Nothing to do: the fake compares what exists, not keys."""

    def payment_notice(self, session_id: str, *, age_seconds: int = 0) -> tuple[bytes, str]:
        return self._fake.notice(NoticeKind.PAYMENT, session_id=session_id, age_seconds=age_seconds)

    def dispute(self, intent_id: str, *, inquiry: bool = False) -> str:
        return self._fake.dispute(intent_id, inquiry=inquiry)

    def decide(self, dispute_id: str, *, won: bool) -> None:
        self._fake.decide(dispute_id, DisputeState.WON if won else DisputeState.LOST)

    def warn(self, intent_id: str) -> str:
        return self._fake.warn(intent_id)

    def refund_notice(self, refund_id: str) -> tuple[bytes, str]:
        return self._fake.notice(NoticeKind.REFUND, refund_id=refund_id)

    def dispute_notice(self, dispute_id: str) -> tuple[bytes, str]:
        return self._fake.notice(NoticeKind.DISPUTE, dispute_id=dispute_id)


_GOOD_CARD = "4242424242424242"
_RISKY_CARD = "4000000000009235"
_POOR_CARD = "4000000000009995"
_SLOW_REFUND_CARD = "4000000000007726"
_PATHS = {
    "open_checkout": ("POST", "/v1/checkout/sessions"),
    "close_checkout": ("POST", "/v1/checkout/sessions/*/expire"),
    "look_up": ("GET", "/v1/checkout/sessions/*"),
    "capture": ("POST", "/v1/payment_intents/*/capture"),
    "void": ("POST", "/v1/payment_intents/*/cancel"),
    "refund": ("POST", "/v1/refunds"),
    "find_refund": ("GET", "/v1/refunds/*"),
    "accept_dispute": ("POST", "/v1/disputes/*/close"),
    "submit_evidence": ("POST", "/v1/disputes/*"),
}


class SandboxProvider:
    paths = _PATHS
    """Where each method of the port calls: verb and path."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.gateway: PaymentGateway = payment_gateway.connect(
            api_key=STRIPE_KEY, webhook_secret=WEBHOOK_SECRET, api_base=sandbox.url, calls_per_second=1_000
        )
        self._card = _GOOD_CARD

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.sandbox.control("GET", "clock")["now"], UTC)

    def pay(self, session_id: str) -> None:
        assert self._submit(session_id, self._card) == 303

    def pay_risky(self, session_id: str) -> None:
        assert self._submit(session_id, _RISKY_CARD) == 303

    def decline(self, session_id: str) -> None:
        assert self._submit(session_id, _POOR_CARD) == 402

    def expire(self, session_id: str) -> None:
        del session_id
        self.sandbox.advance(DAY_SECONDS)

    def replies_lost(self, method: str) -> AbstractContextManager[None]:
        verb, path = _PATHS[method]
        return self.sandbox.fault(target="stripe", kind="lost_reply", method=verb, path=path)

    def busy(self, method: str) -> AbstractContextManager[None]:
        verb, path = _PATHS[method]
        return self.sandbox.fault(target="stripe", kind="429", method=verb, path=path, times=1)

    def broken(self, method: str) -> AbstractContextManager[None]:
        verb, path = _PATHS[method]
        return self.sandbox.fault(target="stripe", kind="500", method=verb, path=path, times=1)

    def next_refunds_are_pending(self) -> None:
        self._card = _SLOW_REFUND_CARD

    def settle_refund(self, refund_id: str) -> None:
        del refund_id
        self.sandbox.advance(2 * 3_600)

    def forget_keys(self) -> None:
        self.sandbox.advance(DAY_SECONDS + 1)

    def payment_notice(self, session_id: str, *, age_seconds: int = 0) -> tuple[bytes, str]:
        return self._notice("checkout.session.completed", session_id, age_seconds)

    def dispute(self, intent_id: str, *, inquiry: bool = False) -> str:
        made = self.sandbox.control("POST", f"charges/{self._charge(intent_id)}/dispute", {"inquiry": inquiry})
        return str(made["id"])

    def decide(self, dispute_id: str, *, won: bool) -> None:
        self.sandbox.control("POST", f"disputes/{dispute_id}/decide", {"verdict": "won" if won else "lost"})

    def warn(self, intent_id: str) -> str:
        made = self.sandbox.control("POST", f"charges/{self._charge(intent_id)}/early_fraud_warning", {})
        return str(made["id"])

    def refund_notice(self, refund_id: str) -> tuple[bytes, str]:
        return self._notice("refund.created", refund_id, 0)

    def dispute_notice(self, dispute_id: str) -> tuple[bytes, str]:
        return self.notice_about(dispute_id)

    def pay_with(self, session_id: str, card: str) -> None:
        assert self._submit(session_id, card) == 303

    def notice_about(self, about: str) -> tuple[bytes, str]:
        """The newest webhook about an object, whatever it says."""
        events = self.sandbox.control("GET", "events?limit=1000")["data"]
        return _signed(next(one for one in events if one["data"]["object"]["id"] == about))

    def _charge(self, intent_id: str) -> str:
        charges = self.sandbox.control("GET", "charges?limit=1000")["data"]
        return next(str(one["id"]) for one in charges if one["payment_intent"] == intent_id and one["captured"])

    def _notice(self, type_: str, about: str, age_seconds: int) -> tuple[bytes, str]:
        events = self.sandbox.control("GET", "events?limit=1000")["data"]
        found = next(one for one in events if one["type"] == type_ and one["data"]["object"]["id"] == about)
        return _signed(found, age_seconds=age_seconds)

    def _submit(self, session_id: str, card: str) -> int:
        form = {"card_number": card, "exp_month": "12", "exp_year": "2049", "cvc": "123", "email": "ada@example.com"}
        return self.sandbox.submit(f"{self.sandbox.url}/c/pay/{session_id}", form).status_code


def _signed(event: dict[str, Any], *, age_seconds: int = 0) -> tuple[bytes, str]:
    payload = json.dumps(event)
    signature = stripe.WebhookSignature.generate_signature_header(
        payload, WEBHOOK_SECRET, timestamp=int(time.time()) - age_seconds
    )
    return payload.encode(), signature
