"""Twilio's errors: a code, its usual HTTP status and its words."""

from __future__ import annotations

from typing import Any


class TwilioApiError(Exception):
    """Answered as ``{"code", "message", "more_info", "status"}``."""

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def body(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def not_found(path: str) -> TwilioApiError:
    return TwilioApiError(20404, f"The requested resource {path} was not found", status=404)
