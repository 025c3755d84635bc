"""Search on the wire: the passages of a query, found in a place of the lane for questions."""

from indexes.settings import Settings
from service.lengths import too_long
from service.logs import get_log
from service.problems import invalid
from service.reply import Passage
from service.schemas import SearchRequest
from service.state import Service

_log = get_log(__name__)


async def search(service: Service, asked: SearchRequest) -> tuple[Passage, ...]:
    """Return passages, best first. Raises NotReady, TooManyRequests and as `Answerer.search`."""
    answerer = service.loaded()
    passages = await service.questions.run(
        lambda: answerer.search(
            asked.query, asked.collection, asked.filter, asked.top_k, asked.as_of
        )
    )
    if service.settings.log_questions:
        _log.info("search", question=asked.query, collection=asked.collection, found=len(passages))
    return passages


def check_length(where: str, text: str, settings: Settings) -> None:
    """Raise InvalidRequest where a question or query is longer than the settings allow."""
    if (wrong := too_long(text, settings)) is not None:
        raise invalid(where, f"it {wrong}")
