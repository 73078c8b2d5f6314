"""The `grade` command."""
