"""The composition root: the one place that knows which adapter stands behind which port.

One container a process. Its providers are called like functions: a singleton answers the one object, a use case
performs itself with its ports filled in.
"""

from typing import Any, ClassVar

from dependency_injector import providers

from adapters.postgres import migrate
from application.commands.block_stock import block_stock, release_block
from application.commands.catalogue_changes import (
    add_seat_map,
    add_venue,
    cancel_event,
    change_terms,
    create_event,
    publish_event,
)
from application.commands.change_capacity import change_capacity
from application.commands.change_prices import change_prices, change_taxes, save_promotion
from application.commands.reconcile_sales import Watch, reconcile_sale, reconcile_sales
from application.commands.staff import add_staff, sign_in
from application.queries.verify import verify
from entrypoints.container.servers import Servers
from entrypoints.container.telling import Telling
from entrypoints.readiness import readiness
from entrypoints.settings import Settings


class Container(Telling):
    """Everything one process of Tessera is made of."""

    # Organisers and staff.
    add_venue = providers.Callable(add_venue, **Servers.step)
    add_seat_map = providers.Callable(add_seat_map, **Servers.step)
    create_event = providers.Callable(create_event, **Servers.step)
    publish_event = providers.Callable(publish_event, **Servers.step)
    change_terms = providers.Callable(change_terms, **Servers.woken)
    change_prices = providers.Callable(change_prices, **Servers.woken)
    save_promotion = providers.Callable(save_promotion, **Servers.woken)
    change_taxes = providers.Callable(change_taxes, **Servers.woken)
    cancel_event = providers.Callable(cancel_event, **Servers.woken)
    _of_stock: ClassVar[dict[str, Any]] = {
        "catalogue": Servers.catalogue,
        "inventory": Servers.inventory,
        **Servers.step,
    }
    block_stock = providers.Callable(block_stock, **_of_stock)
    release_block = providers.Callable(release_block, **_of_stock)
    change_capacity = providers.Callable(change_capacity, **_of_stock)
    add_staff = providers.Callable(add_staff, passwords=Servers.passwords, **Servers.step)
    sign_in = providers.Callable(sign_in, unit_of_work=Servers.unit_of_work.provider, passwords=Servers.passwords)

    # Looking at it all.
    reconcile_sale = providers.Callable(reconcile_sale, **_of_stock)
    reconcile_sales = providers.Callable(
        reconcile_sales,
        providers.Singleton(Watch),
        catalogue=Servers.catalogue,
        inventory=Servers.inventory,
        reconcile=reconcile_sale.provider,
    )
    verify = providers.Callable(
        verify,
        books=Servers.books,
        comparison=Servers.comparison,
        catalogue=Servers.catalogue,
        reconcile=providers.Callable(reconcile_sale, repair=False).provider,
        clock=Servers.clock,
    )
    verify_and_repair = providers.Callable(verify, reconcile=reconcile_sale.provider)
    readiness = providers.Callable(
        readiness, database=Servers.database_condition.provider, valkey=Servers.valkey_condition.provider
    )


def upgrade_database(settings: Settings) -> None:
    """Bring the schema to the newest migration. Safe to repeat and to do from several machines at once."""
    migrate.upgrade(settings.database_url)


def build_container(settings: Settings) -> Container:
    """The container of this process. Connects to nothing until it is used."""
    return Container(settings=settings)
