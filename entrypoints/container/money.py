"""The way of money after it was taken: back to buyers, into disputes, through the books."""

from typing import Any, ClassVar

from dependency_injector import providers

from application.commands.answer_dispute import answer_dispute, write_statement
from application.commands.catch_up import catch_up
from application.commands.change_refund_policy import change_refund_policy
from application.commands.compare_with_provider import compare_daily, compare_with_provider, prune_entries
from application.commands.decide_refund import decide_refund
from application.commands.follow_dispute import check_disputes, follow_dispute
from application.commands.follow_fraud_warning import decide_warning, follow_fraud_warning
from application.commands.mend_refund import send_refund_anew, settle_refund_by_hand
from application.commands.postpone_event import postpone_event, tell_of_new_dates
from application.commands.prepare_batch import prepare_batch, retry_batch, steer_batch, submit_batch
from application.commands.receive_notice import handle_notice, receive_notice
from application.commands.request_refund import request_refund
from application.commands.run_batches import run_batches
from application.commands.send_refund import check_refunds, refresh_refund
from application.commands.tell_buyers import tell_buyers
from domain.refund_batches import ApprovalRule
from entrypoints.container.selling import Selling
from entrypoints.container.servers import Servers


class Money(Selling):
    """Refunds, disputes and warnings, and the comparison with the provider."""

    # Refunds.
    request_refund = providers.Callable(request_refund, **Servers.woken)
    decide_refund = providers.Callable(decide_refund, **Servers.woken)
    change_refund_policy = providers.Callable(change_refund_policy, **Servers.step)
    refresh_refund = providers.Callable(refresh_refund, gateway=Servers.gateway, **Servers.step)
    check_refunds = providers.Callable(check_refunds, gateway=Servers.gateway, **Servers.step)
    send_refund_anew = providers.Callable(send_refund_anew, **Servers.woken)
    settle_refund_by_hand = providers.Callable(settle_refund_by_hand, **Servers.step)

    # Refunds by the thousand.
    approval_rule = providers.Singleton(
        ApprovalRule,
        orders_max=Servers.settings.provided.refund_approval_orders,
        units_max=Servers.settings.provided.refund_approval_amount,
    )
    prepare_batch = providers.Callable(prepare_batch, **Servers.step)
    submit_batch = providers.Callable(submit_batch, rule=approval_rule, **Servers.step)
    steer_batch = providers.Callable(steer_batch, **Servers.step)
    retry_batch = providers.Callable(retry_batch, **Servers.step)
    run_batches = providers.Callable(run_batches, **Servers.woken)
    tell_buyers = providers.Callable(tell_buyers, access=Servers.access, **Servers.woken)
    postpone_event = providers.Callable(postpone_event, **Servers.woken)
    tell_of_new_dates = providers.Callable(tell_of_new_dates, access=Servers.access, **Servers.woken)

    # Disputes and fraud warnings.
    follow_dispute = providers.Callable(
        follow_dispute,
        restock_lost=Servers.settings.provided.restock_lost_disputes,
        settle=Selling.settle_payment.provider,
        gateway=Servers.gateway,
        **Servers.woken,
    )
    check_disputes = providers.Callable(
        check_disputes, follow=follow_dispute.provider, unit_of_work=Servers.unit_of_work.provider, clock=Servers.clock
    )
    write_statement = providers.Callable(write_statement, **Servers.step)
    answer_dispute = providers.Callable(answer_dispute, **Servers.woken)
    follow_fraud_warning = providers.Callable(
        follow_fraud_warning,
        rule=Servers.settings.provided.fraud_warning_rule,
        settle=Selling.settle_payment.provider,
        gateway=Servers.gateway,
        **Servers.woken,
    )
    decide_warning = providers.Callable(decide_warning, **Servers.woken)

    # What the payment provider tells.
    handle_notice = providers.Callable(
        handle_notice,
        adopt_page=Selling.adopt_page.provider,
        settle=Selling.settle_payment.provider,
        refresh_refund=refresh_refund.provider,
        follow_dispute=follow_dispute.provider,
        follow_fraud_warning=follow_fraud_warning.provider,
        unit_of_work=Servers.unit_of_work.provider,
        clock=Servers.clock,
    )
    receive_notice = providers.Callable(receive_notice, handle=handle_notice.provider, gateway=Servers.gateway)
    catch_up = providers.Callable(
        catch_up,
        handle=handle_notice.provider,
        unit_of_work=Servers.unit_of_work.provider,
        gateway=Servers.gateway,
        clock=Servers.clock,
    )

    # Comparing with the provider.
    _of_comparing: ClassVar[dict[str, Any]] = {
        "provider_books": Servers.provider_books,
        "comparison": Servers.comparison,
        **Servers.step,
    }
    compare_with_provider = providers.Callable(compare_with_provider, **_of_comparing)
    compare_daily = providers.Callable(compare_daily, **_of_comparing)
    prune_entries = providers.Callable(prune_entries, unit_of_work=Servers.unit_of_work.provider, clock=Servers.clock)
