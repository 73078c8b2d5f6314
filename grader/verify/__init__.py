"""Checks a course against its sample solutions."""
