"""The routes of sessions: list, look at, delete. They begin by a question (`routes_questions`)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from service.access import Caller, Who
from service.openapi import problems
from service.problems import ScopeRefused
from service.reply import Status
from service.sessions import Exchange, Session, Sessions
from service.state import Here

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])

SessionId = Annotated[str, Path(max_length=64, description="The `session_id` of a reply.")]


class SessionSummary(BaseModel):
    """A session: what it is about, and until when it is kept if nothing more is asked in it."""

    session_id: str
    collection: str
    created: str
    last_used: str
    expires: str
    exchanges: int


class SessionExchange(BaseModel):
    """A question and its answer; `query` is what was searched for."""

    question: str
    query: str
    answer: str
    status: Status
    asked: str


class SessionReply(SessionSummary):
    """A session with what was said in it, the earliest first."""

    turns: list[SessionExchange]


class SessionsReply(BaseModel):
    """A key's sessions, the one that was used last first."""

    items: list[SessionSummary]


@router.get("", responses=problems(429))
async def sessions(service: Here, who: Who) -> SessionsReply:
    """List the sessions that were begun with this key; without keys nobody's are listed."""
    if who.key_id is None:
        raise ScopeRefused(
            "Sessions are listed to the key that they were begun with, and this service has no "
            "keys. Keep the session_id that a reply has."
        )
    kept, owner = service.sessions, who.key_id
    found = await service.documents.run(lambda: kept.sessions(owner))
    return SessionsReply(items=[_summary(kept, one) for one in found if who.sees(one.collection)])


@router.get("/{session_id}", responses=problems(404, 429))
async def session(session_id: SessionId, service: Here, who: Who) -> SessionReply:
    """Tell what was asked and answered in a session."""
    kept = service.sessions
    found, said = await service.documents.run(lambda: _own(kept, session_id, who))
    turns = [_turn(one) for one in said]
    return SessionReply(**_summary(kept, found).model_dump(), turns=turns)


@router.delete("/{session_id}", status_code=204, responses=problems(404, 409, 429))
async def delete_session(session_id: SessionId, service: Here, who: Who) -> None:
    """Forget a session and all that was said in it, at once."""
    kept = service.sessions

    def delete() -> None:
        _own(kept, session_id, who)
        kept.delete(session_id, who.key_id or "")

    await service.documents.run(delete)


def _own(kept: Sessions, session_id: str, who: Caller) -> tuple[Session, tuple[Exchange, ...]]:
    """Return a caller's session; another's is as one that is not there."""
    found = kept.session(session_id, who.key_id or "")
    who.check(found[0].collection)
    return found


def _summary(kept: Sessions, one: Session) -> SessionSummary:
    return SessionSummary(
        session_id=one.session_id,
        collection=one.collection,
        created=_iso(one.created),
        last_used=_iso(one.used),
        expires=_iso(kept.expires(one)),
        exchanges=one.exchanges,
    )


def _turn(one: Exchange) -> SessionExchange:
    return SessionExchange(
        question=one.question,
        query=one.query,
        answer=one.answer,
        status=one.status,
        asked=_iso(one.asked),
    )


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
