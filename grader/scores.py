"""Score functions for learning tasks: `LearningTask(score=scores.mean_squared_error)`."""

from grader.authoring.scores import accuracy, balanced_accuracy, correlation, exact_match, mean_squared_error

__all__ = ["accuracy", "balanced_accuracy", "correlation", "exact_match", "mean_squared_error"]
