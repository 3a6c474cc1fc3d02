"""Webhook endpoints, and the signature that their receivers check."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

import orjson

from adapters.stripe.sandbox.ledger import Ledger, random_text
from adapters.stripe.sandbox.params import Params
from adapters.stripe.sandbox.ports import Document

ENDPOINTS_MAX = 16
CONFIGURED_ID = "we_configured0at0start00000"


def configure(ledger: Ledger, *, url: str, secret: str) -> None:
    """The endpoint that the process was started with: everything goes there."""
    previous = ledger.documents.get("webhook_endpoint", CONFIGURED_ID)
    created = previous["created"] if previous else ledger.now()
    endpoint = _endpoint(CONFIGURED_ID, url=url, enabled_events=["*"], created=created)
    ledger.save(endpoint | {"description": "Configured when the sandbox was started"})
    ledger.documents.put("webhook_secret", CONFIGURED_ID, {"secret": secret})


def create(ledger: Ledger, params: Params) -> Document:
    """``POST /v1/webhook_endpoints``; only this answer carries the signing secret."""
    url = params.url("url")
    if url is None:
        raise params.absent("url")
    enabled_events = params.texts("enabled_events")
    if not enabled_events:
        raise params.absent("enabled_events")
    if len(ledger.select("webhook_endpoint")) >= ENDPOINTS_MAX:
        raise params.wrong("url", f"You have reached the maximum of {ENDPOINTS_MAX} test webhook endpoints.")
    endpoint = _endpoint(
        ledger.new_id("webhook_endpoint"), url=url, enabled_events=enabled_events, created=ledger.now()
    )
    endpoint["description"] = params.text("description")
    endpoint["metadata"] = params.metadata()
    endpoint["api_version"] = params.text("api_version")
    secret = f"whsec_{random_text(32)}"
    ledger.documents.put("webhook_secret", endpoint["id"], {"secret": secret})
    return {**ledger.save(endpoint), "secret": secret}


def update(ledger: Ledger, params: Params, *, endpoint_id: str) -> Document:
    endpoint = ledger.get("webhook_endpoint", endpoint_id)
    if (url := params.url("url")) is not None:
        endpoint["url"] = url
    if enabled_events := params.texts("enabled_events"):
        endpoint["enabled_events"] = enabled_events
    if (disabled := params.flag("disabled")) is not None:
        endpoint["status"] = "disabled" if disabled else "enabled"
    if "description" in params:
        endpoint["description"] = params.text("description")
    return ledger.change(endpoint, metadata=params.metadata(endpoint["metadata"]))


def delete(ledger: Ledger, params: Params, *, endpoint_id: str) -> Document:
    del params
    ledger.get("webhook_endpoint", endpoint_id)
    ledger.documents.delete("webhook_endpoint", endpoint_id)
    ledger.documents.delete("webhook_secret", endpoint_id)
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


def prepare(ledger: Ledger, delivery: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The event as JSON, and ``Stripe-Signature``: HMAC-SHA256 over ``t.body``.

    The real time counts here, not the sandbox's clock, because receivers refuse what is older than five minutes on
    theirs.
    """
    event = ledger.get("event", delivery["about"]["event"])
    body = orjson.dumps(event, option=orjson.OPT_INDENT_2).decode()
    kept = ledger.documents.get("webhook_secret", delivery["about"]["endpoint"])
    secret = kept["secret"] if kept is not None else ""
    timestamp = int(time.time())
    signed = f"{timestamp}.{body}".encode()
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": f"t={timestamp},v1={signature}",
    }


def _endpoint(endpoint_id: str, *, url: str, enabled_events: list[str], created: int) -> Document:
    return {
        "id": endpoint_id,
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": created,
        "description": None,
        "enabled_events": enabled_events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }
