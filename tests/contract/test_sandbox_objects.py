"""Stripe's sandbox speaks the API: object shapes, lists, expansion, parameters, keys and errors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.contract.sandbox_harness import STRIPE_KEY, Sandbox, running_sandbox, wait_for

# Field names and types of the providers' published sample objects; regenerate when the pinned API version changes.
FIELDS: dict[str, Any] = json.loads((Path(__file__).parent / "sandbox_fields.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


def differences(expected: Any, actual: Any, path: str) -> list[str]:
    """Where ``actual`` lacks a published field, or has one of another type. Null matches everything."""
    if actual is None or expected == "null":
        return []
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{path} is no object"]
        return [
            problem
            for name, inner in expected.items()
            for problem in (
                differences(inner, actual[name], f"{path}.{name}") if name in actual else [f"{path}.{name} is missing"]
            )
        ]
    families = {"string": str, "number": int, "boolean": bool, "array": list}
    right = isinstance(actual, families[expected]) and (expected == "boolean") == isinstance(actual, bool)
    return [] if right else [f"{path} is {type(actual).__name__}, not {expected}"]


@pytest.fixture(scope="module")
def specimens(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """One of each kind of object, as full as it gets."""
    client = sandbox.stripe.v1
    disputed = sandbox.captured("4000000000000259")
    warned = sandbox.captured("4000000000005423")
    reviewed = sandbox.authorised("4000000000009235")
    captured = sandbox.captured()
    refund = client.refunds.create({"payment_intent": captured.id})
    dispute = wait_for(lambda: client.disputes.list({"payment_intent": disputed.id}).data)[0]
    warning = wait_for(lambda: client.radar.early_fraud_warnings.list({"payment_intent": warned.id}).data)[0]
    charge = client.charges.retrieve(str(captured.latest_charge))
    found: dict[str, Any] = {
        "balance_transaction": client.balance_transactions.retrieve(str(charge.balance_transaction)),
        "charge": charge,
        "checkout.session": client.checkout.sessions.list({"payment_intent": captured.id}).data[0],
        "dispute": dispute,
        "event": client.events.list({"limit": 1}).data[0],
        "payment_intent": client.payment_intents.retrieve(captured.id),
        "radar.early_fraud_warning": warning,
        "refund": refund,
        "review": client.reviews.retrieve(str(reviewed.review)),
        "webhook_endpoint": client.webhook_endpoints.list().data[0],
    }
    return {name: json.loads(str(specimen)) for name, specimen in found.items()}


@pytest.mark.parametrize("kind", sorted(FIELDS["stripe"]))
def test_objects_carry_every_published_field(kind: str, specimens: dict[str, dict[str, Any]]) -> None:
    """Each object has all fields of Stripe's published sample, of the same type, at every depth."""
    assert specimens[kind]["object"] == kind
    assert differences(FIELDS["stripe"][kind], specimens[kind], kind) == []


def test_the_comparison_of_fields_can_fail() -> None:
    """A missing or mistyped field is found."""
    assert differences({"a": {"b": "string"}}, {"a": {}}, "x") == ["x.a.b is missing"]
    assert differences({"a": "number"}, {"a": True}, "x") == ["x.a is bool, not number"]


def test_lists_are_paged_both_ways_without_gaps(sandbox: Sandbox) -> None:
    """Forwards by starting_after, backwards by ending_before, and by the SDK's own iteration, all see all."""
    made = [sandbox.stripe.v1.customers.create({"email": "paged@example.com"}).id for _ in range(7)]
    newest_first = made[::-1]
    customers: Any = sandbox.stripe.v1.customers
    filters = {"email": "paged@example.com", "limit": 3}
    first = customers.list(filters)
    assert ([one.id for one in first.data], first.has_more) == (newest_first[:3], True)
    second = customers.list({**filters, "starting_after": first.data[-1].id})
    assert ([one.id for one in second.data], second.has_more) == (newest_first[3:6], True)
    last = customers.list({**filters, "starting_after": second.data[-1].id})
    assert ([one.id for one in last.data], last.has_more) == (newest_first[6:], False)
    back = customers.list({**filters, "ending_before": last.data[0].id})
    assert ([one.id for one in back.data], back.has_more) == (newest_first[3:6], True)
    assert [one.id for one in customers.list(filters).auto_paging_iter()] == newest_first


def test_lists_are_filtered(sandbox: Sandbox) -> None:
    """By payment intent, by charge and by time of creation; an unknown cursor or a limit of 101 is refused."""
    client = sandbox.stripe.v1
    intent = sandbox.captured()
    refund = client.refunds.create({"payment_intent": intent.id, "amount": 100})
    sandbox.captured()
    assert [one.id for one in client.refunds.list({"payment_intent": intent.id}).data] == [refund.id]
    assert [one.id for one in client.refunds.list({"charge": str(refund.charge)}).data] == [refund.id]
    assert [one.payment_intent for one in client.charges.list({"payment_intent": intent.id}).data] == [intent.id]
    session = client.checkout.sessions.list({"payment_intent": intent.id}).data[0]
    assert session.payment_intent == intent.id
    later = {"created": {"gte": int(time.time()) + 100}}
    assert client.events.list(later).data == []  # type: ignore[arg-type]  # the SDK's type wants a literal
    for wrong in ({"limit": 101}, {"starting_after": "re_nothing"}, {"limit": "many"}):
        with pytest.raises(stripe.InvalidRequestError):
            client.refunds.list(wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_expansion_replaces_ids_by_objects(sandbox: Sandbox) -> None:
    """Through several levels, inside lists and in answers to a POST; what cannot be expanded is refused."""
    intent = sandbox.authorised()
    client = sandbox.stripe.v1
    captured = client.payment_intents.capture(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    assert isinstance(captured.latest_charge, stripe.Charge)
    assert isinstance(captured.latest_charge.balance_transaction, stripe.BalanceTransaction)
    assert captured.latest_charge.balance_transaction.net == 9000 - (261 + 30)
    listed = client.checkout.sessions.list(
        {"payment_intent": intent.id, "expand": ["data.payment_intent", "data.line_items"]}
    ).data[0]
    assert isinstance(listed.payment_intent, stripe.PaymentIntent)
    assert listed.line_items is not None
    assert listed.line_items.data[0].quantity == 2
    items = client.checkout.sessions.line_items.list(listed.id)
    assert [(item.description, item.amount_total) for item in items.data] == [("General admission", 9000)]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.payment_intents.retrieve(intent.id, {"expand": ["amount"]})


def test_metadata_is_merged_and_unset(sandbox: Sandbox) -> None:
    """Given keys are set, empty ones unset, the rest kept; Stripe's limits hold."""
    intent = sandbox.authorised()
    update = sandbox.stripe.v1.payment_intents.update
    assert update(intent.id, {"metadata": {"seat": "A1", "order": ""}}).metadata.to_dict() == {"seat": "A1"}
    assert update(intent.id, {"metadata": ""}).metadata.to_dict() == {}
    for wrong in ({"k" * 41: "v"}, {"k": "v" * 501}, {f"k{index}": "v" for index in range(51)}):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            update(intent.id, {"metadata": wrong})
        assert refused.value.param == "metadata"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"mode": None}, "mode"),
        ({"mode": "subscription"}, "mode"),
        ({"success_url": None}, "success_url"),
        ({"success_url": "ftp://shop.example"}, "success_url"),
        ({"line_items": []}, "line_items"),
        ({"colour": "red"}, "colour"),
        ({"line_items": [{"quantity": 1, "price": "price_1"}]}, "line_items[0][price]"),
        ({"line_items": [{"quantity": 0, "price_data": {"currency": "usd"}}]}, "line_items[0][quantity]"),
        (
            {"line_items": [{"quantity": 1, "price_data": {"currency": "usd", "unit_amount": "1.5"}}]},
            "line_items[0][price_data][unit_amount]",
        ),
        (
            {
                "line_items": [
                    {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 5, "product_data": {"name": "x"}}}
                ]
            },
            "line_items",
        ),
        ({"payment_intent_data": {"capture_method": "later"}}, "payment_intent_data[capture_method]"),
        ({"customer": "cus_nobody"}, "customer"),
        ({"customer_email": "nobody at home"}, "customer_email"),
    ],
)
def test_wrong_parameters_are_named(sandbox: Sandbox, changes: dict[str, Any], param: str) -> None:
    """Whatever is wrong with a session's parameters, the error says which one, down to the nested name."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.open_session(**changes)
    assert refused.value.param == param


def test_unknown_objects_and_paths_are_404(sandbox: Sandbox) -> None:
    """With the code and the parameter that Stripe gives."""
    client = sandbox.stripe.v1
    for retrieve, kind in (
        (client.payment_intents.retrieve, "payment_intent"),
        (client.charges.retrieve, "charge"),
        (client.refunds.retrieve, "refund"),
        (client.checkout.sessions.retrieve, "checkout.session"),
        (client.disputes.retrieve, "dispute"),
        (client.events.retrieve, "event"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=f"No such {kind}: 'nothing'") as refused:
            retrieve("nothing")
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        client.products.list()


def test_a_wrong_key_is_refused(sandbox: Sandbox) -> None:
    """401 for a wrong key, without repeating it, and for none; a Basic user name is a key as well."""
    wrong = stripe.StripeClient("sk_test_somebodyelse0123", base_addresses={"api": sandbox.url})
    with pytest.raises(stripe.AuthenticationError, match=r"sk_test_\*+0123") as refused:
        wrong.v1.payment_intents.list()
    assert refused.value.http_status == 401
    assert sandbox.http("GET", "/v1/charges").status == 401
    from base64 import b64encode

    basic = b64encode(f"{STRIPE_KEY}:".encode()).decode()
    assert sandbox.http("GET", "/v1/charges", headers={"Authorization": f"Basic {basic}"}).status == 200


def test_answers_carry_stripes_headers(sandbox: Sandbox) -> None:
    """A request id, the version asked for, and in errors the type and the log's address."""
    headers = {"Authorization": f"Bearer {STRIPE_KEY}", "Stripe-Version": "2026-10-28.endive"}
    good = sandbox.http("GET", "/v1/charges", headers=headers)
    assert good.headers["Request-Id"].startswith("req_")
    assert good.headers["Stripe-Version"] == "2026-10-28.endive"
    bad = sandbox.http("GET", "/v1/charges/ch_nothing", headers=headers)
    error = bad.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["request_log_url"].endswith(bad.headers["Request-Id"])
    assert sandbox.http("GET", "/v1/charges", headers={**headers, "Stripe-Version": "latest"}).status == 400


def test_malformed_requests_are_answered_not_crashed(sandbox: Sandbox) -> None:
    """Conflicting names, absurd nesting, too many fields, a body too large: always a 4xx in Stripe's shape."""
    headers = {"Authorization": f"Bearer {STRIPE_KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"a=1&a[b]=2", b"a" + b"[b]" * 50 + b"=1", b"[]=1", b"&".join([b"x=1"] * 3_000), b"metadata[k][l]=1"):
        reply = sandbox.http("POST", "/v1/checkout/sessions", body=body, headers=headers)
        assert reply.status == 400
        assert reply.json()["error"]["message"]
    assert sandbox.http("POST", "/v1/refunds", body=b"x" * 1_000_001, headers=headers).status == 413
