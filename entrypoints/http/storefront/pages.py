"""Errors as pages: what happened in plain words, and always a way on."""

from http import HTTPStatus

from flask import Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError

from entrypoints.http.problems import Problem, request_id

SENTENCES: dict[int, tuple[str, str]] = {
    400: ("That did not come through in one piece.", "Please go back and try again."),
    403: ("This door stays closed.", "The link you followed does not open this page."),
    404: (
        "There is nothing here.",
        "The address may be mistyped, or this page is only for the person who has its link.",
    ),
    405: ("That did not come through in one piece.", "Please go back to the page you came from and try again."),
    410: ("This is over.", "What was here is no longer available."),
    413: ("That was too much at once.", "Please send less."),
    429: ("One moment, please.", "Many requests came from your connection. Wait a little, then try again."),
    500: (
        "Something broke on our side.",
        "It has been recorded. Nothing was charged by this, and what you hold is kept.",
    ),
    503: ("We cannot answer right now.", "This usually passes within a minute. Orders and payments are not lost."),
}
_OTHER = ("That did not work.", "Please go back and try again.")


def problem_page(problem: Problem) -> Response:
    """For a person's browser, where a program would get problem+json."""
    title, text = SENTENCES.get(problem.status, _OTHER)
    detail = problem.detail if problem.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.CONFLICT} else ""
    return make_response(
        render_template(
            "storefront/problem.html",
            status=problem.status,
            title=title,
            text=detail or text,
            again=problem.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE},
            request_id=request_id(),
        ),
        problem.status,
    )


def form_too_old(_: CSRFError) -> Response:
    """A form without its secret: cookies are off, or the page was kept from another visit."""
    back = request.path.removesuffix("/hold") if request.path.startswith("/events/") else "/"
    return make_response(
        render_template(
            "storefront/problem.html",
            status=HTTPStatus.BAD_REQUEST.value,
            title="This form is no longer fresh.",
            text="Your browser did not send the cookie that belongs to it. Please allow cookies for this shop, "
            "load the page again, and repeat what you did.",
            again=False,
            back=back,
            request_id="",
        ),
        HTTPStatus.BAD_REQUEST,
    )
