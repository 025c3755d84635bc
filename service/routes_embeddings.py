"""The route by which programs encode texts of their own."""

import base64

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from indexes.encoder import Encoder, load_encoder
from service.access import Who
from service.at_work import wanted
from service.encode_texts import Encoded, encode_texts
from service.language_model import Check
from service.model_names import check_part
from service.openapi import error_replies
from service.problems import invalid
from service.schemas_openai import EmbeddingsReply, EmbeddingsRequest
from service.state import Here

router = APIRouter(prefix="/v1", tags=["OpenAI's API"])


@router.post(
    "/embeddings",
    response_model=EmbeddingsReply,
    responses=error_replies(404, 408, 413, 429),
)
async def embeddings(
    body: EmbeddingsRequest, request: Request, service: Here, who: Who
) -> JSONResponse:
    """Encode texts by the encoder of a collection, or by that of new ones."""
    answerer, settings = service.loaded(), service.settings
    own = check_part(body.model, settings.encoder, who, settings)

    def work(check: Check) -> Encoded:
        if own:
            encoder = load_encoder(settings.encoder, threads=settings.threads, for_questions=True)
        else:
            encoder = answerer.encoder(body.model)
        _check_dimensions(body.dimensions, encoder)
        as_questions = body.input_type in {"query", "search_query"}
        return encode_texts(
            body.input, encoder, check, as_questions=as_questions, truncate=body.truncate
        )

    return JSONResponse(_reply(body, await wanted(service.questions, work, request)))


def _check_dimensions(wish: int | None, encoder: Encoder) -> None:
    given = encoder.identity.dimension
    if wish not in {None, given}:
        raise invalid(
            "body.dimensions",
            f"the vectors of this encoder have {given} dimensions, and cannot have others; leave "
            "it out",
        )


def _reply(body: EmbeddingsRequest, encoded: Encoded) -> dict[str, object]:
    rows = encoded.vectors.astype("<f4")
    vectors: list[str] | list[list[float]] = (
        [base64.b64encode(row.tobytes()).decode() for row in rows]
        if body.encoding_format == "base64"
        else rows.tolist()
    )
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": at, "embedding": vector}
            for at, vector in enumerate(vectors)
        ],
        "model": body.model,
        "usage": {"prompt_tokens": encoded.tokens, "total_tokens": encoded.tokens},
        "afterword": {"truncated": list(encoded.truncated)},
    }
