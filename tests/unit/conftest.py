"""Unit tests run on in-memory fakes: a test that opens a socket, even to this machine, fails."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_sockets(socket_disabled: None) -> None:
    """Applied to every unit test (pytest-socket does the refusing)."""
