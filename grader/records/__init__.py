"""Frozen records: what a grading takes and what it returns. Nothing here computes a grade."""
