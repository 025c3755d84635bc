"""All settings, one frozen object, from `AFTERWORD_*`, `.env` and `afterword.toml`.

`python -m indexes.settings` prints the table of docs/reference/settings.md.
"""

import difflib
import ipaddress
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le, MinLen
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from indexes.errors import UsageError
from indexes.languages import ENGLISH, Language
from indexes.urls import Reach, parse_hosts, parse_ports

PREFIX: Final = "AFTERWORD_"
# The ecosystem's own names, which stand without our prefix.
BARE: Final = frozenset({"openai_api_key", "openai_base_url"})
# Their values are told to nobody, and go into no other process.
SECRET: Final = frozenset({"api_key", "openai_api_key"})
BUNDLED: Final = "bundled"
NO_READER: Final = "none"
NO_OCR: Final = "none"
NO_FETCH: Final = "none"
FETCH_IS_OFF: Final = (
    "This service fetches nothing by its address. Whoever runs it can allow that with "
    "AFTERWORD_FETCH=public; else download the file and upload it."
)
ENV_FILE: Final = ".env"
TOML_FILE: Final = "afterword.toml"

# What Kubernetes and Docker links put into the environment next to a service whose name begins
# with "afterword"; none of it was meant for us.
_INJECTED_NAME: Final = re.compile(
    r"AFTERWORD_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?"
    r"|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR|START|END))?)|AFTERWORD_(\w+_)?ENV_\w+"
)
_INJECTED_VALUE: Final = re.compile(r"(tcp|udp|sctp)://\S+")
_PUBLIC_URL: Final = re.compile(
    r"https?://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?"
    r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*/?"
)
_LINK_NAME: Final = re.compile(r"/[\w./-]+")


class Settings(BaseSettings):
    """What a person can set; names are `AFTERWORD_` and the field in capitals.

    Built directly it reads nothing but its arguments; `load_settings` reads the environment.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data: Path = Field(Path("afterword-data"), description="Folder of the collections.")
    encoder: str = Field(
        BUNDLED,
        min_length=1,
        description="Encoder of new collections: `bundled`, a hub id or a local folder.",
    )
    reader: str = Field(
        BUNDLED,
        min_length=1,
        description="What weighs the candidates: `bundled`, `none`, a cross-encoder's hub id or "
        "folder, or the folder of a network made by `training.reader`.",
    )
    language: Language = Field(
        ENGLISH,
        description="Language of new collections: `cjk` Chinese, Japanese and Korean, `other` any "
        "but these and English.",
    )
    chunk_tokens: int = Field(200, ge=16, le=8192, description="Largest chunk, in encoder tokens.")
    reader_processes: int = Field(
        0, ge=0, le=64, description="Child processes that read documents; 0 means one a core."
    )
    reader_seconds: float = Field(300.0, gt=0, description="Time limit of one document's reading.")
    reader_memory_mb: int = Field(2048, ge=64, description="Memory limit of one reader process.")
    max_file_mb: int = Field(512, ge=1, description="Largest file that is read.")
    fetch: Literal["none", "public"] = Field(
        NO_FETCH,
        description="What `POST /v1/documents` may fetch by its address; `public` is the public "
        "internet. `afterword ingest URL` does so in any case.",
    )
    fetch_hosts: str | None = Field(
        None,
        title="hosts with commas between them; `.example.org` is all below that name",
        description="The only hosts that are fetched from; unset means any public one.",
    )
    fetch_ports: str = Field(
        "80,443",
        title="ports with commas between them",
        description="Ports that are fetched from.",
    )
    fetch_seconds: float = Field(60.0, gt=0, description="Time limit of fetching one address.")
    password_file: Path | None = Field(
        None, description="File of passwords, one a line, tried on documents that ask for one."
    )
    ocr: Literal["none", "rapidocr"] = Field(
        NO_OCR,
        description="What recognises text in scans and pictures; `rapidocr` needs the extra `ocr`.",
    )
    threads: int = Field(0, ge=0, le=256, description="Threads of each model; 0 means all cores.")
    threshold: float | None = Field(
        None, ge=0, le=1, description="Least score of an answer; unset means the built-in value."
    )
    generator: Literal["quote", "transformers", "openai"] = Field(
        "quote",
        description="How answers are written where a request does not say: `quote` needs no "
        "language model, `transformers` runs one here, `openai` asks a server.",
    )
    model: str | None = Field(
        None,
        min_length=1,
        description="Language model: for `transformers` a hub id, a folder or a GGUF file, for "
        "`openai` the name that the server at `OPENAI_BASE_URL` has for it.",
    )
    model_context: int | None = Field(
        None,
        ge=256,
        le=10_000_000,
        description="Tokens that a language model reads and writes at once, where it can do more, "
        "or its server does not tell; unset means what it tells, else 8192.",
    )
    model_tokenizer: str | None = Field(
        None,
        min_length=1,
        description="Tokenizer of the model behind `openai`: a `tokenizer.json`, a folder with one "
        "or a hub id; unset means that tokens are estimated, rather too many than too few.",
    )
    openai_base_url: str | None = Field(
        None,
        min_length=1,
        title="an address such as `http://127.0.0.1:8080/v1`",
        description="Server that the generator `openai` asks; none unless named.",
    )
    openai_api_key: SecretStr | None = Field(
        None, title="text", description="Key for that server; many local ones need none."
    )
    answer_tokens: int = Field(
        512, ge=16, le=32_768, description="Most tokens that a language model writes an answer in."
    )
    answer_seconds: float = Field(
        120.0, gt=0, description="Most seconds that a language model works on an answer."
    )
    summary_seconds: float = Field(
        900.0, gt=0, description="Most seconds that a language model works on a summary."
    )
    temperature: float = Field(
        0.0, ge=0, le=2, description="How freely a language model chooses its words."
    )
    unsupported: Literal["drop", "mark"] = Field(
        "drop",
        description="What becomes of a sentence that a language model wrote and that the evidence "
        "does not bear out.",
    )
    chat_sources: bool = Field(
        default=True,
        description="End answers over `/v1/chat/completions` with a list of their sources where "
        "the request does not say.",
    )
    prompts: Path | None = Field(
        None, description="Folder of prompts that stand before the product's own of the same name."
    )
    rewrite: Literal["auto", "rule", "model", "none"] = Field(
        "auto",
        description="How a question that leans on earlier ones is rewritten before the search: "
        "`auto` by the language model where the question has one, else by `rule`.",
    )
    session_days: float = Field(
        30.0,
        ge=0,
        le=3650,
        description="How long after its last question a session is kept, where one was asked for; "
        "0 lets none be kept.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address that the service binds.")
    port: int = Field(
        8000, ge=0, le=65535, description="Port that the service binds; 0 means any free one."
    )
    api_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="An administrator's key for `/v1` and `/metrics`, beside those that `afterword "
        "keys` makes.",
    )
    allow_anonymous: bool = Field(
        default=False, description="Allow binding off loopback without a key."
    )
    rate_per_minute: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Requests that a key (without keys: an address) may make a minute, more are "
        "answered 429; 0 means no limit.",
    )
    cors_origins: str | None = Field(
        None,
        title="origins such as `https://intranet.example.org`, with commas between them",
        description="Other sites whose pages may call this service; none unless named.",
    )
    public_url: str | None = Field(
        None,
        title="an address such as `https://docs.example.org/afterword`",
        description="Address at which a reverse proxy offers the service.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        title="IP addresses or networks, with commas between them",
        description="Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count.",
    )
    max_upload_mb: int = Field(64, ge=1, le=4096, description="Largest upload.")
    max_restore_mb: int = Field(
        16_384, ge=1, description="Largest snapshot that is restored over HTTP."
    )
    keep_uploads: bool = Field(
        default=True,
        description="Keep the bytes of uploaded files, so that citations lead to the original.",
    )
    max_question_chars: int = Field(4000, ge=1, description="Longest question.")
    max_concurrent: int = Field(
        16, ge=1, description="Questions answered or waiting at once; more are answered 429."
    )
    max_connections: int = Field(
        2048, ge=16, description="Connections at once; more are answered 503 and closed."
    )
    max_queued_jobs: int = Field(
        1000, ge=1, description="Uploads waiting for ingestion at once; more are answered 429."
    )
    stop_seconds: int = Field(
        5, ge=0, le=3600, description="How long a stop waits for the requests in flight."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    log_questions: bool = Field(
        default=False,
        description="Log each question with its collection, status and score; a document's text "
        "is never logged.",
    )

    @field_validator("public_url")
    @classmethod
    def _public_url_is_one(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not _PUBLIC_URL.fullmatch(value) or urlsplit(value).port == 0:
            raise ValueError("no address")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _trusted_proxies_are_addresses(cls, value: str) -> str:
        given = [one.strip() for one in value.split(",")]
        for one in given:
            ipaddress.ip_network(one)
        return ",".join(given)

    @field_validator("cors_origins")
    @classmethod
    def _cors_origins_are_origins(cls, value: str | None) -> str | None:
        if value is None:
            return None
        given = [one.strip().lower() for one in value.split(",")]
        for one in given:
            if not _PUBLIC_URL.fullmatch(one) or urlsplit(one).path or urlsplit(one).port == 0:
                raise ValueError("no origin")
        return ",".join(given)

    @property
    def origins(self) -> frozenset[str]:
        """The other sites whose pages may call this service, as `Origin` headers name them."""
        return frozenset(self.cors_origins.split(",") if self.cors_origins else ())

    @field_validator("fetch_hosts")
    @classmethod
    def _fetch_hosts_are_hosts(cls, value: str | None) -> str | None:
        try:
            return None if value is None else ",".join(parse_hosts(value))
        except UsageError as error:
            raise ValueError(error.message) from None

    @field_validator("fetch_ports")
    @classmethod
    def _fetch_ports_are_ports(cls, value: str) -> str:
        return ",".join(map(str, sorted(parse_ports(value))))

    @property
    def root_path(self) -> str:
        """The path that the service has at its proxy: `/afterword`, or "" for the root."""
        return urlsplit(self.public_url or "").path

    @property
    def public_host(self) -> str | None:
        """The host's name in the public address, in small letters."""
        return urlsplit(self.public_url or "").hostname

    @property
    def public_origin(self) -> str | None:
        """The public address as browsers give it in an `Origin` header."""
        parts = urlsplit(self.public_url or "")
        if not parts.hostname:
            return None
        usual = {"http": 80, "https": 443}[parts.scheme]
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return f"{parts.scheme}://{host}" + (
            f":{parts.port}" if parts.port not in {None, usual} else ""
        )

    @field_validator("api_key")
    @classmethod
    def _api_key_is_one_word(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("a header cannot carry it")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the arguments only: which environment counts is the caller's to say."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @property
    def reach(self) -> Reach:
        """Which addresses may be fetched."""
        return Reach(parse_ports(self.fetch_ports), parse_hosts(self.fetch_hosts or ""))

    def as_environ(self) -> dict[str, str]:
        """Return what a child process needs to load these settings, keys left out."""
        values = self.model_dump(exclude=set(SECRET), exclude_none=True)
        return {variable(name): str(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Found:
    """Settings as they were found: `places` has where each one that is given stands.

    `mistakes` are sentences, one for each that is left out of `settings`.
    """

    settings: Settings
    places: Mapping[str, str]
    mistakes: tuple[str, ...]


def load_settings(environ: Mapping[str, str] | None = None, folder: Path = Path()) -> Settings:
    """Read the settings of `environ`, then `.env`, then `afterword.toml` of `folder`.

    `environ` is the process's own where it is not given. Raises UsageError that lists every
    unknown name and every value that is not allowed, with where it stands.
    """
    found = find_settings(environ, folder)
    if found.mistakes:
        raise UsageError("Settings:\n" + "\n".join(f"  {mistake}" for mistake in found.mistakes))
    return found.settings


def find_settings(environ: Mapping[str, str] | None = None, folder: Path = Path()) -> Found:
    """Read the settings as `load_settings` does, and tell their mistakes instead of raising."""
    layers, mistakes = _layers(os.environ if environ is None else environ, folder)
    given: dict[str, object] = {}
    place: dict[str, str] = {}
    for source, values in layers:
        for name, value in values.items():
            if name not in Settings.model_fields:
                mistakes.append(f"{_unknown(name)} ({source})")
                continue
            given.setdefault(name, value)
            place.setdefault(name, source)
    try:
        settings = Settings(**given)  # type: ignore[arg-type] # checked by pydantic, here
    except ValidationError as error:
        wrong = dict.fromkeys(str(item["loc"][0]) for item in error.errors(include_input=False))
        mistakes += [_wrong(name, given[name], place[name]) for name in wrong]
        right = {name: value for name, value in given.items() if name not in wrong}
        settings = Settings(**right)  # type: ignore[arg-type] # what is left was found right
        place = {name: source for name, source in place.items() if name in right}
    return Found(settings, place, tuple(mistakes))


def settings_table() -> str:
    """Return the table of all settings in Markdown."""
    rows = ["| name | default | allowed | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "unset" if field.default is None else f"`{_plain(field.default)}`"
        rows.append(f"| `{variable(name)}` | {default} | {allowed(field)} | {field.description} |")
    return "\n".join(rows) + "\n"


def allowed(field: FieldInfo) -> str:
    """Return in words which values a setting may have."""
    if field.title:
        return field.title
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    if field.annotation is bool:
        return "true or false"
    if kinds and all(isinstance(kind, str) for kind in kinds):
        return "one of " + ", ".join(kinds)
    kind = kinds[0] if kinds else field.annotation
    if kind in {int, float}:
        return _bounds("a whole number" if kind is int else "a number", field)
    if kind is Path:
        return "a path"
    least = next((item.min_length for item in field.metadata if isinstance(item, MinLen)), 0)
    return f"{least} or more printable ASCII characters, no space" if least > 1 else "text"


def _bounds(kind: str, field: FieldInfo) -> str:
    low = next((item.ge for item in field.metadata if isinstance(item, Ge)), None)
    above = next((item.gt for item in field.metadata if isinstance(item, Gt)), None)
    high = next((item.le for item in field.metadata if isinstance(item, Le)), None)
    if above is not None:
        return f"{kind} above {above}"
    if high is not None:
        return f"{kind} from {low} to {high}"
    return kind if low is None else f"{kind}, {low} or more"


def _layers(
    environ: Mapping[str, str], folder: Path
) -> tuple[list[tuple[str, Mapping[str, object]]], list[str]]:
    """Return each place with its values by field name, the strongest first, and what is broken."""
    layers: list[tuple[str, Mapping[str, object]]] = [
        ("environment", _fields(dict(_not_injected(environ))))
    ]
    mistakes = []
    env_file = folder / ENV_FILE
    if env_file.is_file():
        try:
            lines = dotenv_values(env_file, interpolate=False)
        except (OSError, UnicodeDecodeError) as error:
            mistakes.append(f"{ENV_FILE} cannot be read as UTF-8: {error}")
            lines = {}
        pairs = {name: value for name, value in lines.items() if value is not None}
        layers.append((ENV_FILE, _fields(pairs)))
    toml_file = folder / TOML_FILE
    if toml_file.is_file():
        try:
            layers.append((TOML_FILE, tomllib.loads(toml_file.read_text(encoding="utf-8"))))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            mistakes.append(f"{TOML_FILE} is not TOML: {error}")
        except OSError as error:
            mistakes.append(f"{TOML_FILE} cannot be read: {error.strerror}")
    return layers, mistakes


def _fields(pairs: Mapping[str, str]) -> dict[str, object]:
    """Return our own variables by field name, unknown ones too; an empty value means unset."""
    source = EnvSettingsSource(Settings)
    ours = {name.upper(): value for name, value in pairs.items() if value}
    source.env_vars = {name.lower(): value for name, value in ours.items()}
    known = source()
    known |= {name: ours[variable(name)] for name in BARE if variable(name) in ours}
    unknown = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in ours.items()
        if name.startswith(PREFIX)
    }
    return {**unknown, **known}


def _not_injected(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        injected = (
            _INJECTED_NAME.fullmatch(name)
            or (name.endswith("PORT") and _INJECTED_VALUE.fullmatch(value))
            or (name.endswith("_NAME") and _LINK_NAME.fullmatch(value))
        )
        if not injected:
            yield name, value


def variable(name: str) -> str:
    """Return what a setting is called in the environment."""
    return name.upper() if name.lower() in BARE else f"{PREFIX}{name}".upper()


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), Settings.model_fields, n=1)
    hint = (
        f"; did you mean {variable(near[0])}?"
        if near
        else "; docs/reference/settings.md lists the settings"
    )
    return f"{variable(name)} is not a setting{hint}"


def _wrong(name: str, value: object, source: str) -> str:
    field = Settings.model_fields[name]
    shown = "the value" if field.annotation == SecretStr | None else repr(value)
    return f"{variable(name)}: {shown} is not allowed; it must be {allowed(field)} ({source})"


if __name__ == "__main__":
    sys.stdout.write(settings_table())
