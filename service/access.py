"""Who may do what: one table of the operations, and the caller that each request has.

What a caller may not see does not exist for it: it is answered as what is not there is.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

from fastapi import Depends, Request
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, compile_path
from starlette.types import Scope as RequestScope

from indexes.collection import is_collection_name, unknown_collection
from indexes.errors import AfterwordError
from service.keys import SCOPES, Scope
from service.problems import ScopeRefused

# Where the gate leaves the caller for the routes, and the trail for the log.
CALLER: Final = "afterword.caller"
TRAIL: Final = "afterword.trail"
# What stands in logs for the key of AFTERWORD_API_KEY; no stored key has such an id.
SETTING: Final = "setting"

# Where an operation names the collection it is about. Of `path` and `query` the gate checks it, of
# `body` the route by `Caller.check`; `job`, `session` and `listed` are checked by the route, once
# it is known what they lead to; `service` is about all collections at once, `none` about none of
# them.
Named = Literal["path", "query", "body", "job", "session", "listed", "service", "none"]


@dataclass(frozen=True, slots=True)
class Access:
    """What an operation asks of its caller: no scope where it is open to anybody.

    `action` is what the audit log calls it where it changes something.
    """

    scope: Scope | None
    named: Named
    action: str | None = None


_OPEN: Final = Access(None, "none")
_QUERY: Final = Access("read", "query")
_BODY: Final = Access("read", "body")
_ORIGINAL: Final = "/v1/documents/{document_id}/original"
# An operation that is missing here keeps the service from starting.
OPERATIONS: Final[Mapping[tuple[str, str], Access]] = MappingProxyType(
    {
        ("GET", "/"): _OPEN,
        ("HEAD", "/"): _OPEN,
        ("GET", "/page/{name}"): _OPEN,
        ("HEAD", "/page/{name}"): _OPEN,
        ("GET", "/docs"): _OPEN,
        ("GET", "/openapi.json"): _OPEN,
        ("GET", "/health"): _OPEN,
        ("GET", "/health/ready"): _OPEN,
        ("POST", "/v1/query"): _BODY,
        ("POST", "/v1/search"): _BODY,
        ("POST", "/v1/summaries"): _BODY,
        ("POST", "/v1/chat/completions"): _BODY,
        ("POST", "/v1/embeddings"): _BODY,
        ("POST", "/v1/rerank"): _BODY,
        ("GET", "/v1/models"): Access("read", "listed"),
        ("GET", "/v1/models/{model}"): Access("read", "listed"),
        ("POST", "/mcp"): _BODY,
        ("GET", "/v1/documents"): _QUERY,
        ("GET", "/v1/documents/{document_id}"): _QUERY,
        ("GET", "/v1/documents/{document_id}/text"): _QUERY,
        ("GET", _ORIGINAL): _QUERY,
        ("HEAD", _ORIGINAL): _QUERY,
        ("GET", "/v1/jobs/{job_id}"): Access("read", "job"),
        ("GET", "/v1/sessions"): Access("read", "listed"),
        ("GET", "/v1/sessions/{session_id}"): Access("read", "session"),
        ("DELETE", "/v1/sessions/{session_id}"): Access("read", "session", "delete_session"),
        ("GET", "/v1/collections"): Access("read", "listed"),
        ("GET", "/v1/collections/{name}"): Access("read", "path"),
        ("POST", "/v1/documents"): Access("write", "body", "upload"),
        ("DELETE", "/v1/documents/{document_id}"): Access("write", "query", "delete_document"),
        ("POST", "/v1/collections"): Access("admin", "body", "create_collection"),
        ("DELETE", "/v1/collections/{name}"): Access("admin", "path", "delete_collection"),
        ("POST", "/v1/collections/{name}/snapshot"): Access("admin", "path", "snapshot"),
        ("POST", "/v1/collections/{name}/restore"): Access("admin", "path", "restore"),
        ("GET", "/metrics"): Access("admin", "service"),
    }
)


@dataclass(slots=True)
class Trail:
    """What the log is told of a request beside its route: who asked, and what it was about."""

    key_id: str | None = None
    access: Access | None = None
    collection: str | None = None
    document_id: str | None = None
    job_id: str | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the key, what it may do, and with which collections (None: with all of them).

    Without keys everybody is an administrator with no key; where there are keys, who sends none
    has no scope. `data` is the folder of the collections.
    """

    data: Path
    key_id: str | None = None
    scope: Scope | None = None
    collections: frozenset[str] | None = frozenset()
    rate: int | None = None
    trail: Trail = field(default_factory=Trail, compare=False)

    def sees(self, collection: str) -> bool:
        """Tell whether a collection exists for this caller, if it exists at all."""
        return self.collections is None or collection in self.collections

    @property
    def sees_all(self) -> bool:
        """Tell whether no collection is hidden from this caller."""
        return self.collections is None

    def check(self, collection: str) -> None:
        """Raise CollectionNotFound where a collection does not exist for this caller."""
        self.trail.collection = collection
        if not self.sees(collection):
            raise self.hidden(unknown_collection(collection, self.data))

    def check_new(self, collection: str) -> None:
        """Raise ScopeRefused where this caller may not make a collection of that name."""
        self.trail.collection = collection
        if not self.sees(collection):
            raise ScopeRefused(
                f"This key is for some collections only, and {collection!r} is not one of them."
            )

    def hidden(self, error: AfterwordError) -> AfterwordError:
        """Return the error of what is not there, and note that it was hidden."""
        self.trail.hidden = True
        return error

    def check_scope(self, access: Access) -> None:
        """Raise ScopeRefused where the operation asks for more than this caller has."""
        wanted = access.scope
        if wanted is None:
            return
        if self.scope is None or SCOPES.index(self.scope) < SCOPES.index(wanted):
            raise ScopeRefused(
                f"This needs a key with the scope {wanted}, and this one has {self.scope}. Whoever "
                "runs the service makes keys by `afterword keys create`."
            )
        if access.named == "service" and not self.sees_all:
            raise ScopeRefused(
                "This is about all collections, and this key is for some of them only. Whoever "
                "runs the service makes keys by `afterword keys create`."
            )


@dataclass(frozen=True, slots=True)
class Operation:
    """The row of the table that a request is about, and what its path names."""

    access: Access
    names: Mapping[str, str] = field(default_factory=dict)


def _compiled() -> list[tuple[re.Pattern[str], dict[str, Access]]]:
    by_path: dict[str, dict[str, Access]] = {}
    for (method, path), access in OPERATIONS.items():
        by_path.setdefault(path, {})[method] = access
    return [(compile_path(path)[0], methods) for path, methods in by_path.items()]


_COMPILED: Final = _compiled()
# What there is not: any key may hear that, and nobody without one.
_NOTHING: Final = Operation(Access("read", "none"))


def operation_of(method: str, path: str) -> Operation:
    """Return what a request is about, found as the router finds it."""
    for pattern, methods in _COMPILED:
        found = pattern.match(path)
        if found is None:
            continue
        if method in methods:
            return Operation(methods[method], found.groupdict())
        # The path is no secret where one of its operations is open.
        return Operation(_OPEN) if _OPEN in methods.values() else _NOTHING
    return _NOTHING


def check_declared(routes: Iterable[BaseRoute]) -> None:
    """Raise LookupError where the table lacks an operation of the application."""
    for context in iter_route_contexts(list(routes)):
        for method in sorted(context.methods or ()):
            if (method, context.path) not in OPERATIONS:
                raise LookupError(
                    f"{method} {context.path} has no row in service/access.py, so nobody has said "
                    "who may use it."
                )


def check_name(caller: Caller, name: str) -> None:
    """Raise CollectionNotFound where a collection is hidden; what is no name is the route's."""
    if is_collection_name(name):
        caller.check(name)


def caller_of(scope: RequestScope) -> Caller:
    """Return who asks, as the gate found it."""
    found: Caller = scope[CALLER]
    return found


async def _caller(request: Request) -> Caller:
    return caller_of(request.scope)


Who = Annotated[Caller, Depends(_caller)]
