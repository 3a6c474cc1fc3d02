"""Who did what to which thing, when."""

from flask import Blueprint, abort, render_template, request

from domain.accounts import Action
from domain.ports.backoffice import TrailFilter
from entrypoints.admin import forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/audit", view_func=audit)


@allowed(Action.VIEW)
def audit() -> str:
    wanted = TrailFilter(
        actor=forms.search(request.args, "actor"),
        action=forms.search(request.args, "action"),
        subject=forms.search(request.args, "subject"),
        cursor=request.args.get("cursor"),
    )
    try:
        page = current().backoffice().trail(wanted=wanted)
    except ValueError:
        abort(404)
    return render_template("admin/audit.html", page=page, wanted=wanted)
