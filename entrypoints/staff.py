"""The first account of the admin portal, made from the command line."""

from domain.accounts import Role, StaffMember
from domain.errors import Rejection
from entrypoints.container import Container

ACTOR = "command line"


def create_admin(container: Container, *, email: str, name: str, password: str) -> StaffMember | Rejection:
    """An administrator, or why there can be none. Audited as done from the command line."""
    answer: StaffMember | Rejection = container.add_staff(
        email=email, name=name, role=Role.ADMIN, password=password, actor=ACTOR
    )
    return answer
