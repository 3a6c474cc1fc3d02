"""The first page: how sales go, and what needs a person."""

from flask import Blueprint, render_template

from domain.accounts import Action
from entrypoints.admin.live_stock import live_stock
from entrypoints.admin.services import RECENT, current
from entrypoints.admin.sessions import allowed


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/", view_func=dashboard)


@allowed(Action.VIEW)
def dashboard() -> str:
    now = current().clock().now()
    seen = current().backoffice().dashboard(now=now, since=now - RECENT)
    held = {event.id: live_stock(event.id).of_all_zones(event.stock) for event in seen.events}
    pressing = current().aftersales().pressing(now=now)
    return render_template("admin/dashboard.html", seen=seen, held=held, pressing=pressing, now=now)
