"""Disputes: what banks hold against us, until when they want to hear from us, and what we tell them."""

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.answer_dispute import AnswerDispute, WriteStatement
from domain.accounts import Action
from domain.disputes import STATEMENT_LENGTH_MAX, AnswerKind, Dispute, DisputeId
from domain.errors import Rejection
from entrypoints.admin import forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member

_ENDED = "ended"


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/disputes", view_func=disputes)
    blueprint.add_url_rule("/disputes/<uuid:dispute_id>", view_func=dispute)
    blueprint.add_url_rule("/disputes/<uuid:dispute_id>/statement", view_func=write, methods=["POST"])
    blueprint.add_url_rule("/disputes/<uuid:dispute_id>/accept", view_func=ask_to_accept)
    blueprint.add_url_rule("/disputes/<uuid:dispute_id>/accept", view_func=accept, methods=["POST"])
    blueprint.add_url_rule("/disputes/<uuid:dispute_id>/evidence/<form>", view_func=evidence)


@allowed(Action.VIEW)
def disputes() -> str:
    show = request.args.get("show", "open")
    if show not in {"open", _ENDED}:
        abort(404)
    rows = current().aftersales().disputes(ended=show == _ENDED)
    return render_template("admin/disputes.html", rows=rows, show=show, now=current().clock().now())


@allowed(Action.VIEW)
def dispute(dispute_id: DisputeId) -> str:
    row = current().aftersales().dispute(dispute_id)
    return render_template(
        "admin/dispute.html",
        row=row,
        dispute=row.dispute,
        order=row.order,
        statement_length_max=STATEMENT_LENGTH_MAX,
        now=current().clock().now(),
    )


@allowed(Action.REFUND)
def write(dispute_id: DisputeId) -> Response:
    """Keep what was written, and send it if the other button was pressed."""
    page = redirect(url_for("admin.dispute", dispute_id=dispute_id), code=303)
    send = request.form.get("do") == "send"
    required = "Write what the bank should know: it reads this first." if send else None
    try:
        statement = forms.text(request.form, "statement", at_most=STATEMENT_LENGTH_MAX, required=required)
    except forms.Mistyped as mistake:
        flash(str(mistake), "problem")
        return page
    actor = member().email
    answer: Dispute | Rejection
    if send:
        command = AnswerDispute(dispute_id=dispute_id, kind=AnswerKind.EVIDENCE, statement=statement, actor=actor)
        answer = current().answer_dispute(command)
    else:
        answer = current().write_statement(WriteStatement(dispute_id=dispute_id, statement=statement, actor=actor))
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    elif send:
        flash("The evidence is on its way to the bank. It decides within weeks.", "done")
    else:
        flash("Kept, with the evidence as it is now. Nothing was sent.", "done")
    return page


@allowed(Action.REFUND)
def ask_to_accept(dispute_id: DisputeId) -> str:
    row = current().aftersales().dispute(dispute_id)
    return render_template("admin/dispute_accept.html", dispute=row.dispute, order=row.order)


@allowed(Action.REFUND)
def accept(dispute_id: DisputeId) -> Response:
    answer = current().answer_dispute(
        AnswerDispute(dispute_id=dispute_id, kind=AnswerKind.ACCEPTED, actor=member().email)
    )
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    else:
        flash("Accepted. The bank is told, and the order ends when it has heard.", "done")
    return redirect(url_for("admin.dispute", dispute_id=dispute_id), code=303)


@allowed(Action.VIEW)
def evidence(dispute_id: DisputeId, form: str) -> Response:
    """The evidence as it was last collected, as a file."""
    if form not in {"txt", "json"}:
        abort(404)
    kept = current().aftersales().dispute(dispute_id).dispute
    facts = kept.evidence
    answer: Response
    if form == "json":
        answer = jsonify(
            dispute=kept.facts.provider_id,
            statement=kept.statement,
            collected_at=facts.collected_at.isoformat(),
            buyer={"name": facts.buyer_name, "email": facts.buyer_email},
            product=facts.product,
            service_date=facts.service_date,
            terms=facts.terms,
            sections=[{"title": section.title, "lines": list(section.lines)} for section in facts.sections],
        )
    else:
        answer = Response(facts.text(kept.statement) + "\n", mimetype="text/plain")
    answer.headers["Content-Disposition"] = f'attachment; filename="dispute-{kept.facts.provider_id}.{form}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
