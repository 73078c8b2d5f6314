"""A course folder: its settings, plugins, exercises, and what students get of it."""
