"""The page at `/`: plain files, sent as they are, that speak to `/v1` like any other client."""

import hashlib
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.problems import RouteNotFound

router = APIRouter(include_in_schema=False)

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_INDEX: Final = "index.html"
_BASE: Final = b'<base href="/">'
# What a browser may do on the page: run its own files and call this service. Documents' texts come
# as text nodes; that no string becomes markup is the browser's to enforce, too (trusted types).
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str


def _files() -> dict[str, _File]:
    """Read the page's files; there are few and they are small."""
    folder = resources.files("service") / "page"
    return {
        entry.name: _File(entry.read_bytes(), _TYPES[f".{entry.name.rpartition('.')[2]}"])
        for entry in folder.iterdir()
        if entry.is_file()
    }


_FILES: Final = _files()


@router.api_route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> Response:
    """Show the page. Its links are relative to where a proxy has put the service."""
    root = escape(request.scope.get("root_path", "").rstrip("/"))
    page = _FILES[_INDEX]
    content = page.content.replace(_BASE, f'<base href="{root}/">'.encode(), 1)
    return _sent(request, _File(content, page.media_type))


@router.api_route("/page/{name}", methods=["GET", "HEAD"])
async def file(name: str, request: Request) -> Response:
    """Return one of the page's files. Raises RouteNotFound."""
    found = _FILES.get(name)
    if found is None or name == _INDEX:
        raise RouteNotFound(f"The page has no file {name!r}.")
    return _sent(request, found)


def _sent(request: Request, page: _File) -> Response:
    """Return the file, or 304 where the browser has it already."""
    tag = f'"{hashlib.sha256(page.content).hexdigest()[:32]}"'
    headers = {**_HEADERS, "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(page.content, media_type=page.media_type, headers=headers)
