"""New names: rising ones for rows, readable ones for people, unguessable ones for doors."""

import base64
import secrets
from uuid import UUID

from uuid_utils.compat import uuid7

from domain.tickets import TICKET_CODE_BYTES

ORDER_NUMBER_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""No 0, O, 1, I, L or U: none is mistaken for another when read out, and no rude words come about easily."""
ORDER_NUMBER_GROUP = 4


class SystemIds:
    """Implements Ids with the operating system's randomness."""

    def uuid(self) -> UUID:
        return uuid7()

    def order_number(self) -> str:
        letters = [secrets.choice(ORDER_NUMBER_ALPHABET) for _ in range(2 * ORDER_NUMBER_GROUP)]
        return f"{''.join(letters[:ORDER_NUMBER_GROUP])}-{''.join(letters[ORDER_NUMBER_GROUP:])}"

    def ticket_code(self) -> str:
        return base64.b32encode(secrets.token_bytes(TICKET_CODE_BYTES)).decode("ascii")
