"""A visitor without scripts: reads pages, fills in forms, presses buttons, follows where the answer leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

HTML = {"Accept": "text/html"}


@dataclass
class Button:
    text: str
    name: str | None
    value: str
    action: str | None
    method: str | None


@dataclass
class Form:
    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)


class Page(HTMLParser):
    """The forms, links and words of one page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words = ""
        self._button: Button | None = None
        self._select: str | None = None
        self._open: Form | None = None
        self._named: dict[str, Form] = {}
        self.feed(html)
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        owner = self._named.setdefault(given["form"], Form(action="", method="get")) if "form" in given else self._open
        if tag == "form":
            self._open = self._named.pop(given.get("id", ""), Form(action="", method="get"))
            self._open.action, self._open.method = given.get("action", ""), given.get("method", "get").lower()
            self.forms.append(self._open)
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif owner is None:
            return
        elif tag == "input" and "disabled" not in given:
            self._field(owner, given)
        elif tag == "select":
            self._select = given["name"]
            owner.fields.append((self._select, ""))
        elif tag == "option" and self._select and ("selected" in given or not owner.fields[-1][1]):
            owner.fields[-1] = (self._select, given.get("value", ""))
        elif tag == "button" and given.get("type", "submit") == "submit" and "disabled" not in given:
            self._button = Button(
                "", given.get("name"), given.get("value", ""), given.get("formaction"), given.get("formmethod")
            )
            owner.buttons.append(self._button)

    def _field(self, form: Form, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if kind == "checkbox" and "checked" not in given:
            form.boxes.append((given["name"], given.get("value", "on")))
        elif "name" in given:
            form.fields.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "button":
            self._button = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        self.words += f" {data}"
        if self._button is not None:
            self._button.text += data


class Visitor:
    """One browser with its cookies. ``page`` is what is looked at, ``answer`` how it came."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.answer: TestResponse
        self.page: Page
        self.address = "/"

    def open(self, address: str) -> Visitor:
        """Type an address and follow redirects within the shop."""
        return self._arrive(self.client.get(address, headers=HTML))

    def press(
        self, text: str, typed: Mapping[str, str] | None = None, /, *, tick: tuple[str, ...] = (), **also_typed: str
    ) -> Visitor:
        """Fill in the form that has this button, and press it. ``tick``: values of checkboxes.

        In keywords a field's dot is written as an underscore.
        """
        form, button = next(
            (form, button)
            for form in self.page.forms
            for button in reversed(form.buttons)
            if text in " ".join(button.text.split())
        )
        names = {name.replace(".", "_"): name for name, _ in form.fields}
        data = MultiDict(form.fields)
        for name, value in {**(typed or {}), **also_typed}.items():
            data.setlist(names.get(name, name), [value])
        for name, value in form.boxes:
            if value in tick:
                data.add(name, value)
        if button.name:
            data.add(button.name, button.value)
        address, method = button.action or form.action, (button.method or form.method).lower()
        if method == "get":
            return self._arrive(self.client.get(address.split("#")[0], query_string=data, headers=HTML))
        return self._arrive(self.client.post(address, data=data, headers=HTML))

    def _arrive(self, answer: TestResponse) -> Visitor:
        while answer.status_code in {301, 302, 303} and answer.headers["Location"].startswith("/"):
            answer = self.client.get(answer.headers["Location"], headers=HTML)
        self.answer, self.address = answer, answer.request.full_path.rstrip("?")
        self.page = Page(answer.get_data(as_text=True))
        return self

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def words(self) -> str:
        return self.page.words
