"""The hosted checkout page: an ordinary form that a person fills in, or a script posts."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from adapters.stripe.sandbox import payments, sessions
from adapters.stripe.sandbox.cards import CardProblem, read_card, shown_cards
from adapters.stripe.sandbox.ledger import Ledger
from adapters.stripe.sandbox.params import looks_like_email
from adapters.stripe.sandbox.ports import Document

_PAGES = Path(__file__).parent / "pages"
_URLS = Map(
    [
        Rule("/c/pay/<session_id>", methods=["GET", "POST"], endpoint="pay"),
        Rule("/c/challenge/<session_id>", methods=["GET", "POST"], endpoint="challenge"),
        Rule("/receipts/<charge_id>", methods=["GET"], endpoint="receipt"),
    ]
)

# Currencies whose minor unit is the major one; https://docs.stripe.com/currencies#zero-decimal.
ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf")
)
_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$", "chf": "CHF "}


def shown_amount(amount: int, currency: str) -> str:
    symbol = _SYMBOLS.get(currency, f"{currency.upper()} ")
    return f"{symbol}{amount:,}" if currency in ZERO_DECIMAL else f"{symbol}{amount / 100:,.2f}"


class HostedPages:
    """A WSGI application for ``/c/…`` and ``/receipts/…``."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._templates = Environment(
            loader=FileSystemLoader(_PAGES),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["amount"] = shown_amount
        self._css = (_PAGES / "hosted.css").read_text(encoding="utf-8")

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response | HTTPException:
        try:
            endpoint, ids = _URLS.bind("sandbox").match(request.path, method=request.method)
            with self._ledger.documents.transaction():
                if endpoint == "receipt":
                    return self._receipt(ids["charge_id"])
                return self._session_page(request, str(endpoint), ids["session_id"])
        except NotFound:
            return self._page("missing.html", status=404)
        except HTTPException as error:
            return error

    def _session_page(self, request: Request, endpoint: str, session_id: str) -> Response:
        if self._ledger.documents.get("checkout.session", session_id) is None:
            raise NotFound
        session = sessions.current(self._ledger, session_id)
        if session["status"] == "expired":
            return self._page("expired.html", session=session, status=410)
        if session["status"] == "complete":
            # A second press of the button, or the Back key: the buyer has paid and is sent on.
            if request.method == "POST":
                return redirect(_success_url(session), code=303)
            return self._page("complete.html", session=session, success_url=_success_url(session))
        if endpoint == "challenge":
            return self._challenge(request, session)
        if request.method == "POST":
            return self._pay(request, session)
        return self._form(session)

    def _pay(self, request: Request, session: Document) -> Response:
        given = {
            name: request.form.get(name, "").strip()[:400]
            for name in ("card_number", "exp_month", "exp_year", "cvc", "email", "name")
        }
        today = datetime.fromtimestamp(self._ledger.now(), tz=UTC)
        entry = read_card(
            number=given["card_number"],
            exp_month=given["exp_month"],
            exp_year=given["exp_year"],
            cvc=given["cvc"],
            year=today.year,
            month=today.month,
        )
        email = session["customer_email"] or given["email"]
        if not looks_like_email(email):
            entry = CardProblem(field="email", code="email_invalid", message="Enter a valid email address.")
        if isinstance(entry, CardProblem):
            return self._form(session, given=given, problem=entry, status=402)
        outcome = payments.pay(self._ledger, session, entry, email=email, name=given["name"] or None)
        return self._after(session, outcome, given=given)

    def _challenge(self, request: Request, session: Document) -> Response:
        if request.method == "GET":
            if self._ledger.documents.get("challenge", session["id"]) is None:
                return redirect(session["url"], code=303)
            return self._page("challenge.html", session=session)
        approved = request.form.get("answer") == "approve"
        outcome = payments.answer_challenge(self._ledger, session, approved=approved)
        if outcome is None:
            return redirect(session["url"], code=303)
        return self._after(session, outcome, given={})

    def _after(self, session: Document, outcome: payments.Outcome, *, given: dict[str, str]) -> Response:
        match outcome:
            case payments.Authorised():
                return redirect(_success_url(session), code=303)
            case payments.Challenged():
                return redirect(f"{self._ledger.sandbox_url}/c/challenge/{session['id']}", code=303)
            case payments.Declined(message):
                problem = CardProblem(field="card_number", code="card_declined", message=message)
                return self._form(session, given=given, problem=problem, status=402)

    def _form(
        self,
        session: Document,
        *,
        given: dict[str, str] | None = None,
        problem: CardProblem | None = None,
        status: int = 200,
    ) -> Response:
        return self._page(
            "checkout.html",
            session=session,
            items=sessions.line_items(self._ledger, session["id"]),
            given=given or {},
            problem=problem,
            cards=shown_cards(),
            minutes_left=max(0, (session["expires_at"] - self._ledger.now()) // 60),
            action=f"{self._ledger.sandbox_url}/c/pay/{session['id']}",
            status=status,
        )

    def _receipt(self, charge_id: str) -> Response:
        charge = self._ledger.documents.get("charge", charge_id)
        if charge is None:
            raise NotFound
        return self._page("receipt.html", charge=charge)

    def _page(self, template: str, *, status: int = 200, session: Document | None = None, **values: Any) -> Response:
        nonce = secrets.token_urlsafe(16)
        text = self._templates.get_template(template).render(
            css=self._css, nonce=nonce, merchant=self._ledger.merchant_name, session=session, **values
        )
        response = Response(text, status=status, mimetype="text/html")
        response.headers["Content-Security-Policy"] = _policy(nonce, session)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response


def _policy(nonce: str, session: Document | None) -> str:
    """Nothing but our own style. Browsers hold redirects after a form to ``form-action`` too, so the merchant's
    return address is named."""
    returns = [session[name] for name in ("success_url", "cancel_url") if session[name]] if session else []
    origins = {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in returns}
    allowed = " ".join(["'self'", *sorted(origins)])
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; form-action {allowed};"
        " base-uri 'none'; frame-ancestors 'none'"
    )


def _success_url(session: Document) -> str:
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])
