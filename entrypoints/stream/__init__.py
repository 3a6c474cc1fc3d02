"""The stream process: tells thousands of browsers what became of the free seats, from one reader of Valkey.

Streams hold their connections for minutes, so they live apart from the threads that sell tickets.
"""
