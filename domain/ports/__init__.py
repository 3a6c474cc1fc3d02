"""What the core needs from the world, as small protocols in our own words.

Every port has one contract suite under ``tests/contract`` that runs on the in-memory fake and on every
real adapter; a fake is trusted only because it passes there.
"""
