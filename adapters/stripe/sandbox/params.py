"""Reading a request's parameters the way Stripe does: strings in, typed values or a named complaint out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

from adapters.stripe.sandbox.errors import StripeApiError

METADATA_KEYS_MAX = 50
METADATA_KEY_CHARACTERS_MAX = 40
METADATA_VALUE_CHARACTERS_MAX = 500
TEXT_CHARACTERS_MAX = 5_000
AMOUNT_MAX = 99_999_999
EMAIL_CHARACTERS_MAX = 254


class Params:
    """One level of a request's parameters. ``path`` is how Stripe names this level in errors."""

    def __init__(self, values: dict[str, Any], *, path: str = "") -> None:
        self._values = values
        self._path = path

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def raw(self) -> dict[str, Any]:
        return self._values

    def name(self, name: str) -> str:
        return f"{self._path}[{name}]" if self._path else name

    def only(self, known: Collection[str]) -> None:
        """Refuse parameters that this endpoint does not know."""
        for name in self._values:
            if name not in known and name != "expand":
                raise self.wrong(name, f"Received unknown parameter: {self.name(name)}", code="parameter_unknown")

    def wrong(self, name: str, message: str, *, code: str | None = None) -> StripeApiError:
        return StripeApiError(400, message, code=code, param=self.name(name))

    def absent(self, name: str) -> StripeApiError:
        message = f"Missing required param: {self.name(name)}."
        return self.wrong(name, message, code="parameter_missing")

    def text(self, name: str, *, longest: int = TEXT_CHARACTERS_MAX) -> str | None:
        """A string, or None when it is absent or empty."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self.wrong(name, f"Invalid string: {self.name(name)} must be a string")
        if len(value) > longest:
            raise self.wrong(name, f"Invalid string: {self.name(name)} may have at most {longest} characters")
        return value

    def required_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise self.absent(name)
        return value

    def integer(self, name: str, *, least: int | None = None, most: int = AMOUNT_MAX) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
            raise self.wrong(name, f"Invalid integer: {text}", code="parameter_invalid_integer")
        value = int(text)
        if least is not None and value < least:
            message = f"This value must be greater than or equal to {least}."
            raise self.wrong(name, message, code="parameter_invalid_integer")
        if value > most:
            message = f"This value must be less than or equal to {most}."
            raise self.wrong(name, message, code="parameter_invalid_integer")
        return value

    def flag(self, name: str) -> bool | None:
        text = self.text(name)
        if text not in {None, "true", "false"}:
            raise self.wrong(name, f"Invalid boolean: {text}")
        return None if text is None else text == "true"

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        text = self.text(name)
        if text is not None and text not in allowed:
            listing = ", ".join(sorted(allowed))
            raise self.wrong(name, f"Invalid {self.name(name)}: must be one of {listing}")
        return text

    def url(self, name: str) -> str | None:
        text = self.text(name)
        if text is not None and (urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).netloc):
            raise self.wrong(name, "Not a valid URL", code="url_invalid")
        return text

    def email(self, name: str) -> str | None:
        text = self.text(name)
        if text is not None and not looks_like_email(text):
            raise self.wrong(name, f"Invalid email address: {text[:100]}", code="email_invalid")
        return text

    def nested(self, name: str) -> Params:
        """A hash, empty when it is absent."""
        value = self._values.get(name) or {}
        if not isinstance(value, dict):
            raise self.wrong(name, "Invalid object")
        return Params(value, path=self.name(name))

    def items(self, name: str) -> Iterator[Params]:
        """The hashes of an array."""
        value = self._values.get(name) or []
        if not isinstance(value, list):
            raise self.wrong(name, "Invalid array")
        for index, entry in enumerate(value):
            if not isinstance(entry, dict):
                raise self.wrong(name, "Invalid object")
            yield Params(entry, path=f"{self.name(name)}[{index}]")

    def texts(self, name: str) -> list[str]:
        """The strings of an array."""
        value = self._values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise self.wrong(name, "Invalid array")
        return value

    def metadata(self, current: dict[str, str] | None = None) -> dict[str, str]:
        """The metadata after this request: given keys are set, empty values unset, ``metadata=`` unsets all."""
        value = self._values.get("metadata")
        if value == "":
            return {}
        if isinstance(value, list):
            # Keys that are all digits look like an array to the form decoder.
            value = {str(index): entry for index, entry in enumerate(value)}
        if not isinstance(value, dict | None):
            raise self.wrong("metadata", "Invalid object")
        merged = dict(current or {})
        for key, entry in (value or {}).items():
            if not isinstance(entry, str):
                raise self.wrong("metadata", f"Metadata values must be strings, but {key} is not")
            if len(key) > METADATA_KEY_CHARACTERS_MAX:
                raise self.wrong("metadata", f"Metadata keys may have at most {METADATA_KEY_CHARACTERS_MAX} characters")
            if len(entry) > METADATA_VALUE_CHARACTERS_MAX:
                message = f"Metadata values may have at most {METADATA_VALUE_CHARACTERS_MAX} characters"
                raise self.wrong("metadata", message)
            merged.pop(key, None)
            if entry:
                merged[key] = entry
        if len(merged) > METADATA_KEYS_MAX:
            raise self.wrong("metadata", f"Metadata may have at most {METADATA_KEYS_MAX} keys")
        return merged


def looks_like_email(text: str) -> bool:
    """Something, an @, and a domain with a dot: what Stripe's own form asks for."""
    local, at, domain = text.rpartition("@")
    plausible = bool(local and at and "." in domain.strip("."))
    return plausible and len(text) <= EMAIL_CHARACTERS_MAX and not any(map(str.isspace, text))
