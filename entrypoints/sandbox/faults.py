"""Faults on demand: rules that say which request or delivery goes wrong, how, and how often.

The engine only decides. A vendor's sandbox turns the decision into that vendor's own error body, the server drops
connections, and the delivery queue drops, repeats, delays, holds or reorders webhooks.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

REQUEST_TARGETS = ("stripe", "twilio")
DELIVERY_TARGETS = ("stripe_webhooks", "twilio_callbacks")
REQUEST_KINDS = ("429", "500", "502", "503", "lost_reply", "connection_reset", "delay")
DELIVERY_KINDS = ("drop", "duplicate", "delay", "reorder", "hold")
SECONDS_MAX = 3_600.0
RULES_MAX = 1_000


class UnusableFaultError(ValueError):
    """The description of a fault cannot be understood; the message says which part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule. ``times`` None means for ever; ``skip`` lets that many matches through first."""

    id: str
    target: str
    kind: str
    method: str = "*"
    path: str = "*"
    type: str = "*"
    """Webhooks and callbacks only: the event type, or the message status."""
    times: int | None = 1
    skip: int = 0
    seconds: float = 0.0
    after: bool = False
    """Requests only: carry the request out, then fail. ``lost_reply`` always does."""
    probability: float = 1.0

    def matches(self, *, target: str, method: str, path: str, type_: str) -> bool:
        return (
            self.target == target
            and (self.method == "*" or self.method == method)
            and fnmatchcase(path, self.path)
            and fnmatchcase(type_, self.type)
        )


@dataclass(slots=True)
class _Armed:
    fault: Fault
    remaining: int | None
    skip: int
    hits: int = 0


class FaultEngine:
    """The armed rules. The first one that matches, in the order in which they were armed, is used up by one."""

    def __init__(self, *, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._armed: dict[str, _Armed] = {}
        self._ids = itertools.count(1)
        self._random = random.Random(seed)  # noqa: S311  (repeatable bad luck, not a secret)

    def arm(self, description: Mapping[str, Any]) -> Fault:
        """Arm a rule described by the control API's JSON, or raise UnusableFaultError."""
        with self._lock:
            if len(self._armed) >= RULES_MAX:
                raise UnusableFaultError(f"there are {RULES_MAX} rules already")
            fault = _parse(description, fault_id=f"fault_{next(self._ids)}")
            self._armed[fault.id] = _Armed(fault=fault, remaining=fault.times, skip=fault.skip)
            return fault

    def disarm(self, fault_id: str) -> bool:
        with self._lock:
            return self._armed.pop(fault_id, None) is not None

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def for_request(self, *, target: str, method: str, path: str) -> Fault | None:
        return self._next(target=target, method=method, path=path, type_="")

    def for_delivery(self, *, target: str, type_: str) -> Fault | None:
        return self._next(target=target, method="POST", path="", type_=type_)

    def describe(self) -> list[dict[str, Any]]:
        with self._lock:
            return [
                {**asdict(armed.fault), "remaining": armed.remaining, "hits": armed.hits}
                for armed in self._armed.values()
            ]

    def _next(self, *, target: str, method: str, path: str, type_: str) -> Fault | None:
        with self._lock:
            for armed in self._armed.values():
                if armed.remaining == 0 or not armed.fault.matches(
                    target=target, method=method, path=path, type_=type_
                ):
                    continue
                if armed.skip > 0:
                    armed.skip -= 1
                    continue
                if self._random.random() >= armed.fault.probability:
                    continue
                if armed.remaining is not None:
                    armed.remaining -= 1
                armed.hits += 1
                return armed.fault
        return None


def _parse(description: Mapping[str, Any], *, fault_id: str) -> Fault:
    known = {"target", "kind", "method", "path", "type", "times", "skip", "seconds", "after", "probability"}
    if unknown := sorted(set(description) - known):
        raise UnusableFaultError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    target, kind = str(description.get("target")), str(description.get("kind"))
    kinds: tuple[str, ...]
    if target in REQUEST_TARGETS:
        kinds = REQUEST_KINDS
    elif target in DELIVERY_TARGETS:
        kinds = DELIVERY_KINDS
    else:
        raise UnusableFaultError(f"target must be one of {', '.join(REQUEST_TARGETS + DELIVERY_TARGETS)}")
    if kind not in kinds:
        raise UnusableFaultError(f"kind for {target} must be one of {', '.join(kinds)}")
    times = description.get("times", 1)
    return Fault(
        id=fault_id,
        target=target,
        kind=kind,
        method=str(description.get("method", "*")).upper(),
        path=str(description.get("path", "*")),
        type=str(description.get("type", "*")),
        times=None if times is None else int(_number("times", times, low=1, high=1_000_000)),
        skip=int(_number("skip", description.get("skip", 0), low=0, high=1_000_000)),
        seconds=_number("seconds", description.get("seconds", 0), low=0, high=SECONDS_MAX),
        after=bool(description.get("after", False)) or kind == "lost_reply",
        probability=_number("probability", description.get("probability", 1), low=0, high=1),
    )


def _number(name: str, value: object, *, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UnusableFaultError(f"{name} must be a number from {low:g} to {high:g}")
    return float(value)
