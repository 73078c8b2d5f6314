"""The tables of a gradebook. Changing them means a new `SCHEMA`."""

from grader.batch.alchemy import sql

SCHEMA = 1
"""The version of these tables; a gradebook of another version is refused."""
metadata = sql.MetaData()
meta = sql.Table(
    "meta",
    metadata,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("value", sql.Text, nullable=False),
)
students = sql.Table(
    "students",
    metadata,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("email", sql.Text, nullable=False),
)
submissions = sql.Table(
    "submissions",
    metadata,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("student", sql.ForeignKey("students.key"), nullable=False),
    sql.Column("content", sql.Text, nullable=False),
    sql.Column("handed_in", sql.Text),
    sql.Column("late", sql.Boolean, nullable=False),
    sql.Column("seen", sql.Text, nullable=False),
    sql.UniqueConstraint("student", "content"),
    sql.Index("submissions_by_content", "content"),
)
attempts = sql.Table(
    "attempts",
    metadata,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("content", sql.Text, nullable=False),
    sql.Column("course", sql.Text, nullable=False),
    sql.Column("exercises", sql.Text, nullable=False),
    sql.Column("seed", sql.BigInteger, nullable=False),
    sql.Column("graded", sql.Text, nullable=False),
    sql.Column("broken", sql.Boolean, nullable=False),
    sql.Column("status", sql.Text, nullable=False),
    sql.Column("points", sql.Float, nullable=False),
    sql.Column("max_points", sql.Float, nullable=False),
    sql.Column("flags", sql.Text, nullable=False),
    sql.Column("grade", sql.Text, nullable=False),
    sql.Column("record", sql.Text, nullable=False),
    sql.Index("attempts_by_content", "content"),
)
standings = sql.Table(
    "standings",
    metadata,
    sql.Column("student", sql.ForeignKey("students.key"), primary_key=True),
    sql.Column("submission", sql.ForeignKey("submissions.id"), nullable=False),
    sql.Column("attempt", sql.ForeignKey("attempts.id"), nullable=False),
    sql.Column("adjustments", sql.Text, nullable=False),
    sql.Column("points", sql.Float, nullable=False),
    sql.Column("percent", sql.Float, nullable=False),
)
sources = sql.Table(
    "sources",
    metadata,
    sql.Column("content", sql.Text, primary_key=True),
    sql.Column("files", sql.LargeBinary, nullable=False),
)
