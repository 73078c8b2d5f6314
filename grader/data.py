"""Data for learning checks: randomly numbered tokens, disjoint splits, and pools of examples to draw from."""

from grader.authoring.data import Examples, Parts, Pool, Pools, Tokens

__all__ = ["Examples", "Parts", "Pool", "Pools", "Tokens"]
