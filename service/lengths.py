"""How long a question may be: one limit, told in the same words wherever a question comes in."""

from indexes.settings import Settings


def too_long(text: str, settings: Settings) -> str | None:
    """Return what is wrong with a question's length, to stand behind its name; None if nothing."""
    limit = settings.max_question_chars
    if len(text) <= limit:
        return None
    return (
        f"has {len(text)} characters, {limit} are allowed; shorten it, or raise "
        "AFTERWORD_MAX_QUESTION_CHARS"
    )
