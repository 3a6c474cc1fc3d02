"""Every route, fuzzed from its own document: no crash, no undocumented answer, no answer unlike its schema.

Once as a stranger with made-up ids, and once as the owner of a hold and of an order, so that the fuzzing reaches
behind the tokens. One of schemathesis' checks is left out: that whatever fits the schema is accepted. Here it also
depends on what exists (a tier, a cursor, a signature), and tests/unit/http says what is accepted.
"""

from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.unit.http.shop import Shop, answered, bearer

EXAMPLES = 12
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

_shop = Shop()
_numbers = count()
schema = schemathesis.openapi.from_wsgi("/openapi.json", _shop.app)


@pytest.fixture(autouse=True)
def _full_house() -> None:
    """Every operation starts with all tickets free."""
    _shop.fake_inventory.forget(_shop.field.id)


@schema.parametrize()
@BOUNDED
def test_a_stranger_meets_nothing_undocumented(case: "schemathesis.Case[Any]") -> None:
    """Made-up ids and tokens."""
    _call(case)


@schema.parametrize()
@BOUNDED
def test_an_owner_meets_nothing_undocumented(case: "schemathesis.Case[Any]") -> None:
    """Real events, holds, orders and tickets, with their tokens."""
    _make_real(case)
    _call(case)


def _call(case: "schemathesis.Case[Any]") -> None:
    # The test client hands bodies over as they are, so none may be packed.
    case.headers["Accept-Encoding"] = "identity"
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


def _make_real(case: "schemathesis.Case[Any]") -> None:
    if case.meta is not None and case.meta.is_negative_at(ParameterLocation.PATH):
        # What cannot be an id must stay one that cannot.
        return
    path = case.path_parameters
    client = _shop.client()
    # Each buyer from elsewhere, or the fraud rules would want to look at them.
    client.environ_base["REMOTE_ADDR"] = f"10.0.{next(_numbers) % 250}.{next(_numbers) % 250}"
    if "event" in path:
        path["event"] = "field"
    if "hold" in path:
        held = _shop.hold(client, quantity=1)
        path["hold"] = held["id"]
        case.headers.update(bearer(held))
    if "order" in path or "ticket" in path:
        held = _shop.hold(client, quantity=1)
        order = _shop.checkout(held, client, email=f"buyer{next(_numbers)}@example.com", phone=None)["order"]
        _shop.pay(order)
        case.headers.update(bearer(order))
        tickets = answered(client.get(f"/api/v1/orders/{order['id']}/tickets", headers=bearer(order)), 200)["items"]
        path.update(
            {name: value for name, value in (("order", order["id"]), ("ticket", tickets[0]["id"])) if name in path}
        )
