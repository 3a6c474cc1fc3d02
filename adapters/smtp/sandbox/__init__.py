"""A mail server that keeps what it is given in memory, and a page to read it: no letter leaves the machine."""

from adapters.smtp.sandbox.mailbox import Mailbox
from adapters.smtp.sandbox.server import MailSandboxServer

__all__ = ["MailSandboxServer", "Mailbox"]
