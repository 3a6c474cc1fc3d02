"""Everything that changes something. One module a use case."""
