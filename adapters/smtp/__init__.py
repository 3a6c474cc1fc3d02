"""E-mail: the standard library's SMTP behind our port, and a mailbox to send it to while developing."""
