"""Postgres, the place of truth: tables, repositories, one unit of work, and the views that read from it."""
