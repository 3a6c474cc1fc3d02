"""Messages: sent, on their way, delivered or not; received; and who does not want any."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlencode, urlsplit

from adapters.twilio.sandbox.errors import TwilioApiError
from adapters.twilio.sandbox.numbers import FAILURES, POOL_NUMBER, SILENT_NUMBER, recipient, sender
from adapters.twilio.sandbox.ports import Clock, Deliveries, Document, Documents, Schedule
from adapters.twilio.sandbox.segments import segments

API_VERSION = "2010-04-01"
BODY_CHARACTERS_MAX = 1_600
VALIDITY_SECONDS_MAX = 36_000
PRICE_PER_SEGMENT = 0.0079

STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})
FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received"})

_SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")
_REPLIES = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages from this number."
    " Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP"
    " to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The account's messages and all that moves them."""

    documents: Documents
    clock: Clock
    schedule: Schedule
    deliveries: Deliveries
    account_sid: str
    auth_token: str
    inbound_url: str | None
    step_seconds: float

    def send(self, params: Mapping[str, str]) -> Document:
        """``POST …/Messages.json``: accepted and queued, or refused for good."""
        if not params.get("To"):
            raise TwilioApiError(21604, "A 'To' phone number is required.")
        to = recipient(params["To"])
        service = params.get("MessagingServiceSid")
        origin = sender(params["From"]) if params.get("From") else None
        if service is not None and not _SERVICE_SID.fullmatch(service):
            raise TwilioApiError(21701, "The Messaging Service does not exist")
        if origin is None and service is None:
            raise TwilioApiError(21603, "A 'From' phone number is required.")
        body = params.get("Body", "")
        if not body and "MediaUrl" not in params and "ContentSid" not in params:
            raise TwilioApiError(21602, "Message body is required.")
        if len(body) > BODY_CHARACTERS_MAX:
            too_long = f"The concatenated message body exceeds the {BODY_CHARACTERS_MAX} character limit"
            raise TwilioApiError(21617, too_long)
        callback = params.get("StatusCallback")
        if callback and (urlsplit(callback).scheme not in {"http", "https"} or not urlsplit(callback).hostname):
            raise TwilioApiError(21609, f"The StatusCallback URL {callback} is not a valid URL.")
        _check_validity(params.get("ValidityPeriod"))
        if self._has_opted_out(to, origin, service):
            raise TwilioApiError(21610, "Attempt to send to unsubscribed recipient")
        message = self._message(
            to=to,
            origin=origin,
            body=body,
            direction="outbound-api",
            status="accepted" if origin is None else "queued",
            service=service,
        )
        self._save(message, callback=callback)
        self.schedule.later(self.step_seconds, "twilio.advance", {"sid": message["sid"]})
        return message

    def advance(self, sid: str) -> None:
        """One step along queued → sending → sent → delivered, told to the message's callback."""
        message = self.documents.get("message", sid)
        if message is None or message["status"] in FINAL:
            return
        failure = FAILURES.get(message["to"])
        step = {"accepted": "queued", "queued": "sending", "sending": "sent", "sent": "delivered"}
        status = step[message["status"]]
        if failure is not None and status == ("sent" if failure[0] == "failed" else "delivered"):
            status, message["error_code"], message["error_message"] = failure
        if status == "delivered" and message["to"] == SILENT_NUMBER:
            return
        if message["from"] is None:
            message["from"] = POOL_NUMBER
            message["num_segments"] = str(segments(message["body"]))
        if status == "sent":
            message["date_sent"] = self._now()
            message["price"] = f"-{PRICE_PER_SEGMENT * int(message['num_segments']):.5f}"
        message["status"], message["date_updated"] = status, self._now()
        self._save(message)
        self._call_back(message)
        if status not in FINAL:
            self.schedule.later(self.step_seconds, "twilio.advance", {"sid": sid})

    def receive(self, *, origin: str, receiver: str, body: str) -> Document:
        """A message from a person's phone: opt-out words take effect here, and the application is told."""
        if len(body) > BODY_CHARACTERS_MAX:
            raise TwilioApiError(21617, f"The message body exceeds the {BODY_CHARACTERS_MAX} character limit")
        service = self._service_of(origin, receiver)
        message = self._message(
            to=receiver, origin=origin, body=body, direction="inbound", status="received", service=service
        )
        self._save(message)
        word = _keyword(body)
        if word is not None:
            self._set_opt_out(origin, receiver, service, word)
            reply = self._message(
                to=origin,
                origin=receiver,
                body=_REPLIES[word],
                direction="outbound-reply",
                status="delivered",
                service=service,
            )
            self._save(reply)
        self._tell_application(message, word)
        return message

    def find(self, sid: str) -> Document | None:
        return self.documents.get("message", sid)

    def redact(self, message: Document) -> Document:
        """``Body=``: forget the text of a message that has arrived or failed."""
        if message["status"] not in FINAL:
            raise TwilioApiError(20009, "Cannot update this message before it has reached its final status")
        message["body"], message["date_updated"] = "", self._now()
        return self._save(message)

    def delete(self, message: Document) -> None:
        if message["status"] not in FINAL:
            not_yet = "Cannot delete message because delivery has not been completed"
            raise TwilioApiError(20009, not_yet, status=409)
        self.documents.delete("message", message["sid"])

    def _message(
        self, *, to: str, origin: str | None, body: str, direction: str, status: str, service: str | None
    ) -> Document:
        sid = f"SM{secrets.token_hex(16)}"
        now = self._now()
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": body,
            "date_created": now,
            "date_sent": now if direction == "inbound" else None,
            "date_updated": now,
            "direction": direction,
            "error_code": None,
            "error_message": None,
            "from": origin,
            "messaging_service_sid": service,
            "num_media": "0",
            # A messaging service picks the sender later, and the count is not known before that.
            "num_segments": str(segments(body)) if origin is not None else "0",
            "price": None,
            "price_unit": "USD",
            "sid": sid,
            "status": status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": to,
            "uri": f"{uri}.json",
        }

    def _save(self, message: Document, *, callback: str | None = None) -> Document:
        self.documents.put("message", message["sid"], message)
        if callback:
            self.documents.put("callback", message["sid"], {"url": callback})
        return message

    def _call_back(self, message: Document) -> None:
        callback = self.documents.get("callback", message["sid"])
        if callback is None:
            return
        params = {
            "AccountSid": self.account_sid,
            "ApiVersion": API_VERSION,
            "From": message["from"],
            "MessageSid": message["sid"],
            "MessageStatus": message["status"],
            "SmsSid": message["sid"],
            "SmsStatus": message["status"],
            "To": message["to"],
        }
        if message["messaging_service_sid"]:
            params["MessagingServiceSid"] = message["messaging_service_sid"]
        if message["error_code"] is not None:
            params["ErrorCode"] = str(message["error_code"])
        self._post(callback["url"], params, type_=message["status"], sid=message["sid"])

    def _tell_application(self, message: Document, word: str | None) -> None:
        if self.inbound_url is None:
            return
        params = {
            "AccountSid": self.account_sid,
            "ApiVersion": API_VERSION,
            "Body": message["body"],
            "From": message["from"],
            "MessageSid": message["sid"],
            "NumMedia": "0",
            "NumSegments": message["num_segments"],
            "SmsMessageSid": message["sid"],
            "SmsSid": message["sid"],
            "SmsStatus": "received",
            "To": message["to"],
        }
        if message["messaging_service_sid"]:
            params["MessagingServiceSid"] = message["messaging_service_sid"]
        if word is not None:
            params["OptOutType"] = word
        self._post(self.inbound_url, params, type_="inbound", sid=message["sid"])

    def _post(self, url: str, params: dict[str, str], *, type_: str, sid: str) -> None:
        self.deliveries.send(
            vendor="twilio",
            type_=type_,
            url=url,
            about={"message": sid, "form": urlencode(params)},
            # Twilio tells a status once; whoever misses it asks.
            retry=False,
        )

    def _has_opted_out(self, to: str, origin: str | None, service: str | None) -> bool:
        return any(
            self.documents.get("opt_out", f"{identity}|{to}") is not None
            for identity in (origin, service)
            if identity is not None
        )

    def _set_opt_out(self, person: str, receiver: str, service: str | None, word: str) -> None:
        for identity in (receiver, service):
            if identity is not None and word == "STOP":
                self.documents.put("opt_out", f"{identity}|{person}", {"person": person, "from": identity})
            elif identity is not None and word == "START":
                self.documents.delete("opt_out", f"{identity}|{person}")

    def _service_of(self, person: str, receiver: str) -> str | None:
        """The messaging service that last wrote to this person from this number."""
        sent = self.documents.select("message", where={"to": person, "from": receiver}, limit=1)
        return sent[0]["messaging_service_sid"] if sent else None

    def _now(self) -> str:
        return format_datetime(datetime.fromtimestamp(int(self.clock.now()), tz=UTC))


def sign(auth_token: str, url: str, params: Mapping[str, str]) -> str:
    """``X-Twilio-Signature``: base64 of HMAC-SHA1 over the URL and the sorted parameters, run together."""
    text = url + "".join(f"{name}{params[name]}" for name in sorted(params))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _keyword(body: str) -> str | None:
    word = body.strip().upper()
    if word in STOP_WORDS:
        return "STOP"
    if word in START_WORDS:
        return "START"
    return "HELP" if word in HELP_WORDS else None


def _check_validity(text: str | None) -> None:
    if text and not (text.isdigit() and 1 <= int(text) <= VALIDITY_SECONDS_MAX):
        raise TwilioApiError(30036, f"The Validity Period {text} is out of range (1 to {VALIDITY_SECONDS_MAX})")
