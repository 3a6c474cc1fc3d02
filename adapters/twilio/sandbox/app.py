"""Twilio's sandbox put together: the Messages API, the inbox page, and messages that move by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from adapters.twilio.sandbox.api import TwilioApi
from adapters.twilio.sandbox.errors import TwilioApiError
from adapters.twilio.sandbox.inbox import Inbox
from adapters.twilio.sandbox.messages import Exchange, sign
from adapters.twilio.sandbox.numbers import normalised
from adapters.twilio.sandbox.ports import Clock, Deliveries, Document, Documents, Faults, Schedule


class TwilioSandbox:
    """``api`` answers ``/2010-04-01/…`` and ``pages`` answers ``/inbox``; both are WSGI applications."""

    def __init__(
        self,
        *,
        documents: Documents,
        clock: Clock,
        schedule: Schedule,
        deliveries: Deliveries,
        faults: Faults,
        account_sid: str,
        auth_token: str,
        inbound_url: str | None,
        step_seconds: float,
    ) -> None:
        self._documents = documents
        self._auth_token = auth_token
        self._exchange = Exchange(
            documents=documents,
            clock=clock,
            schedule=schedule,
            deliveries=deliveries,
            account_sid=account_sid,
            auth_token=auth_token,
            inbound_url=inbound_url,
            step_seconds=step_seconds,
        )
        self.api = TwilioApi(self._exchange, documents=documents, faults=faults)
        self.pages = Inbox(self._exchange, documents)
        schedule.register("twilio.advance", self._advance)
        deliveries.register("twilio", prepare=self._prepare)

    def messages(self, *, to: str | None, limit: int) -> list[Document]:
        """Messages in both directions, newest first; ``to`` is a recipient in E.164."""
        where = {"to": normalised(to) or to} if to is not None else None
        return self._documents.select("message", where=where, limit=limit)

    def receive(self, *, sender: str, receiver: str, body: str) -> Document:
        """By hand: a text from a person's phone. Raises ValueError for what is no phone number."""
        plain_sender, plain_receiver = normalised(sender), normalised(receiver)
        if plain_sender is None or plain_receiver is None:
            raise ValueError("from and to must be phone numbers such as +15550100")
        try:
            with self._documents.transaction():
                return self._exchange.receive(origin=plain_sender, receiver=plain_receiver, body=body)
        except TwilioApiError as error:
            raise ValueError(error.message) from error

    def _advance(self, payload: Document) -> None:
        self._exchange.advance(payload["sid"])

    def _prepare(self, delivery: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        form: str = delivery["about"]["form"]
        params = dict(parse_qsl(form, keep_blank_values=True))
        return form, {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": sign(self._auth_token, delivery["url"], params),
        }
