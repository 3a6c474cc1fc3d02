"""The ledger and the settlement report."""

from domain.ledger import Account, JournalKind, Owner
from domain.provider_books import Reading
from domain.settlements import Basis
from entrypoints.admin.words.amounts import count
from entrypoints.admin.words.labels import Label

ACCOUNTS = {
    Account.PROVIDER: "At the payment provider",
    Account.PAID_BY_HAND: "Paid by hand",
    Account.BUYERS: "Taken, not yet tickets",
    Account.REFUNDS_PENDING: "Refunds on their way",
    Account.REFUNDS_OWED: "Refunds that failed, owed to buyers",
    Account.DISPUTES: "Kept by banks while they decide",
    Account.FACE_VALUES: "Face values",
    Account.DISCOUNTS: "Discounts",
    Account.FEES_BORNE: "Fees that the organiser pays",
    Account.TAXES_INCLUDED: "Taxes inside the prices",
    Account.ADMISSION_RETURNED: "Prices given back",
    Account.CHARGEBACKS: "Disputes that were lost",
    Account.FEES_PASSED_ON: "Fees that buyers paid",
    Account.FEES_ABSORBED: "Fees that the organiser paid",
    Account.FEES_RETURNED: "Fees given back",
    Account.PROVIDER_FEES: "Kept by the payment provider",
    Account.DISPUTE_FEES: "Fees for disputes",
    Account.TAXES: "Taxes",
}
OWNERS = {
    Owner.PROVIDER: "Provider",
    Owner.BUYERS: "Buyers",
    Owner.BANKS: "Banks",
    Owner.ORGANISER: "Organiser",
    Owner.HOUSE: "House",
    Owner.STATE: "Tax office",
}
BASES = {
    Basis.EVENTS: "Events that take place",
    Basis.MONEY: "Money that moved",
}
JOURNALS = {
    JournalKind.MONEY_CAPTURED: "Money was taken from the buyer",
    JournalKind.ORDER_CONFIRMED: "The money became tickets",
    JournalKind.REFUND_REQUESTED: "A refund was set aside",
    JournalKind.REFUND_SUCCEEDED: "The refund reached the buyer",
    JournalKind.REFUND_FAILED: "The refund failed: the buyer is owed it",
    JournalKind.REFUND_PAID_BY_HAND: "The refund was paid by hand",
    JournalKind.DISPUTE_OPENED: "A bank took the money back and decides",
    JournalKind.DISPUTE_WON: "The dispute was won: the money is back",
    JournalKind.DISPUTE_LOST: "The dispute was lost",
    JournalKind.PROVIDER_FEE: "The provider kept its fee",
}


def comparison(reading: Reading) -> Label:
    """What came of a comparison with the provider."""
    if not reading.differences:
        return Label("Everything agrees", "good")
    return Label("1 difference" if reading.differences == 1 else f"{count(reading.differences)} differences", "bad")
