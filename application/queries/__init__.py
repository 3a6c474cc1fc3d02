"""Everything that only reads. What decides nothing may come from a replica or a cache."""
