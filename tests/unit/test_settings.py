"""Settings come from one place, and a wrong value names its variable."""

import pytest

from agent.settings import Settings, env_example
from common.errors import SetupError
from common.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit


def test_env_example_lists_every_variable_with_its_default() -> None:
    written = (PROJECT_ROOT / ".env.example").read_text("utf-8")
    assert written == env_example(), "run: python -m agent.settings > .env.example"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LIUKE_API_PORT", "eighty"),
        ("LIUKE_SPEECH_SPEED", "9"),
        ("LIUKE_LLM_MODEL", "gpt-17"),
        ("LIVEKIT_PORT", "70000"),
    ],
)
def test_a_wrong_value_names_the_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SetupError) as raised:
        Settings()
    assert variable in raised.value.message
    assert value in raised.value.message
    assert variable in raised.value.remedy


def test_a_value_from_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUKE_API_PORT", "9100")
    assert Settings().api.port == 9100


def test_secrets_do_not_show_when_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    assert "very-secret" not in repr(Settings().language_model)


def test_a_secret_that_cannot_be_used_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUKE_API_SITE_SECRET", "too-short")
    with pytest.raises(SetupError, match="LIUKE_API_SITE_SECRET") as raised:
        Settings()
    assert "too-short" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://liuke:pw@db/liuke", "postgresql+asyncpg://liuke:pw@db/liuke"),
        ("postgres://liuke:pw@db/liuke", "postgresql+asyncpg://liuke:pw@db/liuke"),
        ("postgresql+psycopg2://liuke:pw@db/liuke", "postgresql+asyncpg://liuke:pw@db/liuke"),
        ("sqlite:////srv/liuke.db", "sqlite+aiosqlite:////srv/liuke.db"),
    ],
)
def test_a_database_is_reached_with_the_driver_that_is_there(
    given: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIUKE_DATABASE_URL", given)
    assert Settings().database_url == used


@pytest.mark.parametrize("url", ["mysql://liuke:the-password@db/liuke", "db:the-password"])
def test_another_database_is_refused_and_its_password_does_not_show(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIUKE_DATABASE_URL", url)
    with pytest.raises(SetupError, match="LIUKE_DATABASE_URL") as raised:
        Settings()
    assert "the-password" not in str(raised.value)


def test_the_database_defaults_to_sqlite_in_the_data_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIUKE_DATA_DIR", "/somewhere")
    assert Settings().database_url == "sqlite+aiosqlite:////somewhere/liuke.db"
