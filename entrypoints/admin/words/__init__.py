"""How things are said in the portal. A room of words for each subject; pages ask here for all of them."""

from entrypoints.admin.words.amounts import count, money, moneys, orders, places, plain_amount, plain_percent, tickets
from entrypoints.admin.words.books import ACCOUNTS, BASES, JOURNALS, OWNERS, comparison
from entrypoints.admin.words.details import details
from entrypoints.admin.words.disputes import BONDS, DISPUTE_REASONS, FRAUD_TYPES, bonds, dispute_reason, fraud_type
from entrypoints.admin.words.labels import DECIDED_SOON, EXCHANGED, FROZEN, Label, label
from entrypoints.admin.words.people import ROLE_MAY
from entrypoints.admin.words.refunds import (
    BATCH_PURPOSES,
    BATCH_STATES,
    OUTCOMES,
    QUEUES,
    REFUND_FAILURES,
    REQUESTS,
    batch_why,
    refund_failure,
)
from entrypoints.admin.words.sales import RECOGNISED_BY, promotion_does, promotion_state, recognised, sale_status
from entrypoints.admin.words.systems import DELIVERIES, EFFECTS, HOOKS, hook_status, pretty, pretty_text, without_keys
from entrypoints.admin.words.times import ago, clock_time, for_input, lasting, machine_time, minutes, moment, span, zone
from entrypoints.admin.words.trail import HAPPENINGS, SUBJECTS, happening

__all__ = [
    "ACCOUNTS",
    "BASES",
    "BATCH_PURPOSES",
    "BATCH_STATES",
    "BONDS",
    "DECIDED_SOON",
    "DELIVERIES",
    "DISPUTE_REASONS",
    "EFFECTS",
    "EXCHANGED",
    "FRAUD_TYPES",
    "FROZEN",
    "HAPPENINGS",
    "HOOKS",
    "JOURNALS",
    "OUTCOMES",
    "OWNERS",
    "QUEUES",
    "RECOGNISED_BY",
    "REFUND_FAILURES",
    "REQUESTS",
    "ROLE_MAY",
    "SUBJECTS",
    "Label",
    "ago",
    "batch_why",
    "bonds",
    "clock_time",
    "comparison",
    "count",
    "details",
    "dispute_reason",
    "for_input",
    "fraud_type",
    "happening",
    "hook_status",
    "label",
    "lasting",
    "machine_time",
    "minutes",
    "moment",
    "money",
    "moneys",
    "orders",
    "places",
    "plain_amount",
    "plain_percent",
    "pretty",
    "pretty_text",
    "promotion_does",
    "promotion_state",
    "recognised",
    "refund_failure",
    "sale_status",
    "span",
    "tickets",
    "without_keys",
    "zone",
]
