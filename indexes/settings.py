"""All settings, one frozen object, from `AFTERWORD_*`, `.env` and `afterword.toml`."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from indexes.errors import UsageError

PREFIX: Final = "AFTERWORD_"
BUNDLED: Final = "bundled"
# Kubernetes and Docker links put these into the environment of a service called "afterword".
_INJECTED: Final = re.compile(
    r"AFTERWORD_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?|NAME|ENV_\w+)"
)


class Settings(BaseSettings):
    """What a person can set; names are `AFTERWORD_` and the field in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", toml_file="afterword.toml", frozen=True, extra="ignore"
    )

    data: Path = Field(Path("afterword-data"), description="Folder of the collections.")
    encoder: str = Field(
        BUNDLED, description="Encoder of new collections: `bundled`, a hub id or a local folder."
    )
    chunk_tokens: int = Field(200, ge=16, le=8192, description="Largest chunk, in encoder tokens.")
    reader_processes: int = Field(
        0, ge=0, le=64, description="Child processes that read documents; 0 means one a core."
    )
    reader_seconds: float = Field(300.0, gt=0, description="Time limit of one document's reading.")
    reader_memory_mb: int = Field(2048, ge=64, description="Memory limit of one reader process.")
    max_file_mb: int = Field(512, ge=1, description="Largest file that is read.")
    threads: int = Field(0, ge=0, le=256, description="Threads of the encoder; 0 means all cores.")
    threshold: float | None = Field(
        None, ge=0, le=1, description="Least score of an answer; unset means the built-in value."
    )
    host: str = Field("127.0.0.1", description="Address that the service binds.")
    port: int = Field(8000, ge=0, le=65535, description="Port that the service binds.")
    api_key: SecretStr | None = Field(
        None, min_length=16, description="Bearer key that every /v1 call must carry."
    )
    allow_anonymous: bool = Field(
        default=False, description="Allow binding off loopback without a key."
    )
    max_upload_mb: int = Field(64, ge=1, description="Largest upload.")
    max_question_chars: int = Field(4000, ge=1, description="Longest question.")
    max_concurrent: int = Field(
        16, ge=1, description="Questions answered or waiting at once; more are answered 429."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: given, environment, `.env`, TOML."""
        del file_secret_settings
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, toml


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings and report all mistakes at once.

    Raises UsageError that lists each unknown `AFTERWORD_*` name and each value out of range.
    """
    environ = os.environ if environ is None else environ
    mistakes = _unknown_names(environ)
    try:
        settings = Settings()
    except ValidationError as error:
        mistakes += [
            f"{PREFIX}{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}"
            for item in error.errors(include_input=False)
        ]
    if mistakes:
        raise UsageError("Settings: " + "; ".join(mistakes))
    return settings


def _unknown_names(environ: Mapping[str, str]) -> list[str]:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    unknown = sorted(
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known and not _INJECTED.fullmatch(name)
    )
    return [f"{name} is not a setting (see the table in README.md)" for name in unknown]
