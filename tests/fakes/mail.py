"""A mail server that keeps what it is given."""

from dataclasses import dataclass, field

from domain.ports.mail import Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class SentLetter:
    to: str
    letter: Letter
    key: str


@dataclass
class FakeMail:
    """``refuse`` is raised instead of keeping anything."""

    sent: list[SentLetter] = field(default_factory=list)
    refuse: Exception | None = None

    def send(self, *, to: str, letter: Letter, key: str) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.sent.append(SentLetter(to=to, letter=letter, key=key))
