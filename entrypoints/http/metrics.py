"""Prometheus metrics of the web processes together.

Each process writes its numbers into files of one folder (PROMETHEUS_MULTIPROC_DIR, set before this module is
imported: see wsgi.py), and whichever process is asked adds them up. Without that variable there is one process.
"""

import os
from functools import lru_cache

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

blueprint = Blueprint("metrics", __name__)

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CHILDREN_MAX = 4_096

_seconds = Histogram(
    "tessera_http_seconds", "Answers and their times.", ["method", "route", "status"], buckets=LATENCY_BUCKETS
)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer. Routes are patterns, so the number of series is bounded by the number of routes."""
    _child(method, route, status).observe(seconds)


@lru_cache(CHILDREN_MAX)
def _child(method: str, route: str, status: int) -> Histogram:
    return _seconds.labels(method, route, str(status))


@blueprint.get("/metrics")
def metrics() -> Response:
    """All processes' numbers in Prometheus' text format."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
