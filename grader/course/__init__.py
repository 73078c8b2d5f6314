"""A course folder: settings, plugins, exercises, calibrations and the student release."""
