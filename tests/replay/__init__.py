"""Replay servers: they answer like the real systems from rows that a test gives."""
