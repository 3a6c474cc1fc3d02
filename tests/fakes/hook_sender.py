"""The outside as webhooks see it, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.outgoing_webhooks import Answer

OK = Answer(milliseconds=5, status=204)


@dataclass
class FakeSender:
    """The outside: whatever is sent is remembered, and answered with ``answer``."""

    answer: Answer = OK
    sent: list[tuple[str, Mapping[str, str], str]] = field(default_factory=list)

    def refuses(self, url: str) -> str | None:
        return None if url.startswith("https://") else "The address must begin with https://."

    def send(self, *, url: str, headers: Mapping[str, str], body: str) -> Answer:
        self.sent.append((url, headers, body))
        return self.answer
