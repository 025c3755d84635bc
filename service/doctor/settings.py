"""The settings: which are given and where, what is wrong with them, and who may ask."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.doctor.findings import Finding, Subject

_OTHERS: Final = stat.S_IRGRP | stat.S_IROTH


def mistakes(subject: Subject) -> Iterator[Finding]:
    """Tell every mistake in the settings: with one of them nothing starts."""
    if isinstance(subject.given, ImportError):
        message = f"not looked at, they cannot be read: {subject.given}"
        yield Finding("settings", "problem", message, "see the packages above")
        return
    for mistake in subject.given.mistakes:
        do = "correct or remove it; docs/reference/settings.md lists the settings"
        yield Finding("mistake", "problem", mistake, do)


def given(subject: Subject) -> Iterator[Finding]:
    """Tell which settings are given, and where; keys and passwords are never told."""
    from indexes.settings import SECRET, variable
    from service.openai_address import without_user

    found = subject.found
    values = subject.settings.model_dump(mode="json", exclude=set(SECRET))
    if values["openai_base_url"]:  # a password may stand in it
        values["openai_base_url"] = without_user(values["openai_base_url"])
    shown = {variable(name): values.get(name, "…") for name in sorted(found.places)}
    facts: dict[str, object] = {
        variable(name): {
            "from": place,
            **({} if name in SECRET else {"value": values[name]}),
        }
        for name, place in found.places.items()
    }
    if not shown:
        yield Finding("given", "ok", "none: all have their defaults", facts=facts)
        return
    for place in dict.fromkeys(found.places.values()):
        names = [variable(name) for name, where in found.places.items() if where == place]
        told = ", ".join(f"{name}={shown[name]}" for name in sorted(names))
        yield Finding(f"from {place}", "ok", told, facts={name: facts[name] for name in names})


def exposure(subject: Subject) -> Iterator[Finding]:
    """Tell who may ask the service."""
    from indexes.errors import AfterwordError
    from service.keys import has_key
    from service.loopback import is_loopback

    settings = subject.settings
    try:
        is_keyed = has_key(settings)
    except AfterwordError as error:
        advice = "restore the file, or move it away and make new keys"
        yield Finding("keys", "problem", error.message, advice)
        return
    facts = {"host": settings.host, "key": is_keyed}
    if is_loopback(settings.host):
        key = "with a key" if is_keyed else "without a key"
        yield Finding("exposure", "ok", f"this machine alone, {key}", facts=facts)
    elif is_keyed:
        message = f"whoever reaches {settings.host}, with a key; nothing is encrypted"
        advice = "where others can listen, put a reverse proxy with TLS in front"
        yield Finding("exposure", "note", message, advice, facts)
    elif settings.allow_anonymous:
        message = f"anybody who reaches {settings.host} can read and delete all documents"
        advice = "make keys by `afterword keys create`, unless that is what you want"
        yield Finding("exposure", "warning", message, advice, facts)
    else:
        message = f"AFTERWORD_HOST={settings.host} without a key: the service refuses to start"
        advice = (
            "make a key by `afterword keys create`, or set AFTERWORD_API_KEY to one of 16 or more "
            "characters, or bind 127.0.0.1, or set AFTERWORD_ALLOW_ANONYMOUS=1 if anybody may ask"
        )
        yield Finding("exposure", "problem", message, advice, facts)


def secrets(subject: Subject) -> Iterator[Finding]:
    """Tell whether other users of this machine can read the key or the passwords."""
    from indexes.settings import SECRET
    from service.keys import path_of
    from service.sessions import path_of as sessions_of

    found = subject.found
    places = {found.places[name] for name in SECRET if name in found.places}
    passwords = subject.settings.password_file
    looked_at = (
        *((subject.folder / place, "the key") for place in sorted(places)),
        (path_of(subject.data), "what is stored of the keys"),
        (sessions_of(subject.data), "the sessions"),
        (passwords, "passwords"),
    )
    for path, what in looked_at:
        if path is not None and path.is_file() and path.stat().st_mode & _OTHERS:
            message = f"other users of this machine can read {what} in {path}"
            yield Finding("secrets", "warning", message, f"chmod 600 {path}")


def prompts(subject: Subject) -> Iterator[Finding]:
    """Tell which prompts are one's own, and what is wrong with them."""
    from indexes.errors import UsageError
    from service.prompts import check_prompts

    folder: Path | None = subject.settings.prompts
    if folder is None:
        return
    try:
        check_prompts(folder)
    except UsageError as error:
        advice = "correct the files or the setting; nothing answers with them"
        yield Finding("prompts", "problem", error.message, advice)
        return
    own = sorted(path.name for path in folder.glob("*.md") if not path.name.startswith("README"))
    yield Finding("prompts", "ok", f"{', '.join(own) or 'none'} in {folder}", facts={"own": own})


def password_file(subject: Subject) -> Iterator[Finding]:
    """Tell where the file of passwords is not to be had."""
    path: Path | None = subject.settings.password_file
    if path is None:
        return
    if not path.is_file() or not os.access(path, os.R_OK):
        message = f"AFTERWORD_PASSWORD_FILE={path} cannot be read, and no ingest begins without it"
        yield Finding("passwords", "problem", message, "correct the path, or unset it")
