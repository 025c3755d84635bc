"""The route by which programs rank texts of their own."""

from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from service.access import Who
from service.at_work import wanted
from service.language_model import Check
from service.model_names import check_part
from service.openapi import error_replies
from service.rank_texts import RankedTexts, of_collection, of_service, rank_texts
from service.schemas_openai import RerankReply, RerankRequest
from service.searching import check_length
from service.state import Here

router = APIRouter(prefix="/v1", tags=["OpenAI's API"])


@router.post("/rerank", response_model=RerankReply, responses=error_replies(404, 408, 413, 429))
async def rerank(body: RerankRequest, request: Request, service: Here, who: Who) -> JSONResponse:
    """Rank texts by how likely each answers a question, in the reader's eyes."""
    answerer, settings = service.loaded(), service.settings
    check_length("body.query", body.query, settings)
    name = settings.reader if body.model is None else body.model
    texts = [one if isinstance(one, str) else one.text for one in body.documents]

    def work(check: Check) -> RankedTexts:
        if check_part(name, settings.reader, who, settings):
            means = of_service(body.query, settings)
        else:
            means = of_collection(body.query, name, answerer, settings)
        return rank_texts(texts, means, check)

    ranked = await wanted(service.questions, work, request)
    return JSONResponse(_reply(body, name, texts, ranked))


def _reply(
    body: RerankRequest, name: str, texts: list[str], ranked: RankedTexts
) -> dict[str, object]:
    results = [
        {
            "index": at,
            "relevance_score": score,
            **({"document": {"text": texts[at]}} if body.return_documents else {}),
        }
        for at, score in ranked.scores[: body.top_n]
    ]
    return {
        "id": f"rerank-{uuid4().hex}",
        "object": "list",
        "model": name,
        "results": results,
        "usage": {"total_tokens": ranked.tokens},
        "meta": {"api_version": {"version": "1"}},
    }
