"""Who is calling: what the operator's own site signed in, a principal out.

The site knows its customers; Liuke does not. For one of them it makes a JSON Web Token (HS256, with
the secret that both know) a moment before the call: docs/identity.md. Without one a caller is a
guest, where the operator allows guests. Where no site knows a secret, the installation alone can
sign: so the demo does.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt

from common.errors import InputError
from common.languages import LANGUAGES, Language
from knowledge.contract import PUBLIC, checked_tenant

AUDIENCE: Final = "liuke"
#: A signature is made for one call that begins now: its longest life.
LONGEST_LIFE: Final = timedelta(minutes=15)
#: Clocks of the two machines may differ by this much, seconds.
_LEEWAY_S: Final = 30
_RIGHT: Final = re.compile(r"[a-z0-9._:-]{1,32}")
_LONGEST_CONTACT: Final = 128
_MOST_RIGHTS: Final = 16


@dataclass(frozen=True)
class Principal:
    """On whose behalf a call is held, and what they may."""

    account: str
    """The operator's customer, also its tenant in the knowledge base. Empty for a guest."""
    contact: str
    """Who of them calls, as the operator's site names them. Empty for a guest."""
    language: Language
    rights: frozenset[str]
    guest: bool


def guest(language: Language) -> Principal:
    """Somebody of whom nothing is known."""
    return Principal(account="", contact="", language=language, rights=frozenset(), guest=True)


def read_signed(token: str, secret: str, language: Language | None) -> Principal:
    """The principal that the operator's site signed.

    Claims: aud "liuke", iat, exp (``LONGEST_LIFE`` later at most), account, sub (the contact),
    and if wanted language and rights. ``language`` is the page's; it goes before the signed one.
    Raises InputError when the token was not signed with ``secret``, is too old, or says what cannot
    be used.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=AUDIENCE,
            leeway=_LEEWAY_S,
            options={"require": ["aud", "iat", "exp", "sub", "account"]},
        )
    except jwt.InvalidTokenError as error:
        raise _refused(str(error)) from None
    if claims["exp"] - claims["iat"] > LONGEST_LIFE.total_seconds():
        raise _refused(f"its life is longer than {LONGEST_LIFE.total_seconds():.0f} s")
    account, contact = claims["account"], claims["sub"]
    rights = claims.get("rights", [])
    spoken = language or claims.get("language", LANGUAGES[0])
    if not isinstance(account, str) or checked_tenant(account) == PUBLIC:
        raise _refused("'account' names nobody")
    if not 0 < len(contact) <= _LONGEST_CONTACT or not contact.isprintable():
        raise _refused(f"'sub' is not 1 to {_LONGEST_CONTACT} printable characters")
    if (
        not isinstance(rights, list)
        or len(rights) > _MOST_RIGHTS
        or not all(map(_is_right, rights))
    ):
        raise _refused(f"'rights' is not a list of at most {_MOST_RIGHTS} names")
    if spoken not in LANGUAGES:
        raise _refused(f"'language' is none of {', '.join(LANGUAGES)}")
    return Principal(account, contact, spoken, frozenset(rights), guest=False)


def sign(account: str, contact: str, language: Language, secret: str, life: timedelta) -> str:
    """What a site hands to the page for one of its customers: `read_signed` reads it."""
    now = datetime.now(UTC)
    claims = {"aud": AUDIENCE, "iat": now, "exp": now + life, "account": account, "sub": contact}
    return jwt.encode(claims | {"language": language}, secret, algorithm="HS256")


def own_secret(secret: str) -> str:
    """What signs callers in where no site does; ``secret``: the installation's own.

    A key for these signatures alone, so that no other use of the secret makes one.
    """
    return hmac.digest(secret.encode(), b"liuke principal", hashlib.sha256).hex()


def _is_right(value: object) -> bool:
    return isinstance(value, str) and _RIGHT.fullmatch(value) is not None


def _refused(why: str) -> InputError:
    return InputError(
        f"The site's signature is not accepted: {why}.",
        "Reload the page that you came from. For its operator: docs/identity.md.",
    )
