"""Short messages through Twilio."""
