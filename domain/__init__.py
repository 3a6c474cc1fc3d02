"""What Tessera knows about selling tickets: pure values and rules, no input or output of any kind."""
