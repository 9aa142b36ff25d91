"""People as annotators, through a running Label Studio server: sessions, and the store that keeps every answer."""

from annotators.label_studio.session import Adjudication, SessionConfig, Suggestions

__all__ = ["Adjudication", "SessionConfig", "Suggestions"]
