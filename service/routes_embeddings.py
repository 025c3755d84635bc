"""The route by which programs encode texts of their own."""

import base64
import json
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response

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
) -> Response:
    """Encode texts by the encoder of a collection, or by that of new ones."""
    answerer, settings = service.loaded(), service.settings

    def work(check: Check) -> bytes:
        if check_part(body.model, settings.encoder, who, settings):
            encoder = load_encoder(settings.encoder, threads=settings.threads, for_questions=True)
        else:
            encoder = answerer.encoder(body.model)
        _check_dimensions(body.dimensions, encoder)
        as_questions = body.input_type in {"query", "search_query"}
        encoded = encode_texts(
            body.input, encoder, check, as_questions=as_questions, truncate=body.truncate
        )
        return _reply(body, encoded, check)

    said = await wanted(service.questions, work, request)
    return Response(said, media_type="application/json")


def _check_dimensions(wish: int | None, encoder: Encoder) -> None:
    given = encoder.identity.dimension
    if wish not in {None, given}:
        raise invalid(
            "body.dimensions",
            f"the vectors of this encoder have {given} dimensions, and cannot have others; leave "
            "it out",
        )


def _reply(body: EmbeddingsRequest, encoded: Encoded, check: Check) -> bytes:
    around = {
        "object": "list",
        "model": body.model,
        "usage": {"prompt_tokens": encoded.tokens, "total_tokens": encoded.tokens},
        "afterword": {"truncated": list(encoded.truncated)},
    }
    data = ",".join(_data(body, encoded, check))
    return f'{_as_json(around)[:-1]},"data":[{data}]}}'.encode()


def _data(body: EmbeddingsRequest, encoded: Encoded, check: Check) -> Iterator[str]:
    """Give each vector as JSON.

    Not all at once: what writes JSON lets no other thread run, and so would hold up the event loop.
    """
    for at, row in enumerate(encoded.vectors.astype("<f4")):
        check()
        vector: str | list[float] = (
            base64.b64encode(row.tobytes()).decode()
            if body.encoding_format == "base64"
            else row.tolist()
        )
        yield _as_json({"object": "embedding", "index": at, "embedding": vector})


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
