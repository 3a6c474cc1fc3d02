"""What Stripe's sandbox needs from the process it runs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

Document = dict[str, Any]


class Documents(Protocol):
    """Stripe's objects by kind and id, newest first when listed."""

    def transaction(self) -> AbstractContextManager[None]: ...

    def get(self, kind: str, document_id: str) -> Document | None: ...

    def put(self, kind: str, document_id: str, document: Mapping[str, Any]) -> None: ...

    def delete(self, kind: str, document_id: str) -> bool: ...

    def trim(self, kind: str, *, keep: int) -> None: ...

    def select(
        self,
        kind: str,
        *,
        where: Mapping[str, str | int | bool | None] | None = None,
        any_of: Mapping[str, list[str]] | None = None,
        between: Mapping[str, tuple[int | None, int | None]] | None = None,
        limit: int = 100,
        after: str | None = None,
        before: str | None = None,
    ) -> list[Document]: ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""
        ...


class Schedule(Protocol):
    def register(self, action: str, run: Callable[[Document], None]) -> None: ...

    def later(self, seconds: float, action: str, payload: Document) -> None: ...


class Deliveries(Protocol):
    """A queue of signed POSTs to the application, retried until they are answered with 2xx."""

    def register(
        self,
        vendor: str,
        *,
        prepare: Callable[[Mapping[str, Any]], tuple[str, Mapping[str, str]]],
        settled: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None: ...

    def send(
        self,
        *,
        vendor: str,
        type_: str,
        url: str,
        about: Mapping[str, str],
        retry: bool = True,
    ) -> None: ...


class Fault(Protocol):
    """A request that is to go wrong. ``after`` carries it out first."""

    @property
    def kind(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    @property
    def after(self) -> bool: ...


class Faults(Protocol):
    def for_request(self, *, target: str, method: str, path: str) -> Fault | None: ...
