"""Knowledge Pulse: shows whether Knowledge-Centered Service happens in a support desk, and what it brings."""

__version__ = "0.1.0"
