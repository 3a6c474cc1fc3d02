"""Pure translation between domain values and rows: ``to_row`` and ``from_row``, one module a noun."""
