"""The errors Liuke shows to people, by who must act.

Every message says what happened, to which thing, and what to do about it. Whoever catches one
prints it as it is: no stack trace reaches a customer or an operator.
"""

from __future__ import annotations


class LiukeError(Exception):
    """An error with a message for a person and the remedy beside it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class InputError(LiukeError):
    """What the caller gave cannot be used: a file, a text, a parameter. The caller must act."""


class SetupError(LiukeError):
    """Something on this machine is missing or wrong: a model file, a port, a setting.

    The operator must mend it.
    """


class ServiceError(LiukeError):
    """A server that this process depends on is away, overloaded or refusing.

    ``retryable`` tells whether the same request may succeed later without anyone acting.
    """

    def __init__(self, message: str, remedy: str, *, retryable: bool) -> None:
        super().__init__(message, remedy)
        self.retryable = retryable
