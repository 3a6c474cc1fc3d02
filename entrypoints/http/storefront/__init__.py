"""The storefront: pages that work before any script runs. A view is: parse → use case → present."""

from datetime import UTC, datetime

from flask import Blueprint, Flask
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf

from entrypoints.http.problems import PAGE_RENDERER
from entrypoints.http.storefront import (
    assets,
    event,
    exchange,
    find_order,
    house_pages,
    order,
    pages,
    programme,
    refund,
    reservation,
)

_CSRF = "csrf"


def register(app: Flask) -> None:
    """Add the shop's pages to the application, and give its errors to people as pages."""
    # The API has tokens of its own, so forms are checked by the blueprints that have forms, not everywhere.
    app.config.setdefault("WTF_CSRF_CHECK_DEFAULT", False)
    # A page may stay open for long; the secret lives as long as its session cookie.
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    if _CSRF not in app.extensions:
        CSRFProtect(app)
    app.extensions[PAGE_RENDERER] = pages.problem_page
    app.register_blueprint(_blueprint(app.extensions[_CSRF]))


def _blueprint(csrf: CSRFProtect) -> Blueprint:
    shop = Blueprint("storefront", __name__)
    shop.add_url_rule("/", view_func=programme.programme)
    shop.add_url_rule("/events/<event>", view_func=event.event)
    shop.add_url_rule("/events/<event>/hold", view_func=event.hold, methods=["POST"])
    shop.add_url_rule("/holds/<hold>", view_func=reservation.reservation)
    shop.add_url_rule("/holds/<hold>/release", view_func=reservation.release, methods=["POST"])
    shop.add_url_rule("/holds/<hold>/extend", view_func=reservation.extend, methods=["POST"])
    shop.add_url_rule("/holds/<hold>/checkout", view_func=reservation.checkout, methods=["POST"])
    shop.add_url_rule("/orders/<uuid:order_id>", view_func=order.order)
    shop.add_url_rule("/orders/<uuid:order_id>/now", view_func=order.order_fragment)
    shop.add_url_rule("/orders/<uuid:order_id>/pay", view_func=order.pay, methods=["POST"])
    shop.add_url_rule("/orders/<uuid:order_id>/cancel", view_func=order.cancel, methods=["POST"])
    shop.add_url_rule("/orders/<uuid:order_id>/event.ics", view_func=order.calendar)
    shop.add_url_rule("/orders/<uuid:order_id>/refund", view_func=refund.refund)
    shop.add_url_rule("/orders/<uuid:order_id>/refund", view_func=refund.confirm_refund, methods=["POST"])
    shop.add_url_rule("/orders/<uuid:order_id>/exchange", view_func=exchange.exchange)
    shop.add_url_rule("/orders/<uuid:order_id>/exchange", view_func=exchange.begin_exchange, methods=["POST"])
    shop.add_url_rule("/exchange/stop", view_func=exchange.stop_exchange, methods=["POST"])
    shop.add_url_rule("/find-order", view_func=find_order.find_order)
    shop.add_url_rule("/find-order", view_func=find_order.send_link, methods=["POST"])
    shop.add_url_rule("/find-order/<uuid:link_id>", view_func=find_order.link)
    shop.add_url_rule("/find-order/<uuid:link_id>", view_func=find_order.open_link, methods=["POST"])
    shop.add_url_rule("/help", view_func=house_pages.help_page)
    shop.add_url_rule("/robots.txt", view_func=house_pages.robots)
    shop.add_url_rule("/favicon.ico", view_func=house_pages.favicon)
    shop.add_url_rule("/assets/<version>/<path:name>", "asset", view_func=assets.serve)
    shop.before_request(csrf.protect)
    shop.register_error_handler(CSRFError, pages.form_too_old)
    shop.app_context_processor(_words_for_templates)
    return shop


def _words_for_templates() -> dict[str, object]:
    return {"asset": assets.url, "csrf_token": generate_csrf, "this_year": datetime.now(UTC).year}
