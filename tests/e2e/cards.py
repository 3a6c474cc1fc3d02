"""The sandbox's cards, shared out among suites that run on one house.

Ten orders with one card within a day are usual and the eleventh is looked at by a person, so each suite pays with a
card of its own, and buyers of the API take theirs in turn.
"""

from itertools import cycle

STOREFRONT_CARD = "4242424242424242"
ACCESSIBILITY_CARD = "4000002500000003"
DESK_CARD = "6200000000000005"
API_CARD = "5555555555554444"
CARDS_IN_TURN = cycle((
    "4000056655665556", "2223003122003222", "5200828282828210", "5105105105105100", "6011111111111117",
    "3056930009020004", "3566002020360505", "4000002760000016", "4000008260000000",
))  # fmt: skip
DECLINED_CARD = "4000000000000002"
RISKY_CARD = "4000000000009235"
