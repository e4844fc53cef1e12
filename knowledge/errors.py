"""The error of the knowledge stage: what happened, to which thing, and what to do about it."""

from __future__ import annotations


class KnowledgeError(Exception):
    """An error with a message for a person and the remedy beside it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class BusyError(KnowledgeError):
    """Somebody else is changing the knowledge base."""
