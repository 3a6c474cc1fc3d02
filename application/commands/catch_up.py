"""What no webhook brought: read from the provider's own log, and handled as if one had."""

from collections.abc import Callable
from datetime import timedelta

from domain.ports.payments import Notice, PaymentGateway
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock

PROVIDER = "stripe"
OVERLAP_SECONDS = 600
"""Read again each time: the provider's clock is not ours, and its log may be written a little late."""
FIRST_LOOK_DAYS = 14
LOOK_BACK_DAYS_MAX = 29
"""The provider keeps its log for 30 days."""


def catch_up(
    *,
    handle: Callable[[Notice], bool],
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
) -> int:
    """Handle what happened to disputes, warnings and failed refunds since the last look. Answers how many were new.

    How far the log was read is remembered when all of it was handled: what fails is met again at the next look.
    """
    now = clock.now()
    with unit_of_work() as uow:
        read_until = uow.notices.read_until(provider=PROVIDER)
    since = (
        now - timedelta(days=FIRST_LOOK_DAYS)
        if read_until is None
        else max(read_until - timedelta(seconds=OVERLAP_SECONDS), now - timedelta(days=LOOK_BACK_DAYS_MAX))
    )
    new = sum(handle(notice) for notice in gateway.after_sales(since=since))
    with unit_of_work() as uow:
        uow.notices.have_read(provider=PROVIDER, until=now)
        uow.commit()
    return new
