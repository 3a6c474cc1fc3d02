"""A stateful stand-in for Twilio's Messages that the official SDK talks to unchanged. See docs/sandbox.md."""

from adapters.twilio.sandbox.app import TwilioSandbox

__all__ = ["TwilioSandbox"]
