"""Bringing a database to the tables this version needs."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from common.errors import SetupError


def upgrade(database_url: str, to: str = "head") -> None:
    """Create or update the tables, to a revision or the newest. Blocking: call it from a thread.

    Raises SetupError when the database cannot be reached or is newer than this version.
    """
    url = make_url(database_url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    # Alembic reads the value through ConfigParser, where a percent sign must be doubled.
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    try:
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        command.upgrade(config, to)
    except CommandError as error:
        raise SetupError(
            f"The database {url!r} was made by a newer version of Liuke: {error}.",
            "Start that version, or restore the copy that was made before it.",
        ) from error
    except (SQLAlchemyError, OSError) as error:
        raise SetupError(
            f"The database {url!r} cannot be prepared: {error}.",
            "Check LIUKE_DATABASE_URL, and that the server runs and the user may create tables.",
        ) from error
