"""Staff: adding people to the admin portal and letting them in."""

from application import trail
from domain.accounts import Role, StaffId, StaffMember, weak_password
from domain.errors import Rejection, RejectionCode
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids, PasswordHasher


def add_staff(
    *,
    email: str,
    name: str,
    role: Role,
    password: str,
    actor: str,
    unit_of_work: UnitOfWorkFactory,
    passwords: PasswordHasher,
    clock: Clock,
    ids: Ids,
) -> StaffMember | Rejection:
    """Add somebody who may sign in. One account an address."""
    if why := weak_password(password):
        return Rejection(code=RejectionCode.INVALID_REQUEST, message=why, details={"field": "password"})
    member = StaffMember(
        id=StaffId(ids.uuid()),
        email=email.strip().lower(),
        name=name.strip(),
        role=role,
        password_hash=passwords.hash(password),
        created_at=clock.now(),
    )
    with unit_of_work() as uow:
        if uow.staff.find(email=member.email) is not None:
            return Rejection(
                code=RejectionCode.EMAIL_TAKEN,
                message="There is an account with this address already.",
                details={"field": "email"},
            )
        uow.staff.add(member)
        uow.audit.add(
            trail.entry(
                actor, "staff.added", kind="staff", subject=member.id, ids=ids, now=member.created_at, role=role.value
            )
        )
        uow.commit()
    return member


def sign_in(
    *, email: str, password: str, unit_of_work: UnitOfWorkFactory, passwords: PasswordHasher
) -> StaffMember | None:
    """Whose password this is, or None. Takes equally long for an unknown address."""
    with unit_of_work() as uow:
        member = uow.staff.find(email=email.strip().lower())
    known = passwords.matches(password, member.password_hash if member else "")
    return member if member and known and member.disabled_at is None else None
