"""The first page: how sales go, and what needs a person."""

from flask import Blueprint, render_template

from application.commands.manage_webhooks import BY_HAND
from domain.accounts import Action
from domain.outgoing_webhooks import Endpoint
from entrypoints.admin.approvals import waiting_for_somebody
from entrypoints.admin.live_stock import live_stock
from entrypoints.admin.services import RECENT, current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/", view_func=dashboard)


@allowed(Action.VIEW)
def dashboard() -> str:
    now = current().clock().now()
    seen = current().backoffice().dashboard(now=now, since=now - RECENT)
    held = {event.id: live_stock(event.id).of_all_zones(event.stock) for event in seen.events}
    pressing = current().aftersales().pressing(now=now)
    return render_template(
        "admin/dashboard.html",
        hooks_off=_hooks_off(),
        approvals=waiting_for_somebody() if member().may(Action.REFUND) else None,
        seen=seen,
        held=held,
        pressing=pressing,
        now=now,
    )


def _hooks_off() -> tuple[Endpoint, ...]:
    """Webhooks turned off because nobody took what they were sent, for those who can do something about it."""
    if not member().may(Action.MANAGE_WEBHOOKS):
        return ()
    with current().unit_of_work() as uow:
        endpoints = [one.endpoint for one in uow.webhooks.endpoints()]
    return tuple(one for one in endpoints if not one.enabled and one.disabled_because != BY_HAND)
