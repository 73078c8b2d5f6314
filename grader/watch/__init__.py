"""Regrades a submission after each save, for `grade watch`."""
