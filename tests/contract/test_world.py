"""What every Clock, Ids, PasswordHasher and Wakeup promises, on the fakes and on the real ones."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from argon2 import PasswordHasher as Argon2

from adapters.security.clock import SystemClock
from adapters.security.ids import SystemIds
from adapters.security.passwords import Argon2Hasher
from domain.errors import Unavailable
from domain.ports.world import Clock, Ids, PasswordHasher, Wakeup
from tests.fakes.world import FakeClock, FakeIds, FakePasswordHasher, FakeWakeup

QUICK = Argon2(time_cost=1, memory_cost=8, parallelism=1)
"""Real argon2, turned down so that the suite stays quick."""

clocks = pytest.mark.parametrize("clock", [FakeClock(), SystemClock()], ids=["fake", "system"])
sources = pytest.mark.parametrize("make", [FakeIds, SystemIds], ids=["fake", "system"])
hashers = pytest.mark.parametrize("passwords", [FakePasswordHasher(), Argon2Hasher(QUICK)], ids=["fake", "argon2"])


@clocks
def test_time_is_aware_and_utc(clock: Clock) -> None:
    """Nobody ever sees a naive or local time, and it never runs backwards."""
    first, second = clock.now(), clock.now()

    assert first.utcoffset() == timedelta(0)
    assert second >= first


@sources
def test_uuids_are_new_and_rising(make: type[Ids]) -> None:
    """Version 7, never twice, in the order in which they were made: also from many threads."""
    ids = make()

    made = [ids.uuid() for _ in range(2_000)]

    assert {name.version for name in made} == {7}
    assert made == sorted(made)
    with ThreadPoolExecutor(max_workers=8) as pool:
        many = list(pool.map(lambda _: ids.uuid(), range(2_000)))
    assert len({*made, *many}) == len(made) + len(many)


@sources
def test_order_numbers_can_be_read_out(make: type[Ids]) -> None:
    """Eight characters in two groups, none of which is mistaken for another."""
    ids = make()

    numbers = [ids.order_number() for _ in range(500)]

    assert all(re.fullmatch(r"[2-9A-HJKMNP-TV-Z]{4}-[2-9A-HJKMNP-TV-Z]{4}", number) for number in numbers)
    assert len(set(numbers)) == len(numbers)


@sources
def test_ticket_codes_fill_a_qr(make: type[Ids]) -> None:
    """24 characters of base 32, never the same twice."""
    ids = make()

    codes = [ids.ticket_code() for _ in range(500)]

    assert all(re.fullmatch(r"[A-Z2-7]{24}", code) for code in codes)
    assert len(set(codes)) == len(codes)


def test_real_ticket_codes_are_spread_evenly() -> None:
    """Every character of the alphabet turns up about as often as the others: 120 bits of chance, not fewer."""
    text = "".join(SystemIds().ticket_code() for _ in range(2_000))

    counts = [text.count(letter) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"]

    assert 0.8 * 1_500 < min(counts) <= max(counts) < 1.2 * 1_500


@hashers
def test_a_password_matches_its_hash_only(passwords: PasswordHasher) -> None:
    """The right word opens, another does not, and the hash does not contain it."""
    password_hash = passwords.hash("correct horse battery staple")

    assert passwords.matches("correct horse battery staple", password_hash)
    assert not passwords.matches("correct horse battery stapler", password_hash)
    assert "horse" not in password_hash


@hashers
def test_no_hash_at_all_matches_nothing(passwords: PasswordHasher) -> None:
    """A broken or missing hash is a closed door, not an error."""
    assert not passwords.matches("anything", "")
    assert not passwords.matches("anything", "$argon2id$broken")


def test_nobody_takes_as_long_as_somebody() -> None:
    """For an address that has no account as much work is done as for one that has: its absence cannot be timed."""
    worked: list[str] = []

    class Counting(Argon2):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            worked.append("hash")
            return super().hash(password, salt=salt)

    assert not Argon2Hasher(Counting(time_cost=1, memory_cost=8, parallelism=1)).matches("a guess", "")
    assert worked == ["hash"]


def test_the_same_password_hashes_differently() -> None:
    """Argon2's salt: two people with one password do not look alike."""
    passwords = Argon2Hasher(QUICK)

    assert passwords.hash("correct horse") != passwords.hash("correct horse")


def test_few_passwords_are_checked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds no place within the limit hears Unavailable; the places are given back."""
    monkeypatch.setattr("adapters.security.passwords.WAIT_SECONDS_MAX", 0.05)
    entered, leave = Barrier(2, timeout=5), Barrier(2, timeout=5)

    class Slow(Argon2):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            del password, salt
            entered.wait()
            leave.wait()
            return "hash"

    passwords = Argon2Hasher(Slow(), at_once=1)
    with ThreadPoolExecutor(max_workers=1) as pool:
        first = pool.submit(passwords.hash, "one")
        entered.wait()
        with pytest.raises(Unavailable):
            passwords.hash("two")
        leave.wait()
        assert first.result() == "hash"
        third = pool.submit(passwords.hash, "three")
        entered.wait()
        leave.wait()
        assert third.result() == "hash"


@pytest.mark.parametrize("wakeup", [FakeWakeup()])
def test_a_hint_never_raises(wakeup: Wakeup) -> None:
    """It may be given any number of times and answers nothing."""
    for _ in range(3):
        wakeup.outbox_filled()
