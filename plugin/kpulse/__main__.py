"""Lets ``python -m kpulse`` do what ``kpulse`` does."""

from kpulse.cli import main

main()
