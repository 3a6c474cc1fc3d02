"""Sending short messages through Twilio's official SDK.

Twilio has no idempotency key, so a message whose reply got lost is never sent again blindly: that is
ProviderUnavailable here, and *unknown* in our books until a callback says more. The one refusal that may be repeated is
``rate_limited``: Twilio asked us to slow down before it looked at the message, or no connection came about at all.
"""

from urllib.parse import urlencode

from requests import ConnectionError as RequestsConnectionError
from requests import ConnectTimeout, RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance
from urllib3.exceptions import MaxRetryError, NewConnectionError

from adapters.twilio.callbacks import MESSAGE
from adapters.twilio.states import state_of
from domain.errors import ProviderRefused, ProviderUnavailable
from domain.ports.messages import DeliveryReport, MessageId

API_BASE_DEFAULT = "https://api.twilio.com"
TIMEOUT_SECONDS = 15.0
VALIDITY_SECONDS = 4 * 3_600
"""A ticket link that could not be delivered for so long is better re-sent by a person."""

_HTTP_TOO_MANY_REQUESTS = 429
_HTTP_SERVER_ERROR = 500

_STABLE_CODES = {
    14107: "rate_limited",
    20429: "rate_limited",
    21211: "invalid_number",
    21217: "invalid_number",
    21401: "invalid_number",
    21604: "invalid_number",
    21610: "opted_out",
    21614: "not_mobile",
    21617: "too_long",
    30006: "not_mobile",
}
"""Twilio's error numbers (https://www.twilio.com/docs/api/errors) in our words; all others are ``refused``."""


def connect(
    *,
    account_sid: str,
    auth_token: str,
    status_callback: str,
    sender: str | None = None,
    messaging_service_sid: str | None = None,
    api_base: str = API_BASE_DEFAULT,
) -> "TwilioSender":
    """A sender for one account. Exactly what the settings demand: a number or name, or a messaging service."""
    client = Client(account_sid, auth_token, http_client=TwilioHttpClient(timeout=TIMEOUT_SECONDS))
    client.api.base_url = api_base
    return TwilioSender(
        client=client, status_callback=status_callback, sender=sender, messaging_service_sid=messaging_service_sid
    )


class TwilioSender:
    """Implements SmsSender. ``status_callback`` is the public address that hears how each message fares.

    Twilio has no field for our own name of a message, so the address that hears of it carries it.
    """

    def __init__(
        self,
        *,
        client: Client,
        status_callback: str,
        sender: str | None = None,
        messaging_service_sid: str | None = None,
    ) -> None:
        if not (sender or messaging_service_sid):
            raise ValueError("name a sender or a messaging service")
        self._client = client
        self._status_callback = status_callback
        self._sender = sender
        self._messaging_service_sid = messaging_service_sid

    def send(self, *, to: str, body: str, message_id: MessageId) -> DeliveryReport:
        message = self._create(to=to, body=body, callback=f"{self._status_callback}?{urlencode({MESSAGE: message_id})}")
        return DeliveryReport(
            provider_id=str(message.sid),
            state=state_of(str(message.status)),
            failure=str(message.error_code) if message.error_code else None,
        )

    def _create(self, *, to: str, body: str, callback: str) -> MessageInstance:
        # A messaging service chooses the number itself; naming both would pin it to one.
        origin = (
            {"messaging_service_sid": self._messaging_service_sid}
            if self._messaging_service_sid
            else {"from_": self._sender}
        )
        try:
            return self._client.messages.create(
                to=to,
                body=body,
                status_callback=callback,
                validity_period=VALIDITY_SECONDS,
                **origin,
            )
        except TwilioRestException as error:
            raise _translated(error) from error
        except (RequestException, TwilioException, ValueError) as error:
            if _never_left(error):
                raise ProviderRefused("rate_limited", "Twilio cannot be reached; the message has not left.") from error
            # No answer, or one that cannot be read (the SDK lets the JSON error through).
            raise ProviderUnavailable("Twilio did not answer: the message may or may not have been sent") from error


def _translated(error: TwilioRestException) -> ProviderRefused | ProviderUnavailable:
    code = error.code or 0
    if error.status == _HTTP_TOO_MANY_REQUESTS or _STABLE_CODES.get(code) == "rate_limited":
        return ProviderRefused("rate_limited", "Twilio asks us to slow down; the message was not looked at.")
    if error.status >= _HTTP_SERVER_ERROR:
        return ProviderUnavailable(f"Twilio failed with {error.status}: the message may or may not have been sent")
    return ProviderRefused(_STABLE_CODES.get(code, "refused"), f"{error.msg} (Twilio {code or error.status})")


def _never_left(error: Exception) -> bool:
    """No connection was made, so nothing of the message was ever on the wire."""
    if isinstance(error, ConnectTimeout):
        return True
    cause = error.args[0] if isinstance(error, RequestsConnectionError) and error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
