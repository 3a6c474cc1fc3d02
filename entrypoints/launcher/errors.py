"""Why something could not be started, and what a person can do about it."""

from __future__ import annotations


class LaunchError(Exception):
    """One clear sentence in ``problem``, and in ``remedy`` what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem} {remedy}")
