"""The objects with which an author declares an exercise."""
