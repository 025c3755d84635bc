"""The languages that a collection may have: how its words are told, and who can read them."""

from typing import Final, Literal, get_args

Language = Literal["en", "other", "cjk"]
"""`en` English, `cjk` Chinese, Japanese and Korean, `other` any other language."""

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
ENGLISH: Final = "en"


def language_named(name: str) -> Language | None:
    """Return the language of that name, None where there is none."""
    return next((one for one in LANGUAGES if one == name), None)
