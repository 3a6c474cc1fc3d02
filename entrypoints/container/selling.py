"""From a hold to a confirmed order."""

from dependency_injector import providers

from application.commands.adopt_page import adopt_page
from application.commands.check_in import check_in
from application.commands.check_payments import check_payments
from application.commands.decide_reviews import LapseRule, decide_reviews
from application.commands.expire_order import cancel_order, expire_due_orders, expire_order
from application.commands.extend_hold import extend_hold
from application.commands.order_links import order_link_is_good, send_order_link, use_order_link
from application.commands.place_hold import place_hold
from application.commands.prune_answers import prune_answers
from application.commands.rebuild_sale import rebuild_sale
from application.commands.release_hold import release_hold
from application.commands.review_order import review_order
from application.commands.settle_payment import settle_payment
from application.commands.settle_stock import sweep_sales
from application.commands.start_checkout import start_checkout
from application.queries.availability import availability
from application.queries.order_details import order_details
from application.queries.refund_quote import refund_quote
from entrypoints.container.servers import Servers


class Selling(Servers):
    """Holds, orders and their payments."""

    # Holds.
    rebuild_sale = providers.Callable(
        rebuild_sale,
        catalogue=Servers.catalogue,
        inventory=Servers.inventory,
        unit_of_work=Servers.unit_of_work.provider,
    )
    place_hold = providers.Callable(
        place_hold,
        catalogue=Servers.catalogue,
        inventory=Servers.inventory,
        waiting_room=Servers.waiting_room,
        unit_of_work=Servers.unit_of_work.provider,
        rate_limiter=Servers.rate_limiter,
        clock=Servers.clock,
    )
    release_hold = providers.Callable(release_hold, inventory=Servers.inventory)
    extend_hold = providers.Callable(extend_hold, catalogue=Servers.catalogue, inventory=Servers.inventory)
    availability = providers.Callable(
        availability, catalogue=Servers.catalogue, inventory=Servers.inventory, rebuild=rebuild_sale.provider
    )
    sweep_sales = providers.Callable(sweep_sales, catalogue=Servers.catalogue, inventory=Servers.inventory)

    # Orders and payments.
    start_checkout = providers.Callable(
        start_checkout,
        catalogue=Servers.catalogue,
        inventory=Servers.inventory,
        gateway=Servers.gateway,
        velocity=Servers.velocity,
        access=Servers.access,
        **Servers.woken,
    )
    settle_payment = providers.Callable(
        settle_payment,
        gateway=Servers.gateway,
        inventory=Servers.inventory,
        velocity=Servers.velocity,
        access=Servers.access,
        **Servers.woken,
    )
    expire_order = providers.Callable(
        expire_order, settle=settle_payment.provider, gateway=Servers.gateway, **Servers.woken
    )
    cancel_order = providers.Callable(cancel_order, expire=expire_order.provider, **Servers.step)
    expire_due_orders = providers.Callable(
        expire_due_orders, expire=expire_order.provider, unit_of_work=Servers.unit_of_work.provider, clock=Servers.clock
    )
    check_payments = providers.Callable(
        check_payments,
        settle=settle_payment.provider,
        inventory=Servers.inventory,
        unit_of_work=Servers.unit_of_work.provider,
        clock=Servers.clock,
    )
    review_order = providers.Callable(review_order, access=Servers.access, **Servers.woken)
    prune_answers = providers.Callable(prune_answers, unit_of_work=Servers.unit_of_work.provider, clock=Servers.clock)
    decide_reviews = providers.Callable(
        decide_reviews,
        rule=providers.Callable(LapseRule, Servers.settings.provided.review_lapse_rule),
        review=review_order.provider,
        unit_of_work=Servers.unit_of_work.provider,
        clock=Servers.clock,
    )
    refund_quote = providers.Callable(refund_quote, unit_of_work=Servers.unit_of_work.provider, clock=Servers.clock)
    check_in = providers.Callable(check_in, **Servers.step)

    # What arrives from the providers.
    adopt_page = providers.Callable(adopt_page, gateway=Servers.gateway, **Servers.step)

    # A lost link.
    send_order_link = providers.Callable(send_order_link, access=Servers.access, **Servers.woken)
    order_link_is_good = providers.Callable(
        order_link_is_good, unit_of_work=Servers.unit_of_work.provider, clock=Servers.clock
    )
    use_order_link = providers.Callable(use_order_link, **Servers.step)

    # Looking at it all.
    order_details = providers.Callable(order_details, unit_of_work=Servers.unit_of_work.provider)
