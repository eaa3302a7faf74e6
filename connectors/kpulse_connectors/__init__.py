"""Connectors to ticketing and knowledge-base systems, each on `kpulse.sdk` alone."""
