"""Who may sign in, and as what."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from domain.accounts import PASSWORD_LENGTH_MAX, Action, Role
from domain.errors import Rejection
from entrypoints.admin import forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member

NAME_LENGTH_MAX = 120


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/staff", view_func=staff)
    blueprint.add_url_rule("/staff", view_func=add, methods=["POST"])


@allowed(Action.MANAGE_STAFF)
def staff() -> str:
    return _page({})


@allowed(Action.MANAGE_STAFF)
def add() -> Response | tuple[str, int]:
    try:
        email = forms.email(request.form, "email")
        name = forms.text(request.form, "name", at_most=NAME_LENGTH_MAX, required="Their name.")
        role = forms.one_of(request.form, "role", Role, required="Choose a role.")
        password = request.form.get("password", "")[: PASSWORD_LENGTH_MAX + 1]
    except forms.Mistyped as mistake:
        return _page({mistake.field: str(mistake)}), 422
    added = current().add_staff(email=email, name=name, role=role, password=password, actor=member().email)
    if isinstance(added, Rejection):
        return _page({str(added.details.get("field", "email")): added.message}), 422
    flash(f"{added.name} can sign in now. Tell them the password in person.", "done")
    return redirect(url_for("admin.staff"), code=303)


def _page(problems: dict[str, str]) -> str:
    people = current().backoffice().staff()
    return render_template("admin/staff.html", people=people, roles=list(Role), problems=problems, typed=request.form)
