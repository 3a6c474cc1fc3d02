"""Pages about the shop itself, and the small files that browsers and robots ask for."""

from flask import Response, render_template

from entrypoints.http.storefront import assets
from entrypoints.http.storefront.house import house

ROBOTS = """User-agent: *
Disallow: /holds/
Disallow: /orders/
Disallow: /admin
Disallow: /api/
"""


def help_page() -> str:
    """``GET /help``"""
    return render_template("storefront/help.html", sandbox_url=house().settings().sandbox_url)


def robots() -> Response:
    """``GET /robots.txt``: the programme may be read; reservations and orders are nobody else's business."""
    return Response(ROBOTS, mimetype="text/plain")


def favicon() -> Response:
    """``GET /favicon.ico``: browsers that insist on the old name get the new picture."""
    return Response(headers={"Location": assets.url("icons/tessera.svg")}, status=302)
