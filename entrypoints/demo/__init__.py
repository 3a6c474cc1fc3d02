"""The demo catalogue: invented houses and events that show every state a sale can be in."""

from entrypoints.demo.seeding import seed

__all__ = ["seed"]
