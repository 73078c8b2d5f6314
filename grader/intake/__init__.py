"""From a download to the staged files that a worker sees."""
