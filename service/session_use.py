"""A question in a session: after what it is asked, and how it is kept."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from indexes.collection import check_collection
from indexes.errors import AfterwordError
from service.access import Caller
from service.evidence import Turn
from service.logs import get_log
from service.problems import SessionsOff, invalid
from service.reply import Reply
from service.schemas import QueryRequest
from service.sessions import Sessions
from service.state import Service
from service.stream import Keep

_log = get_log(__name__)
_DELETED: Final = "The session was deleted while the question was answered."


@dataclass(frozen=True, slots=True)
class InSession:
    """What a session says of a question that is asked in it."""

    collection: str
    history: tuple[Turn, ...]
    keep: Keep


async def asked_in_session(body: QueryRequest, service: Service, who: Caller) -> InSession | None:
    """Return what the session says that a request begins or goes on with, None where it has none.

    A question is asked after what was said when it came: of two that are asked at once, neither
    knows of the other. Raises SessionsOff, SessionNotFound, SessionsFull, CollectionNotFound and
    InvalidRequest.
    """
    if not body.session:
        return None
    sessions, owner = service.sessions, who.key_id or ""
    if not sessions.days:
        raise SessionsOff(
            "This service keeps no sessions (AFTERWORD_SESSION_DAYS is 0). Leave `session` out, "
            "and send what was said before as `history`."
        )
    if body.history:
        raise invalid("body.history", "a session has its own history; leave this out")
    if body.session is True:
        who.check(body.collection)
        await service.documents.run(partial(sessions.check_room, owner))
        return InSession(
            body.collection, (), partial(_kept, partial(_begin, sessions, owner, body))
        )
    session_id = str(body.session)
    find = partial(sessions.history, session_id, owner)
    collection, history = await service.documents.run(find)
    who.check(collection)
    if "collection" in body.model_fields_set and body.collection != collection:
        raise invalid(
            "body.collection",
            f"the session is about {collection!r}; leave this out, or begin another session",
        )
    keep = partial(_kept, partial(_add, sessions, owner, body, session_id))
    return InSession(collection, history, keep)


def _kept(keep: Keep, reply: Reply) -> Reply:
    """Keep the reply; one that cannot be kept is given all the same, and says why it is not."""
    try:
        return keep(reply)
    except AfterwordError as error:
        _log.warning("session_not_kept", code=error.code)
        return replace(reply, session_note=error.message)


def _begin(sessions: Sessions, owner: str, body: QueryRequest, reply: Reply) -> Reply:
    """Keep the reply in a new session, unless its collection was deleted while it was made."""
    still_there = partial(check_collection, sessions.data, body.collection)
    made = sessions.begin(owner, body.collection, body.question, reply, still_there)
    return replace(reply, session_id=made)


def _add(
    sessions: Sessions, owner: str, body: QueryRequest, session_id: str, reply: Reply
) -> Reply:
    """Keep the reply, unless the session was deleted while it was made: it stays so."""
    is_kept = sessions.add(session_id, owner, body.question, reply)
    if not is_kept:
        return replace(reply, session_note=_DELETED)
    return replace(reply, session_id=session_id)
