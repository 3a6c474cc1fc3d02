"""The repositories of a unit of work, one module a noun. None of them commits."""
