"""Workers: drain the outbox, sweep lapsed holds, end unpaid orders. Stateless: run as many as needed."""
