"""The audit log: a line for each request that changes something, and for each that is refused."""

from typing import Final

from service.access import Trail
from service.logs import get_log

_REFUSED: Final = frozenset({401, 403})
_RATE: Final = 429
_BAD: Final = 400
_log = get_log(__name__)


def audit(trail: Trail, method: str, route: str, status: int, code: str | None) -> None:
    """Log who did what to which document, or tried to; nothing of what a document says."""
    action = trail.access.action if trail.access else None
    is_refused = status in _REFUSED or trail.hidden or (status == _RATE and code == "rate_limited")
    if action is None and not is_refused:
        return
    outcome = "refused" if is_refused else "done" if status < _BAD else "failed"
    facts = {
        "key": trail.key_id,
        "collection": trail.collection,
        "document_id": trail.document_id,
        "job_id": trail.job_id,
        "problem": code,
    }
    _log.info(
        "audit",
        action=action or f"{method} {route}",
        outcome=outcome,
        status=status,
        **{name: value for name, value in facts.items() if value is not None},
    )
