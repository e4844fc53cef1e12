"""How settings are read: one group of variables in, a checked object or the variable's name out.

Values come from the environment or from a file `.env` in the project's root; each variable is the
group's prefix and the field's name in capitals. Each part has a group of its own beside its code.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from dotenv import dotenv_values
from platformdirs import user_cache_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.errors import SetupError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

Group = TypeVar("Group", bound=BaseSettings)


def settings_config(prefix: str) -> SettingsConfigDict:
    """How a group is read whose variables begin with ``prefix``."""
    return SettingsConfigDict(
        env_prefix=prefix,
        env_file=PROJECT_ROOT / ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )


def read_settings(group: type[Group]) -> Group:
    """The values of a group. Raises SetupError naming the variable when one is wrong."""
    try:
        return group()
    except ValidationError as error:
        first = error.errors()[0]
        secret = group.model_fields[str(first["loc"][0])].annotation is SecretStr
        shown = "(a secret)" if secret else repr(first["input"])
        variable = str(group.model_config["env_prefix"]) + str(first["loc"][0]).upper()
        raise SetupError(
            f"{variable}={shown} is not usable: {first['msg']}.",
            f"Correct {variable} in the environment or in .env; .env.example shows its default.",
        ) from None


def variable(name: str) -> str:
    """The value of a variable that a file of the operator's names; empty where nobody has set it.

    From the environment or from `.env`, as every setting is.
    """
    return os.environ.get(name) or dotenv_values(PROJECT_ROOT / ".env").get(name) or ""


class PathSettings(BaseSettings):
    """Where Liuke keeps what it makes and what it fetches."""

    model_config = settings_config("LIUKE_")

    data_dir: Path = Field(
        PROJECT_ROOT / "var",
        description="Keys, database, knowledge index, speech cache, logs of this installation.",
    )
    cache_dir: Path = Field(
        default_factory=lambda: user_cache_path("liuke"),
        description="Model files and the LiveKit server: shared by all checkouts of this user.",
    )

    @property
    def knowledge_dir(self) -> Path:
        """The indexes, and beside them what the corpus says, for who needs its words alone."""
        return self.data_dir / "knowledge"
