"""End-to-end tests run on one running house, which all kinds of tests share: see ``tests/live_house.py``."""

from tests.live_house import Live

__all__ = ["Live"]
