"""A class: many submissions, a gradebook, reports."""
