"""Prometheus metrics: what the web processes counted, and what the house's books say at the moment of asking.

Each process writes its numbers into files of one folder (PROMETHEUS_MULTIPROC_DIR, set before this module is
imported: see wsgi.py), and whichever process is asked adds them up. Without that variable there is one process.

Figures of the house are not counted here at all: they are read from Postgres, so that they cover every process on every
machine and survive restarts. Of several servers each answers the same figures: take the maximum, not the sum.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from flask import Blueprint, Response, current_app
from flask.blueprints import BlueprintSetupState
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from domain.errors import Unavailable
from domain.ports.backoffice import Pulse
from domain.ports.rate_limits import EndpointSpending
from entrypoints.http.services import Services, current

blueprint = Blueprint("metrics", __name__)

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CHILDREN_MAX = 4_096
PULSE_KEPT = timedelta(seconds=5)
"""However often a process is asked, it asks Postgres no more often than this, also when Postgres is away."""

_EXTENSION = "tessera_house"

_seconds = Histogram(
    "tessera_http_seconds", "Answers and their times.", ["method", "route", "status"], buckets=LATENCY_BUCKETS
)


class HouseCollector:
    """The house's figures, in the form in which prometheus_client collects."""

    def __init__(self) -> None:
        self._pulse: Pulse | None = None
        self._taken_at: datetime | None = None

    def collect(self) -> Iterator[Metric]:
        """Nothing of a server that is away: a missing figure is honest, an old one is not."""
        yield from self._budget()
        pulse = self._fresh(current())
        if pulse is None:
            return
        yield CounterMetricFamily(
            "tessera_inventory_repairs", "Inventories found wrong and put right, ever.", value=pulse.repairs
        )
        yield GaugeMetricFamily("tessera_outbox_waiting", "Effects that are not done yet.", value=pulse.effects_waiting)
        yield GaugeMetricFamily("tessera_outbox_parked", "Effects that gave up.", value=pulse.effects_parked)
        if pulse.books_differences is not None:
            yield GaugeMetricFamily(
                "tessera_books_differences",
                "Differences between our books and the payment provider's, when they were last compared.",
                value=pulse.books_differences,
            )

    def _budget(self) -> Iterator[Metric]:
        """What calls to Stripe cost the fleet in waiting. Counted in Valkey, so an emptied one begins anew."""
        try:
            spending = current().provider_spending()
        except Unavailable:
            return
        yield from _spending_metrics(spending)

    def _fresh(self, services: Services) -> Pulse | None:
        now = services.clock().now()
        if self._taken_at is None or not timedelta(0) <= now - self._taken_at < PULSE_KEPT:
            self._taken_at = now
            try:
                self._pulse = services.backoffice().pulse()
            except Unavailable:
                self._pulse = None
        return self._pulse


def _spending_metrics(spending: Mapping[str, EndpointSpending]) -> Iterator[Metric]:
    names = ["endpoint", "urgency"]
    calls = CounterMetricFamily("tessera_stripe_calls", "Calls to Stripe that had their slot.", labels=names)
    refused = CounterMetricFamily(
        "tessera_stripe_refused", "Calls not made: their slot was too far away.", labels=names
    )
    waited = CounterMetricFamily("tessera_stripe_waited_seconds", "Waited for slots, all calls together.", labels=names)
    limited = CounterMetricFamily("tessera_stripe_limited", "Answers 429 from Stripe.", labels=["endpoint"])
    for endpoint, spent in spending.items():
        limited.add_metric([endpoint or "everywhere"], spent.limited)
        for urgency, of_urgency in spent.by_urgency.items() if endpoint else ():
            labels = [endpoint, urgency.value]
            calls.add_metric(labels, of_urgency.calls)
            refused.add_metric(labels, of_urgency.refused)
            waited.add_metric(labels, of_urgency.waited_seconds)
    yield from (calls, refused, waited, limited)


@blueprint.record_once
def _install(state: BlueprintSetupState) -> None:
    registry = CollectorRegistry()
    registry.register(HouseCollector())
    state.app.extensions[_EXTENSION] = registry


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer. Routes are patterns, so the number of series is bounded by the number of routes."""
    _child(method, route, status).observe(seconds)


@lru_cache(CHILDREN_MAX)
def _child(method: str, route: str, status: int) -> Histogram:
    return _seconds.labels(method, route, str(status))


@blueprint.get("/metrics")
def metrics() -> Response:
    """All processes' numbers and the house's figures in Prometheus' text format."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    text = generate_latest(registry) + generate_latest(current_app.extensions[_EXTENSION])
    return Response(text, content_type=CONTENT_TYPE_LATEST)
