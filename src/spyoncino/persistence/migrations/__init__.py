"""Numbered migrations of the database, run by ``persistence.migrate``."""
