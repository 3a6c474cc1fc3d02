"""The OpenAPI document: valid OpenAPI 3.1, complete, and what README and Swagger UI show."""

import re
from typing import Any, cast

import orjson
import pytest
from flask import Flask

from entrypoints.http.openapi import document
from tests.unit.http.shop import Shop

CONTRACT = {
    ("get", "/api/v1/events"),
    ("get", "/api/v1/events/{event}"),
    ("get", "/api/v1/events/{event}/seat-map"),
    ("get", "/api/v1/events/{event}/availability"),
    ("get", "/api/v1/events/{event}/availability/stream"),
    ("post", "/api/v1/events/{event}/holds"),
    ("get", "/api/v1/holds/{hold}"),
    ("delete", "/api/v1/holds/{hold}"),
    ("post", "/api/v1/holds/{hold}/extensions"),
    ("post", "/api/v1/holds/{hold}/checkout"),
    ("get", "/api/v1/orders/{order}"),
    ("get", "/api/v1/orders/{order}/tickets"),
    ("get", "/api/v1/tickets/{ticket}.pdf"),
    ("get", "/api/v1/tickets/{ticket}.svg"),
    ("get", "/api/v1/orders/{order}/refund-quote"),
    ("get", "/api/v1/orders/{order}/refunds"),
    ("post", "/api/v1/orders/{order}/refunds"),
    ("post", "/webhooks/stripe"),
    ("post", "/webhooks/twilio/status"),
    ("post", "/webhooks/twilio/inbound"),
}


@pytest.fixture(scope="module")
def app() -> Flask:
    return Shop().app


@pytest.fixture(scope="module")
def spec(app: Flask) -> dict[str, Any]:
    return cast("dict[str, Any]", orjson.loads(document(app)))


def operations(spec: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (method, path)
        for path, item in spec["paths"].items()
        for method in item
        if method in {"get", "post", "put", "patch", "delete"}
    }


def test_every_route_of_the_contract_is_documented_and_no_other(spec: dict[str, Any]) -> None:
    """The names in the contract are fixed."""
    assert operations(spec) == CONTRACT


def test_every_documented_route_is_served(app: Flask, spec: dict[str, Any]) -> None:
    """And every route under /api and /webhooks is documented."""
    served = {
        (method.lower(), re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/api/", "/webhooks/"))
        for method in rule.methods or ()
        if method not in {"HEAD", "OPTIONS"}
    }
    assert served == operations(spec)


def test_it_is_openapi_3_1(spec: dict[str, Any]) -> None:
    """Schemathesis' own validator, which knows the 3.1 meta-schema, finds nothing wrong."""
    import schemathesis

    schema = schemathesis.openapi.from_dict(spec)
    schema.validate()
    assert spec["openapi"].startswith("3.1")


def test_every_operation_says_how_it_fails(spec: dict[str, Any]) -> None:
    """Every refusal is documented as a problem, and every operation has at least one of each kind."""
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            failures = {status: reply for status, reply in operation["responses"].items() if status >= "400"}
            assert failures, (method, path)
            for status, reply in failures.items():
                assert "application/problem+json" in reply["content"], (method, path, status)


def test_every_reference_resolves(spec: dict[str, Any]) -> None:
    """No dangling $ref."""
    names = set(re.findall(r'"#/components/([^"]+)"', orjson.dumps(spec).decode()))
    for name in names:
        kind, _, word = name.partition("/")
        assert word in spec["components"][kind], name


def test_it_can_be_read_offline(app: Flask) -> None:
    """The docs page takes everything from this host, under the strict policy, and each file is there."""
    client = app.test_client()
    page = client.get("/docs")
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.get_data(as_text=True))
    assert sources
    for source in sources:
        assert source.startswith("/")
        answer = client.get(source)
        assert answer.status_code == 200, source
        answer.close()
    assert "'unsafe" not in page.headers["Content-Security-Policy"]
