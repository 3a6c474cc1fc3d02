"""Twilio's message statuses in ours. https://www.twilio.com/docs/messaging/api/message-resource#message-status-values"""

from domain.ports.messages import MessageState

_STATES = {
    "accepted": MessageState.QUEUED,
    "scheduled": MessageState.QUEUED,
    "queued": MessageState.QUEUED,
    "sending": MessageState.QUEUED,
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.FAILED,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
}


def state_of(status: str) -> MessageState:
    """A status that Twilio added since our list was written says nothing we rely on: unknown."""
    return _STATES.get(status, MessageState.UNKNOWN)
