"""Data for learning checks: tokens numbered anew, disjoint parts, and pools of examples to draw from."""

from grader.authoring.data import Examples, Parts, Pool, Pools, Tokens

__all__ = ["Examples", "Parts", "Pool", "Pools", "Tokens"]
