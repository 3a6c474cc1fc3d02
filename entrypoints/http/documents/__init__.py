"""What a ticket looks like outside a browser: a code to scan, a page to print."""
