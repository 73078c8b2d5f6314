"""`pytest --grade` and `pytest --grade-verify`."""
