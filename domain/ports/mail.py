"""Letters to a buyer's e-mail address."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

SUBJECT_LENGTH_MAX = 200


class LetterKind(StrEnum):
    """What a letter is about."""

    ORDER_CONFIRMED = "order_confirmed"
    REFUND_COMPLETED = "refund_completed"
    REFUND_FAILED = "refund_failed"
    ORDER_LINK = "order_link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What one e-mail says, as plain text and as simple HTML that says the same."""

    subject: str
    text: str
    html: str


class MailSender(Protocol):
    """Raises ProviderUnavailable (it may or may not have left: sending again is safe) or ProviderRefused (final)."""

    def send(self, *, to: str, letter: Letter, key: str) -> None:
        """Hand a letter to the mail server. ``key`` names it for ever, so that programs show a second copy once."""
        ...
