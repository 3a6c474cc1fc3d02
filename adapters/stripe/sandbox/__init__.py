"""A stateful stand-in for Stripe that the official SDK talks to unchanged. See docs/sandbox.md."""

from adapters.stripe.sandbox.app import StripeSandbox

__all__ = ["StripeSandbox"]
