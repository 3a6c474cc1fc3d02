"""The people who may sign in to the admin portal."""

from sqlalchemy import func, insert, select

from adapters.postgres.rows import records as rows
from adapters.postgres.tables import staff
from adapters.postgres.transaction import Transaction
from domain.accounts import StaffId, StaffMember
from domain.errors import NotFound


class PostgresStaff:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, member: StaffMember) -> None:
        self._transaction.run(insert(staff), rows.staff_to_row(member))

    def get(self, staff_id: StaffId) -> StaffMember:
        row = self._transaction.first(select(staff).where(staff.c.id == staff_id))
        if row is None:
            raise NotFound("staff member")
        return rows.staff_from_row(row)

    def find(self, *, email: str) -> StaffMember | None:
        same = func.lower(staff.c.email) == func.lower(email)
        row = self._transaction.first(select(staff).where(same))
        return rows.staff_from_row(row) if row else None
