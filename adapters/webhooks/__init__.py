"""Messages to organisers' own systems: where they may go, and how they get there."""
