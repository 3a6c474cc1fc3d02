"""The front page: what is on, soonest first, with a search that is an ordinary form."""

from flask import render_template, request

from entrypoints.http.storefront.house import house
from entrypoints.http.storefront.presenters import programme as present


def programme() -> str:
    """``GET /``"""
    wanted = present.wanted(request.args)
    listings = house().listings()
    now = house().clock().now()
    page = listings.events(wanted=wanted.as_filter())
    cards = tuple(present.card(event, now=now) for event in page.items if wanted.includes(event))
    facets = listings.facets()
    return render_template(
        "storefront/programme.html",
        wanted=wanted,
        cards=cards,
        next_query={**wanted.query, "cursor": page.next_cursor} if page.next_cursor else None,
        cities=facets.get("city", ()),
        venues=tuple((slug, present.venue(slug)) for slug in facets.get("venue", ())),
        categories=tuple((word, present.category(word)) for word in facets.get("category", ())),
    )
