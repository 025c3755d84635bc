"""Settings: where they come from, what is refused, and how it is said."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from indexes.errors import UsageError
from indexes.settings import Settings, allowed, load_settings, settings_table

KUBERNETES = {
    "AFTERWORD_SERVICE_HOST": "10.0.0.7",
    "AFTERWORD_SERVICE_PORT": "8000",
    "AFTERWORD_SERVICE_PORT_HTTP": "8000",
    "AFTERWORD_PORT": "tcp://10.0.0.7:8000",
    "AFTERWORD_PORT_8000_TCP": "tcp://10.0.0.7:8000",
    "AFTERWORD_PORT_8000_TCP_PROTO": "tcp",
    "AFTERWORD_PORT_8000_TCP_PORT": "8000",
    "AFTERWORD_PORT_8000_TCP_ADDR": "10.0.0.7",
    "AFTERWORD_WEB_SERVICE_HOST": "10.0.0.8",
    "AFTERWORD_WEB_PORT": "tcp://10.0.0.8:80",
    "AFTERWORD_WEB_PORT_80_TCP_ADDR": "10.0.0.8",
    "AFTERWORD_NAME": "/web/afterword",
    "AFTERWORD_ENV_PYTHON_VERSION": "3.11",
}


def test_defaults_need_nothing(tmp_path: Path) -> None:
    """An empty environment and an empty folder give the documented defaults."""
    settings = load_settings({}, tmp_path)
    assert settings == Settings()
    assert (settings.host, settings.port, settings.api_key) == ("127.0.0.1", 8000, None)


def test_the_environment_beats_env_file_beats_toml(tmp_path: Path) -> None:
    """Each place fills in what the stronger ones left unset."""
    (tmp_path / "afterword.toml").write_text('port = 1\nthreads = 1\nencoder = "a/b"\n')
    (tmp_path / ".env").write_text("AFTERWORD_PORT=2\nAFTERWORD_THREADS=2\nOTHER=ignored\n")
    settings = load_settings({"AFTERWORD_PORT": "3"}, tmp_path)
    assert (settings.port, settings.threads, settings.encoder) == (3, 2, "a/b")


def test_the_process_environment_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is given as the environment is the whole of it."""
    monkeypatch.setenv("AFTERWORD_PORT", "1234")
    assert load_settings({}, tmp_path).port == 8000
    assert Settings().port == 8000
    assert load_settings(folder=tmp_path).port == 1234


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """One error names each unknown setting, each bad value, its place and what is allowed."""
    (tmp_path / ".env").write_text("AFTERWORD_THREADS=many\n")
    (tmp_path / "afterword.toml").write_text("treads = 3\n")
    levels = "debug, info, warning, error"
    environ = {"AFTERWORD_PROT": "1", "AFTERWORD_PORT": "70000", "AFTERWORD_LOG_LEVEL": "loud"}
    with pytest.raises(UsageError) as caught:
        load_settings(environ, tmp_path)
    must_be = "is not allowed; it must be"
    assert caught.value.message.splitlines()[1:] == [
        "  AFTERWORD_PROT is not a setting; did you mean AFTERWORD_PORT? (environment)",
        "  AFTERWORD_TREADS is not a setting; did you mean AFTERWORD_THREADS? (afterword.toml)",
        f"  AFTERWORD_THREADS: 'many' {must_be} a whole number from 0 to 256 (.env)",
        f"  AFTERWORD_PORT: '70000' {must_be} a whole number from 0 to 65535 (environment)",
        f"  AFTERWORD_LOG_LEVEL: 'loud' {must_be} one of {levels} (environment)",
    ]


def test_what_an_orchestrator_injects_is_ignored(tmp_path: Path) -> None:
    """Kubernetes' and Docker's own variables neither fail nor set anything."""
    assert load_settings(KUBERNETES, tmp_path) == Settings()


@pytest.mark.parametrize("name", sorted(KUBERNETES))
def test_a_real_setting_stands_beside_injected_ones(name: str, tmp_path: Path) -> None:
    """A setting next to one injected variable keeps its value."""
    environ = {name: KUBERNETES[name], "AFTERWORD_MAX_CONCURRENT": "3"}
    assert load_settings(environ, tmp_path).max_concurrent == 3


def test_an_empty_value_means_unset(tmp_path: Path) -> None:
    """Compose files hand over empty strings for what nobody set."""
    environ = {"AFTERWORD_API_KEY": "", "AFTERWORD_PORT": ""}
    assert load_settings(environ, tmp_path) == Settings()


@pytest.mark.parametrize("key", ["short", "has a space in the key", "schlüssel-mit-umlaut"])
def test_a_bad_key_is_refused_and_never_shown(key: str, tmp_path: Path) -> None:
    """The message about a key says what a key must be and does not repeat it."""
    with pytest.raises(UsageError) as caught:
        load_settings({"AFTERWORD_API_KEY": key}, tmp_path)
    assert key not in caught.value.message
    assert "16 or more printable ASCII characters" in caught.value.message


@pytest.mark.parametrize(
    ("url", "root", "host", "origin"),
    [
        ("https://docs.example.org/afterword", "/afterword", "docs.example.org", None),
        ("https://docs.example.org/afterword/", "/afterword", "docs.example.org", None),
        ("http://Docs.Example.org/a/b.c~d", "/a/b.c~d", "docs.example.org", None),
        ("https://docs.example.org:443", "", "docs.example.org", "https://docs.example.org"),
        ("https://docs.example.org:8443/", "", "docs.example.org", "https://docs.example.org:8443"),
        ("http://[::1]:8080/x", "/x", "::1", "http://[::1]:8080"),
        ("http://localhost", "", "localhost", "http://localhost"),
    ],
)
def test_a_public_address_tells_path_host_and_origin(
    url: str, root: str, host: str, origin: str | None, tmp_path: Path
) -> None:
    """In the forms in which they are compared."""
    settings = load_settings({"AFTERWORD_PUBLIC_URL": url}, tmp_path)
    expected = origin or f"{url.partition('://')[0]}://{host}"
    assert (settings.root_path, settings.public_host) == (root, host)
    assert settings.public_origin == expected
    nothing = Settings()
    assert (nothing.root_path, nothing.public_host, nothing.public_origin) == ("", None, None)


@pytest.mark.parametrize(
    "url",
    [
        "docs.example.org",
        "ftp://docs.example.org",
        "https://",
        "https:///a",
        "https://user@docs.example.org",
        "https://docs.example.org?x",
        "https://docs.example.org/a?x",
        "https://docs.example.org/a#x",
        "https://docs.example.org/a//b",
        "https://docs.example.org/../b",
        "https://docs.example.org/a/.",
        "https://docs.example.org/a%2Fb",
        "https://docs.example.org:70000",
        "https://docs.example.org:0",
        "https://docs.example.org /",
        "https://docs.example.org/a\n",
    ],
)
def test_what_is_no_public_address_is_refused(url: str, tmp_path: Path) -> None:
    """With an example of one."""
    with pytest.raises(UsageError, match=r"must be an address such as `https://"):
        load_settings({"AFTERWORD_PUBLIC_URL": url}, tmp_path)


def test_trusted_proxies_are_addresses_or_networks(tmp_path: Path) -> None:
    """With commas between them; a name or a star trusts nobody and so is refused."""
    good = {"AFTERWORD_TRUSTED_PROXIES": "10.0.0.0/8, ::1,192.168.1.1"}
    assert load_settings(good, tmp_path).trusted_proxies == "10.0.0.0/8,::1,192.168.1.1"
    for bad in ("*", "proxy", "10.0.0.1/8", "127.0.0.1,", "127.0.0.1 10.0.0.1"):
        with pytest.raises(UsageError, match="must be IP addresses or networks"):
            load_settings({"AFTERWORD_TRUSTED_PROXIES": bad}, tmp_path)


def test_a_key_does_not_show_in_print(tmp_path: Path) -> None:
    """Neither repr nor the child's environment carries the key."""
    key = "a-very-long-secret-key"
    settings = load_settings({"AFTERWORD_API_KEY": key}, tmp_path)
    assert key not in repr(settings)
    assert key not in str(settings.as_environ())


def test_broken_toml_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    """A file that does not parse is named, beside the other mistakes."""
    (tmp_path / "afterword.toml").write_text("port = = 3\n")
    with pytest.raises(UsageError, match=r"afterword\.toml is not TOML(.|\n)*AFTERWORD_PORT"):
        load_settings({"AFTERWORD_PORT": "-1"}, tmp_path)


@given(
    port=st.integers(0, 65535),
    threshold=st.none() | st.floats(0, 1),
    level=st.sampled_from(["debug", "info", "warning", "error"]),
    anonymous=st.booleans(),
)
def test_a_child_loads_the_same_settings(
    port: int, threshold: float | None, level: str, *, anonymous: bool
) -> None:
    """as_environ and load_settings are inverse, the key aside."""
    settings = Settings.model_validate(
        {"port": port, "threshold": threshold, "log_level": level, "allow_anonymous": anonymous}
    )
    assert load_settings(settings.as_environ(), Path("/nonexistent")) == settings


def test_names_of_the_ecosystem_stand_bare(tmp_path: Path) -> None:
    """From the environment and from .env; the key is shown nowhere and goes to no child."""
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-1234\nOPENAI_ORG_ID=x\n", "utf-8")
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1", "OPENAI_OTHER": "y"}
    settings = load_settings(environ, tmp_path)
    assert settings.openai_base_url == "http://127.0.0.1:8080/v1"
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-1234"
    assert "sk-1234" not in repr(settings)
    child = settings.as_environ()
    assert child["OPENAI_BASE_URL"] == "http://127.0.0.1:8080/v1"
    assert not any("KEY" in name for name in child)


def test_settings_cannot_be_changed() -> None:
    """The object is frozen."""
    with pytest.raises(ValidationError, match="frozen"):
        object.__getattribute__(Settings(), "__setattr__")("port", 1)


def test_the_table_has_one_row_a_setting() -> None:
    """The printed table names every setting, its default and what it may be."""
    printed = subprocess.run(
        [sys.executable, "-m", "indexes.settings"], capture_output=True, text=True, check=True
    ).stdout
    assert printed == settings_table()
    rows = printed.splitlines()[2:]
    bare = {"openai_api_key", "openai_base_url"}
    assert [row.split("`")[1] for row in rows] == [
        name.upper() if name in bare else f"AFTERWORD_{name.upper()}"
        for name in Settings.model_fields
    ]
    assert (
        "| `AFTERWORD_THRESHOLD` | unset | a number from 0 to 1 | Least score of an answer; "
        "unset means the built-in value. |" in rows
    )
    assert allowed(Settings.model_fields["reader_seconds"]) == "a number above 0"
