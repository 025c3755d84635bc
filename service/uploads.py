"""What an upload must be before it may go into the spool: its form, its fields, its name."""

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Final, TypeVar, cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile

from indexes.documents import UPLOADS, Metadata, document_id_for
from indexes.errors import UsageError
from indexes.jobs import ADDRESS
from indexes.settings import FETCH_IS_OFF, NO_FETCH, Settings
from indexes.urls import parse_url
from service.gate import BODY_LIMIT
from service.lanes import Lane
from service.problems import FetchOff, MediaTypeRefused, invalid
from service.schemas import UploadAddress, UploadFields, UploadText

_LONGEST_NAME: Final = 200
_FIELDS: Final = frozenset({"file", *UploadFields.model_fields})
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Upload:
    """A checked upload; `media_type` is None where only its content can tell."""

    payload: BinaryIO | bytes
    filename: str
    fields: UploadFields
    media_type: str | None = None

    @property
    def document_id(self) -> str:
        """The id of the document that it becomes; of a file of records, that of the file."""
        uri = self.filename if self.media_type == ADDRESS else f"{UPLOADS}{self.filename}"
        return self.fields.id or document_id_for(uri)

    @property
    def metadata(self) -> Metadata:
        """The metadata as documents keep it."""
        return cast("Metadata", dict(self.fields.metadata))


async def read_upload(request: Request, lane: Lane, settings: Settings) -> Upload:
    """Read a multipart form, or a text or address in JSON.

    What can be long is parsed in the lane's threads.

    Raises InvalidRequest, MediaTypeRefused, TooLarge, TooManyRequests, and FetchOff where there is
    an address and none may be fetched.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        form = await request.form(max_files=1, max_fields=16, max_part_size=BODY_LIMIT)
        return await lane.run(lambda: _from_form(form))
    if media_type == "application/json":
        body = await request.body()
        return await lane.run(lambda: _from_json(body, settings))
    raise MediaTypeRefused(
        f"Content-Type is {media_type!r}. Send multipart/form-data with a part `file`, or "
        "application/json with `text` and `title`, or with `url`."
    )


def clean_filename(name: str) -> str:
    """Return the last part of a path, without what could break a line, a page or a file system."""
    last = PurePosixPath(name.replace("\\", "/")).name
    normal = unicodedata.normalize("NFC", last)
    kept = "".join(c for c in normal if unicodedata.category(c)[0] != "C").strip()
    kept = re.sub(r"\s+", " ", kept).lstrip(". ")
    if len(kept.encode()) <= _LONGEST_NAME:
        return kept or "upload"
    suffix = PurePosixPath(kept).suffix[:16]
    room = _LONGEST_NAME - len(suffix.encode())
    return (kept.encode()[:room].decode(errors="ignore") + suffix).rstrip()


def _from_form(form: FormData) -> Upload:
    names = [name for name, _ in form.multi_items()]
    for name in names:
        if name not in _FIELDS:
            raise invalid(f"body.{name}", "there is no such field")
        if names.count(name) > 1:
            raise invalid(f"body.{name}", "it is there more than once")
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise invalid("body.file", "a part named `file` with a filename is needed")
    values: dict[str, object] = {key: value for key, value in form.items() if key != "file"}
    if "metadata" in values:
        values["metadata"] = _metadata(values["metadata"])
    fields = _checked(UploadFields, values)
    return Upload(file.file, clean_filename(_unescaped(file.filename or "")), fields)


def _unescaped(name: str) -> str:
    """Return a form's file name as it was: browsers escape what would end the header's value.

    https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
    """
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _from_json(body: bytes, settings: Settings) -> Upload:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise invalid("body", "it is not JSON in UTF-8") from None
    if isinstance(values, dict) and "url" in values:
        return _from_address(_checked(UploadAddress, values), settings)
    text = _checked(UploadText, values)
    name = clean_filename(text.id or text.title)
    return Upload(text.text.encode(), name, text, "text/plain")


def _from_address(given: UploadAddress, settings: Settings) -> Upload:
    """Return a job to fetch an address; where its host leads to, the worker looks."""
    if settings.fetch == NO_FETCH:
        raise FetchOff(FETCH_IS_OFF)
    try:
        url = parse_url(given.url)
        settings.reach.check(url)
    except UsageError as error:
        raise invalid("body.url", error.message) from None
    return Upload(str(url).encode(), str(url), given, ADDRESS)


def _metadata(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        raise invalid("body.metadata", "it is not JSON") from None


def _checked(model: type[Model], values: object) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        mistakes = error.errors(include_input=False, include_url=False)
        raise RequestValidationError(
            [{**mistake, "loc": ("body", *mistake["loc"])} for mistake in mistakes]
        ) from None
