"""Invented houses in six cities, each a module: the venue, its plans, and what is on there."""

from entrypoints.demo.billing import House
from entrypoints.demo.houses import (
    breakwater_green,
    coopers_yard,
    kawabe_hall,
    meridian_arena,
    old_town_theatre,
    ribeira_forum,
    spulenhaus,
)

HOUSES: tuple[House, ...] = tuple(
    module.HOUSE
    for module in (
        breakwater_green,
        meridian_arena,
        old_town_theatre,
        ribeira_forum,
        kawabe_hall,
        spulenhaus,
        coopers_yard,
    )
)
"""Every house of the demo, in the order in which they are opened."""
