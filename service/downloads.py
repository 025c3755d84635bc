"""An original on its way to a client: whole or a range, in pieces, never held as a whole.

Between two pieces a download has its place and its open file, but no thread and no transaction.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from indexes.errors import AfterwordError
from service.gate import ClientLeft
from service.lanes import Lane, Places
from service.logs import get_log
from service.originals import INLINE, PLAIN, Opened
from service.problems import RangeRefused, problem_response

# A client that does not take a piece within this time is given up.
_PIECE_SECONDS: Final = 60.0
_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)
_NOT_PLAIN: Final = re.compile(r"[^ !#-$&-\[\]-~]")
# What may stand as it is in an extended parameter (RFC 8187).
_ATTRIBUTE_SIGNS: Final = "!#$&+-.^_`|~"
_INERT: Final = "default-src 'none'; frame-ancestors 'none'"
_log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes `[start, end)` of `size`; `whole` where all was asked for."""

    start: int
    end: int
    size: int
    whole: bool

    @property
    def headers(self) -> dict[str, str]:
        """What tells the client which part it is given."""
        told = {"Content-Length": str(self.end - self.start)}
        if not self.whole:
            told["Content-Range"] = f"bytes {self.start}-{self.end - 1}/{self.size}"
        return told


def part_of(asked: Headers, etag: str, size: int) -> Part | None:
    """Return the part that a request asks for, None where that lies behind the end.

    Several ranges, ranges of another state and what is no range at all mean the whole.
    """
    whole = Part(0, size, size, whole=True)
    given = _RANGE.fullmatch(asked.get("range", ""))
    if given is None or asked.get("if-range", etag) != etag:
        return whole
    first, last = given[1], given[2]
    if not first:
        if not last:
            return whole
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return whole
    return Part(start, end, size, whole=False) if start < end else None


def disposition(filename: str, *, inline: bool) -> str:
    """Return the header that says under which name to save a file (RFC 6266)."""
    kind = "inline" if inline else "attachment"
    name = quote(filename, safe=_ATTRIBUTE_SIGNS)
    return f"{kind}; filename=\"{_NOT_PLAIN.sub('_', filename)}\"; filename*=UTF-8''{name}"


def _described(opened: Opened) -> dict[str, str]:
    """Say what a file is; for what is text that takes a look at all of it."""
    original = opened.original
    inline = original.media_type in INLINE
    kind, policy = original.media_type, _INERT
    if not inline:
        kind, policy = "application/octet-stream", f"{_INERT}; sandbox"
    elif kind.startswith("image/"):
        policy = f"{_INERT}; style-src 'unsafe-inline'"  # browsers' own, to place the picture
    elif kind == PLAIN and opened.is_utf8():
        kind = f"{PLAIN}; charset=utf-8"
    return {
        "Content-Type": kind,
        "Content-Disposition": disposition(original.filename, inline=inline),
        "Content-Security-Policy": policy,
        "ETag": f'"{original.sha256}"',
        "Accept-Ranges": "bytes",
    }


class Download(Response):
    """The answer with an original; what `opening` raises is answered as a problem."""

    def __init__(self, opening: Callable[[], Opened], places: Places, reads: Lane) -> None:
        super().__init__()
        self._opening = opening
        self._places = places
        self._reads = reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open the file in a thread and send it. Raises TooManyRequests, ClientLeft."""
        with self._places.place():
            opening = self._reads.start(self._opened)
            try:
                opened, described = await asyncio.shield(opening)
            except asyncio.CancelledError:
                opening.add_done_callback(_close_unused)
                raise
            try:
                await self._answer(opened, described, scope, receive, send)
            finally:
                opened.close()

    def _opened(self) -> tuple[Opened, dict[str, str]]:
        opened = self._opening()
        try:
            return opened, _described(opened)
        except BaseException:
            opened.close()
            raise

    async def _answer(
        self,
        opened: Opened,
        described: Mapping[str, str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        asked, etag = Headers(scope=scope), described["ETag"]
        if _is_known(asked, etag):
            await Response(status_code=304, headers={"ETag": etag})(scope, receive, send)
            return
        part = part_of(asked, etag, opened.size)
        if part is None:
            error = RangeRefused(
                f"The file has {opened.size:,} bytes; ask for a range that begins before its end."
            )
            told = {"Content-Range": f"bytes */{opened.size}"}
            await problem_response(error, scope, told)(scope, receive, send)
            return
        await _begin(described, part, send)
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body"})
            return
        await self._send_part(opened, part, receive, send)

    async def _send_part(self, opened: Opened, part: Part, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(_left(receive))
        place = part.start
        try:
            while place < part.end:
                piece = await self._reads.run(partial(opened.piece, place))
                piece = piece[: part.end - place]
                place += len(piece)
                if leaving.done():
                    raise ClientLeft
                async with asyncio.timeout(_PIECE_SECONDS):
                    more = place < part.end
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
        except (AfterwordError, TimeoutError) as error:
            # The answer has begun: all that can be done is not to end it as if it were whole.
            code = error.code if isinstance(error, AfterwordError) else "client_too_slow"
            _log.warning("download_cut", problem=code, sent=place - part.start)
            raise ClientLeft from error
        finally:
            leaving.cancel()


class Whole(Download):
    """The answer with a file that was made for it, which goes out whole, and once."""

    async def _answer(
        self,
        opened: Opened,
        described: Mapping[str, str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        del scope
        part = Part(0, opened.size, opened.size, whole=True)
        told = {name: value for name, value in described.items() if name != "Accept-Ranges"}
        await _begin(told, part, send)
        await self._send_part(opened, part, receive, send)


async def _begin(described: Mapping[str, str], part: Part, send: Send) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200 if part.whole else 206,
            "headers": Headers({**described, **part.headers}).raw,
        }
    )


def _is_known(asked: Headers, etag: str) -> bool:
    known = [one.strip().removeprefix("W/") for one in asked.get("if-none-match", "").split(",")]
    return etag in known or known == ["*"]


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _close_unused(opening: "asyncio.Future[tuple[Opened, dict[str, str]]]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].close()
