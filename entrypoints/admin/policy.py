"""An event's refund policy: its rules as a form, what they say to buyers, and what they would give back when."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.change_refund_policy import ChangeRefundPolicy
from domain.accounts import Action
from domain.errors import Rejection
from domain.events import Event, EventId, EventState
from domain.refund_policies import HOURS_A_DAY, RefundPolicy, RefundReason
from domain.tiers import Tier
from entrypoints.admin import forms, lost_updates, policy_form
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member

EXAMPLE_HOURS = (60 * 24, 20 * 24, 3 * 24, 2)
"""How long before the start the examples ask."""
VERSION_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What one tier gives back at a few moments, in percent of its price."""

    tier: str
    shares: tuple[str, ...]
    exchange: tuple[str, ...]


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/events/<uuid:event_id>/refund-policy", view_func=refund_policy)
    blueprint.add_url_rule(
        "/events/<uuid:event_id>/refund-policy", view_func=change_refund_policy, methods=["POST"]
    )  # fmt: skip


@allowed(Action.VIEW)
def refund_policy(event_id: EventId) -> str:
    event, policy = _found(event_id)
    return _page(event, policy, shown=policy, typed=policy_form.whole(policy, event.currency), problems={})


@allowed(Action.EDIT_EVENTS)
def change_refund_policy(event_id: EventId) -> str | Response | tuple[str, int]:
    """With ``preview`` nothing is changed: the page shows what the typed rules would say."""
    event, in_force = _found(event_id)
    worded = policy_form.read(request.form, event)
    if not isinstance(worded, RefundPolicy):
        return _page(event, in_force, shown=in_force, typed=request.form, problems=worded), 422
    if "preview" in request.form:
        return _page(event, in_force, shown=worded, typed=request.form, problems={})
    try:
        version = forms.whole(request.form, "version", least=1, most=VERSION_MAX)
    except forms.Mistyped:
        version = 0
    if version != in_force.version and (found := _overtaken(event, in_force)):
        return _page(event, in_force, shown=in_force, typed=found.typed, problems={}, overtaken=found), 409
    command = ChangeRefundPolicy(event_id=event_id, policy=worded, version=version, actor=member().email)
    answer = current().change_refund_policy(command)
    if isinstance(answer, Rejection):
        return _page(event, in_force, shown=worded, typed=request.form, problems={"policy": answer.message}), 409
    flash("This policy is in force for whoever buys from now on. Orders keep the one they were sold under.", "done")
    return redirect(url_for("admin.refund_policy", event_id=event_id), code=303)


def _found(event_id: EventId) -> tuple[Event, RefundPolicy]:
    with current().unit_of_work() as uow:
        return uow.events.get(event_id), uow.events.policy(event_id)


def _overtaken(event: Event, in_force: RefundPolicy) -> lost_updates.Overtaken | None:
    return lost_updates.overtaken(
        request.form,
        policy_form.whole(in_force, event.currency),
        title=lambda name: policy_form.title(name, event),
        action="event.refund_policy_changed",
        subject=event.id,
    )


def _page(
    event: Event,
    in_force: RefundPolicy,
    *,
    shown: RefundPolicy,
    typed: forms.Form,
    problems: dict[str, str],
    overtaken: lost_updates.Overtaken | None = None,
) -> str:
    return render_template(
        "admin/policy.html",
        event=event,
        policy=in_force,
        is_preview=shown != in_force,
        terms=shown.terms(event.currency, {tier.id: tier.name for tier in event.tiers}),
        examples=[_example(event, shown, tier) for tier in event.tiers],
        moments=[_ago(hours) for hours in EXAMPLE_HOURS],
        typed=typed,
        problems=problems,
        amounts=policy_form.AMOUNTS,
        titles={name: policy_form.title(name, event) for name in problems if policy_form.title(name, event)},
        rows_of=lambda who: policy_form.rows_of(typed, who),
        seen=lost_updates.carried(typed) or lost_updates.seen(policy_form.whole(in_force, event.currency)),
        overtaken=overtaken,
        now=current().clock().now(),
        ruled=policy_form.RULED,
        editable=event.state is not EventState.CANCELLED and member().may(Action.EDIT_EVENTS),
    )


def _example(event: Event, policy: RefundPolicy, tier: Tier) -> Example:
    def share(hours: int, reason: RefundReason) -> str:
        now = event.starts_at - timedelta(hours=hours)
        found = policy.share_of(tier.id, reason=reason, starts_at=event.starts_at, now=now)
        return f"{found.basis_points / 100:g}%"

    def shares(reason: RefundReason) -> tuple[str, ...]:
        return tuple(share(hours, reason) for hours in EXAMPLE_HOURS)

    exchanged = shares(RefundReason.EXCHANGE) if policy.exchange else ()
    return Example(tier=tier.name, shares=shares(RefundReason.BUYERS_WISH), exchange=exchanged)


def _ago(hours: int) -> str:
    return f"{hours // HOURS_A_DAY} days before" if hours > HOURS_A_DAY else f"{hours} hours before"
