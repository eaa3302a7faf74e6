"""Real systems that a test session starts, owns and stops."""
