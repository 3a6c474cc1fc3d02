"""The outbox and whom it reaches: buyers by text and letter, organisers' own systems by webhook."""

from typing import Any, ClassVar

import structlog
from dependency_injector import providers

from application.commands.answer_dispute import send_answer
from application.commands.capture_payment import capture_payment, void_payment
from application.commands.drain_outbox import drain_outbox, hand_back, keep_leases, prune_outbox
from application.commands.follow_dispute import apply_facts
from application.commands.manage_webhooks import (
    add_endpoint,
    change_endpoint,
    rotate_secret,
    send_again,
    send_test,
    switch_endpoint,
)
from application.commands.open_tiers import open_tiers
from application.commands.resend_link import resend_link
from application.commands.revive_effect import discard_effect, revive_effect, revive_effects
from application.commands.send_email import send_email
from application.commands.send_refund import send_refund
from application.commands.send_sms import receive_delivery_report, receive_inbound_message, send_sms
from application.commands.settle_stock import renew_terms, settle_stock
from application.commands.tell_organisers import deliver_webhooks, prune_webhooks, spread_message, watch_stock
from application.handlers import effect_handlers
from domain.ports.outbox import OutboxRow
from entrypoints.container.money import Money
from entrypoints.container.selling import Selling
from entrypoints.container.servers import Servers

log = structlog.get_logger(__name__)


def _report(row: OutboxRow, failure: Exception) -> None:
    log.warning("effect_failed", effect=row.effect.value, key=row.key, attempt=row.attempts, error=str(failure))


class Telling(Money):
    """Effects, messages and webhooks."""

    # The outbox.
    effect_handlers = providers.Singleton(
        effect_handlers,
        capture_payment=providers.Callable(
            capture_payment, gateway=Servers.gateway, access=Servers.access, **Servers.step
        ).provider,
        void_payment=providers.Callable(
            void_payment, gateway=Servers.gateway, access=Servers.access, **Servers.step
        ).provider,
        send_refund=providers.Callable(send_refund, gateway=Servers.gateway, **Servers.step).provider,
        send_email=providers.Callable(
            send_email,
            unit_of_work=Servers.unit_of_work.provider,
            sender=Servers.mail_sender,
            access=Servers.access,
            clock=Servers.clock,
        ).provider,
        send_sms=providers.Callable(
            send_sms,
            unit_of_work=Servers.unit_of_work.provider,
            sender=Servers.sms_sender,
            clock=Servers.clock,
        ).provider,
        settle_stock=providers.Callable(
            settle_stock, inventory=Servers.inventory, rebuild=Selling.rebuild_sale.provider
        ).provider,
        renew_terms=providers.Callable(
            renew_terms, catalogue=Servers.catalogue, inventory=Servers.inventory, rebuild=Selling.rebuild_sale.provider
        ).provider,
        answer_dispute=providers.Callable(
            send_answer,
            apply=providers.Callable(
                apply_facts,
                restock_lost=Servers.settings.provided.restock_lost_disputes,
                **Servers.step,
            ).provider,
            gateway=Servers.gateway,
            **Servers.step,
        ).provider,
        spread_message=providers.Callable(spread_message, **Servers.step).provider,
    )
    _deliveries: ClassVar[dict[str, Any]] = {
        "sender": Servers.hook_sender,
        "access": Servers.access,
        **Servers.step,
    }
    deliver_webhooks = providers.Callable(deliver_webhooks, **_deliveries)
    prune_webhooks = providers.Callable(prune_webhooks, unit_of_work=Servers.unit_of_work.provider, clock=Servers.clock)
    drain_outbox = providers.Callable(
        drain_outbox,
        handlers=effect_handlers,
        report=providers.Object(_report),
        unit_of_work=Servers.unit_of_work.provider,
        clock=Servers.clock,
    )
    keep_leases = providers.Callable(keep_leases, unit_of_work=Servers.unit_of_work.provider, clock=Servers.clock)
    hand_back = providers.Callable(hand_back, unit_of_work=Servers.unit_of_work.provider, clock=Servers.clock)
    prune_outbox = providers.Callable(prune_outbox, unit_of_work=Servers.unit_of_work.provider, clock=Servers.clock)
    receive_delivery_report = providers.Callable(
        receive_delivery_report,
        callbacks=Servers.sms_callbacks,
        unit_of_work=Servers.unit_of_work.provider,
        clock=Servers.clock,
    )
    receive_inbound_message = providers.Callable(
        receive_inbound_message, callbacks=Servers.sms_callbacks, **Servers.step
    )

    # What organisers' own systems are told.
    watch_stock = providers.Callable(watch_stock, catalogue=Servers.catalogue, **Servers.woken)
    open_tiers = providers.Callable(
        open_tiers, catalogue=Servers.catalogue, inventory=Servers.inventory, **Servers.woken
    )
    add_endpoint = providers.Callable(add_endpoint, **_deliveries)
    change_endpoint = providers.Callable(change_endpoint, sender=Servers.hook_sender, **Servers.step)
    switch_endpoint = providers.Callable(switch_endpoint, **Servers.step)
    rotate_secret = providers.Callable(rotate_secret, access=Servers.access, **Servers.step)
    send_test = providers.Callable(send_test, **Servers.woken)
    send_again = providers.Callable(send_again, **Servers.woken)

    # What staff asks of the outbox.
    resend_link = providers.Callable(resend_link, access=Servers.access, **Servers.woken)
    revive_effect = providers.Callable(revive_effect, **Servers.woken)
    revive_effects = providers.Callable(revive_effects, **Servers.woken)
    discard_effect = providers.Callable(discard_effect, **Servers.step)
