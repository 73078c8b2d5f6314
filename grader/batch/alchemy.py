"""SQLAlchemy, from the extra `batch`: imported here alone, so that all who need it say the same where it is missing."""

from grader.records.extras import require_extra

try:
    import sqlalchemy as sql
    from sqlalchemy.dialects import postgresql, sqlite
except ModuleNotFoundError:
    require_extra("batch", "a gradebook")
    raise  # it is installed, and lacks something itself

__all__ = ["postgresql", "sql", "sqlite"]
