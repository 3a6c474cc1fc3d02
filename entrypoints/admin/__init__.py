"""The portal for those who run a house: venue managers, support and finance.

A view is: parse → use case → present. Reads come from the backoffice port; every change goes through a use case that
leaves an entry in the audit trail.
"""

from entrypoints.admin.blueprint import blueprint

__all__ = ["blueprint"]
