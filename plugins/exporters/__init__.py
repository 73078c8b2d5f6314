"""The formats of `grade export`, one file for each.

The grader's own documents are written from scratch; a sheet of an LMS belongs to the instructor and is filled in place.
"""

from grader.plugin import Exporter, hookimpl

from . import canvas, csv_table, feedback, gradescope, json_document, junit, moodle, similarity


@hookimpl
def grader_exporters() -> list[Exporter]:
    """All of them; their modules import nothing heavy."""
    return [
        Exporter("csv", "a table: one row per submission, one column per exercise", csv_table.export),
        Exporter("json", "all grades with their checks, one a line", json_document.export),
        Exporter("junit", "JUnit XML: a submission is a test suite, a check a test case", junit.export),
        Exporter("gradescope", "Gradescope's results.json, one per submission", gradescope.export),
        Exporter("canvas", "fills a column of the gradebook that Canvas exported (--into)", canvas.export),
        Exporter("moodle", "fills the grading worksheet of a Moodle assignment (--into)", moodle.export),
        Exporter("moodle-feedback", "a zip with each student's page, to be uploaded to Moodle", feedback.export),
        Exporter("similarity", "a folder of sources for Dolos, JPlag or MOSS", similarity.export),
    ]
