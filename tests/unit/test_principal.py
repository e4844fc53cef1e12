"""Who is calling: what the operator's site signed is believed, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from agent.rooms.principal import LONGEST_LIFE, guest, read_signed
from agent.rooms.tokens import Seat, call_token, read_call_token, read_seat
from common.errors import InputError
from common.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

SECRET = "the operator's own secret, long enough"


def signed(secret: str = SECRET, life: timedelta = timedelta(minutes=5), **changed: Any) -> str:
    """A token of the site's; a length of time stands for the moment that far from now."""
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "aud": "liuke",
        "iat": now,
        "exp": now + life,
        "account": "acme",
        "sub": "wang@acme.example",
        "rights": ["calls:read"],
    } | changed
    given = {k: now + v if isinstance(v, timedelta) else v for k, v in claims.items()}
    return jwt.encode({k: v for k, v in given.items() if v is not None}, secret, "HS256")


def test_a_customer_whom_the_site_signed_in_is_known() -> None:
    principal = read_signed(signed(language="en"), SECRET, None)
    assert (principal.account, principal.contact) == ("acme", "wang@acme.example")
    assert principal.language == "en" and not principal.guest
    assert principal.rights == {"calls:read"}


def test_the_language_of_the_page_goes_first() -> None:
    assert read_signed(signed(language="en"), SECRET, "zh").language == "zh"
    assert read_signed(signed(), SECRET, None).language == "zh"


@pytest.mark.parametrize(
    "changed",
    [
        {"account": None},
        {"account": ""},
        {"account": "Acme"},
        {"account": "../acme"},
        {"account": "acme."},
        {"account": "a" * 65},
        {"account": 7},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 129},
        {"sub": "a\nb"},
        {"aud": "somebody-else"},
        {"aud": None},
        {"exp": None},
        {"iat": None},
        {"exp": timedelta(minutes=-2)},
        {"iat": timedelta(minutes=5)},
        {"rights": "calls:read"},
        {"rights": ["calls:read"] * 17},
        {"rights": ["x y"]},
        {"language": "fr"},
    ],
)
def test_what_cannot_be_used_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        read_signed(signed(**changed), SECRET, None)


def test_a_signature_that_lives_long_is_refused() -> None:
    with pytest.raises(InputError, match="life"):
        read_signed(signed(life=LONGEST_LIFE + timedelta(minutes=1)), SECRET, None)


def test_only_the_sites_own_secret_signs() -> None:
    for token in (
        signed(secret="somebody else's secret, as long as it is"),
        jwt.encode({"account": "acme", "sub": "x", "aud": "liuke"}, "", "none"),
        "no token",
    ):
        with pytest.raises(InputError, match="not accepted"):
            read_signed(token, SECRET, None)


def test_the_example_of_the_documentation_signs_in() -> None:
    page = (PROJECT_ROOT / "docs" / "identity.md").read_text("utf-8")
    example = page.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"SECRET": SECRET}
    exec(compile(example, "docs/identity.md", "exec"), names)
    principal = read_signed(names["sign_in"]("acme", "wang"), SECRET, None)
    assert (principal.account, principal.contact, principal.language) == ("acme", "wang", "zh")


def seat() -> Seat:
    return Seat("one", "call-one", "customer-1", read_signed(signed(), SECRET, "en"))


def test_a_seat_travels_whole() -> None:
    assert read_seat(seat().to_json()) == seat()
    anybody = Seat("two", "call-two", "customer-2", guest("zh"), attempt=3)
    assert read_seat(anybody.to_json()) == anybody


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"call_id": "one"}'])
def test_a_dispatch_of_something_else_is_named(text: str) -> None:
    with pytest.raises(InputError, match="whose call"):
        read_seat(text)


def test_a_calls_token_is_this_installations_own() -> None:
    token = call_token(seat(), "installation")
    assert read_call_token(token, "installation") == seat()
    with pytest.raises(InputError):
        read_call_token(token, "another installation")
    with pytest.raises(InputError):  # what the site signs opens no call
        read_call_token(signed(secret="installation" * 3), "installation" * 3)
