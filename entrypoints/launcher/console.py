"""What a person sees while things start: a spinner on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console as RichConsole


class Console:
    """Progress and messages. A reader that went away (``bin/up | head``) never stops the program."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._rich: RichConsole | None = None
        if self._stream.isatty():
            from rich.console import Console as RichConsole

            self._rich = RichConsole(file=self._stream, highlight=False)

    def say(self, text: str = "") -> None:
        self._print(text)

    def warn(self, text: str) -> None:
        self._print(text, style="yellow")

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show what is being done and, at its end, how long it took. A step that raises is marked as failed."""
        began = time.monotonic()
        if self._rich:
            with self._rich.status(f"{doing}…"):
                yield from self._told(doing, began)
        else:
            self._print(f"{doing}…")
            yield from self._told(doing, began)

    def _told(self, doing: str, began: float) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._print(f"  ✗ {doing}", style="red")
            raise
        self._print(f"  ✓ {doing} ({time.monotonic() - began:.1f} s)", style="green")

    def table(self, rows: Sequence[tuple[str, str]]) -> None:
        """Labels and values, aligned."""
        width = max(len(label) for label, _ in rows)
        for label, value in rows:
            self._print(f"  {label:<{width}}  {value}")

    def _print(self, text: str, *, style: str | None = None) -> None:
        try:
            if self._rich:
                self._rich.print(text, style=style, markup=False, soft_wrap=True)
            else:
                print(text, file=self._stream, flush=True)
        except BrokenPipeError:
            # Nobody reads any more. What runs goes on; the logs have the rest.
            self._rich = None
            self._stream = sys.__stderr__ or self._stream
