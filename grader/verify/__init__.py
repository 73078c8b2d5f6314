"""A course proves itself against solutions with known grades."""
