"""One submission -> a grade."""
