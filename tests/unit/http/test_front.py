"""What every answer has in common: ids, headers, log lines, numbers; and who is believed to be asking."""

import re
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from entrypoints.http.identity import DEVICE_COOKIE, Identities
from tests.unit.http.shop import Shop, answered

ORIGINAL = {"REMOTE_ADDR": "198.51.100.7"}


def test_a_sane_request_id_is_kept_and_any_other_replaced(client: FlaskClient) -> None:
    """One id runs through proxies and us; nobody can write into our logs with it."""
    assert client.get("/healthz", headers={"X-Request-Id": "abc-123_x.y"}).headers["X-Request-Id"] == "abc-123_x.y"
    for forged in ("short", "x" * 65, "with space", "a<script>"):
        given = client.get("/healthz", headers={"X-Request-Id": forged}).headers["X-Request-Id"]
        assert re.fullmatch(r"[0-9a-f]{24}", given)


def test_every_request_has_one_structured_line(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """JSON with id, route (never ids in it), status and time; the token in a query is not in it."""
    shop = Shop(environment={"LOG_FORMAT": "json"})
    client = shop.client()
    client.get("/api/v1/events/field?token=secret", headers={"X-Request-Id": "line-test"})
    client.get("/api/v1/events/field/availability")
    client.get("/healthz")

    lines = [orjson.loads(line) for line in capsysbinary.readouterr().err.splitlines()]
    assert [line["route"] for line in lines] == [
        "/api/v1/events/<event:event>",
        "/api/v1/events/<event:event>/availability",
    ]
    first = lines[0]
    assert first["request_id"] == "line-test"
    assert (first["method"], first["status"], first["event"]) == ("GET", 200, "request")
    assert first["ms"] >= 0
    assert "secret" not in str(lines)


def test_answers_are_counted_by_route(client: FlaskClient) -> None:
    """/metrics knows routes and statuses, not ids."""
    client.get("/api/v1/events/field")
    client.get("/api/v1/elsewhere")

    text = client.get("/metrics").get_data(as_text=True)

    assert 'tessera_http_seconds_count{method="GET",route="/api/v1/events/<event:event>",status="200"}' in text
    assert 'route="(none)",status="404"' in text
    assert "elsewhere" not in text


def test_data_may_do_nothing_and_pages_only_what_is_ours(shop: Shop) -> None:
    """Security headers on every answer; pages have a nonce of their own each time."""
    client = shop.client()
    for path in ("/api/v1/events", "/api/v1/events/field/availability", "/api/v1/nowhere", "/healthz"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "Set-Cookie" not in headers
    policies = [client.get("/").headers["Content-Security-Policy"] for _ in range(2)]
    assert policies[0] != policies[1]
    for policy in policies:
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


def test_https_is_for_good() -> None:
    """With an https address browsers are told to stay there, and cookies are secure."""
    shop = Shop(environment={"PUBLIC_URL": "https://shop.test"})
    response = shop.client().get("/")

    assert "max-age=" in response.headers["Strict-Transport-Security"]
    assert "Secure" in response.headers["Set-Cookie"]


def test_a_browser_gets_one_device_cookie(shop: Shop) -> None:
    """HttpOnly, signed, given once; a forged one is replaced, and counts for nothing."""
    browser = shop.app.test_client()
    first = browser.get("/")
    cookie = browser.get_cookie(DEVICE_COOKIE)

    assert cookie is not None
    assert "HttpOnly" in first.headers["Set-Cookie"]
    assert not any(DEVICE_COOKIE in value for value in browser.get("/").headers.getlist("Set-Cookie"))
    forged = shop.client().get("/", headers={"Cookie": f"{DEVICE_COOKIE}=somebody.else"})
    assert DEVICE_COOKIE in forged.headers["Set-Cookie"]


def test_devices_are_told_apart_and_addresses_hidden() -> None:
    """The same device is the same key wherever it is; keys say nothing about address or cookie."""
    identities = Identities("a secret of the tests")
    cookie = identities.new_cookie()

    def buyer(address: str, **environ: str) -> Any:
        return identities.buyer({"REMOTE_ADDR": address, **environ})

    at_home = buyer("192.0.2.1", HTTP_COOKIE=f"{DEVICE_COOKIE}={cookie}")
    on_the_way = buyer("198.51.100.1", HTTP_COOKIE=f"{DEVICE_COOKIE}={cookie}")
    assert at_home.device == on_the_way.device
    assert at_home.address != on_the_way.address
    assert "192.0.2.1" not in str(at_home)
    assert buyer("192.0.2.1", HTTP_IDEMPOTENCY_KEY="a") == buyer("192.0.2.1", HTTP_IDEMPOTENCY_KEY="a")
    assert buyer("192.0.2.1", HTTP_IDEMPOTENCY_KEY="a") != buyer("192.0.2.1", HTTP_IDEMPOTENCY_KEY="b")
    assert buyer("192.0.2.1", HTTP_IDEMPOTENCY_KEY="a") != buyer("192.0.2.2", HTTP_IDEMPOTENCY_KEY="a")
    assert buyer("192.0.2.1").device != buyer("192.0.2.1").device, "strangers behind one address are not one buyer"
    assert buyer("2001:db8::1").address == buyer("2001:db8::ffff:1").address
    assert buyer("2001:db8::1").address != buyer("2001:db8:0:1::1").address
    assert Identities("another secret").buyer({"REMOTE_ADDR": "192.0.2.1"}) != buyer("192.0.2.1")


@pytest.mark.parametrize(("hops", "believed"), [("0", "198.51.100.7"), ("1", "203.0.113.9"), ("2", "6.6.6.6")])
def test_only_our_own_proxies_are_believed(hops: str, believed: str) -> None:
    """X-Forwarded-For counts as far as our proxies wrote it; what a client wrote before that moves nothing."""
    shop = Shop(environment={"TRUSTED_PROXY_HOPS": hops})
    seen: list[str] = []
    identities = shop.app.extensions["tessera.identities"]
    real = identities.buyer

    def spy(environ: dict[str, Any]) -> Any:
        seen.append(environ["REMOTE_ADDR"])
        return real(environ)

    identities.buyer = spy
    client = shop.client()
    client.post(
        "/api/v1/events/field/holds",
        json={"items": [{"tier": "general", "quantity": 1}]},
        headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9"},
        environ_base=ORIGINAL,
    )

    assert seen == [believed]


def test_readiness_names_what_is_wrong(shop: Shop, client: FlaskClient) -> None:
    """503 while something is; being alive does not depend on it."""
    assert answered(client.get("/readyz"), 200)["status"] == "ok"
    shop.ready["valkey"] = "does not answer"

    assert answered(client.get("/readyz"), 503)["checks"] == {
        "database": "ok",
        "valkey": "does not answer",
        "migrations": "ok",
    }
    assert client.get("/healthz").status_code == 200
