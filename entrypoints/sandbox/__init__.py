"""The sandbox: Stripe's and Twilio's protocols on one local port. See docs/sandbox.md."""

from entrypoints.sandbox.app import SandboxApp, create_app
from entrypoints.sandbox.config import SandboxConfig
from entrypoints.sandbox.process import config_from, serve
from entrypoints.sandbox.server import SandboxServer

__all__ = ["SandboxApp", "SandboxConfig", "SandboxServer", "config_from", "create_app", "serve"]
