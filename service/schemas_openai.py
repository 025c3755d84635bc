"""What goes in and out where the service speaks as OpenAI's API does.

Clients send fields that mean nothing here, so that unknown ones are allowed, and told as `unused`.
Of Afterword's own fields, which stand in one object, none may be unknown.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from service.answer import MOST_CANDIDATES, MOST_PASSAGES
from service.reply import Reply
from service.schemas import Filter, IsoDate, Strict, Text, Whole, Words

MOST_MESSAGES: Final = 10_000
MOST_INPUTS: Final = 2048
MOST_DOCUMENTS: Final = 1000
LONGEST_NAME: Final = 200


def _in_one_sentence(told: str) -> WrapValidator:
    """Say once what a value may be, not once for each kind that it is not."""

    def check(value: object, inner: ValidatorFunctionWrapHandler) -> object:
        try:
            checked: object = inner(value)
        except ValueError:
            raise ValueError(told) from None
        return checked

    return WrapValidator(check)


def _as_text(value: object) -> object:
    return {"type": "text", "text": value} if isinstance(value, str) else value


ModelName = Annotated[Words, Field(max_length=LONGEST_NAME, examples=["default"])]
Count = Annotated[int, Field(ge=0)]


class _Lenient(BaseModel):
    """A part of a request that may have fields which mean nothing here."""

    model_config = ConfigDict(extra="allow", frozen=True)


class _Out(BaseModel):
    """A part of a reply."""

    model_config = ConfigDict(frozen=True)


# Chat


class ContentPart(_Lenient):
    """A part of a message's content; of those that are no text only the type is looked at."""

    type: Annotated[StrictStr, Field(max_length=LONGEST_NAME)]
    text: Text | None = None


Content = Annotated[
    Text | list[Annotated[ContentPart, BeforeValidator(_as_text)]] | None,
    _in_one_sentence('use a text, or a list of parts such as {"type": "text", "text": "…"}'),
]


class ChatMessage(_Lenient):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content = None


class StreamOptions(_Lenient):
    """What a stream is to hold."""

    include_usage: StrictBool | None = Field(
        None, description="Send a chunk with the tokens that were used, ahead of `[DONE]`."
    )


class Wishes(Strict):
    """What Afterword is asked for beyond OpenAI's fields."""

    filter: Filter | None = None
    as_of: IsoDate | None = Field(
        None, description="Leave out documents that speak of a later date."
    )
    top_k: Whole = Field(
        8, ge=1, le=MOST_PASSAGES, description="Passages that the answer may rest on."
    )
    candidates: Whole = Field(
        24, ge=1, le=MOST_CANDIDATES, description="Passages that are looked at closely."
    )
    generator: Literal["quote", "transformers", "openai"] | None = Field(
        None, description="How the answer is written; null is the model's, or the setting."
    )
    strategy: Literal["direct", "cot"] | None = Field(
        None, description="How a language model comes to an answer; null is the model's."
    )
    rewrite: Literal["auto", "rule", "model", "none"] | None = Field(
        None, description="How a question is made one that stands alone; null is the setting's way."
    )
    reasoning: StrictBool | None = Field(
        None, description="Return a language model's reasoning as `reasoning_content`."
    )
    sources: StrictBool | None = Field(
        None, description="End the content with notes and a list of sources; null is the setting."
    )


class ChatRequest(_Lenient):
    """A conversation whose last message of the user is the question.

    The fields below are used, or refused where they ask for what there is not; all others are
    allowed, and named as `unused` in the reply.
    """

    model: ModelName
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, description="1: there is one answer to a question.")
    tool_choice: object = Field(None, description="`none` or `auto`: no tool is ever called.")
    function_call: object = Field(None, description="`none` or `auto`, as `tool_choice`.")
    response_format: dict[str, object] | None = Field(
        None, description="Of the type `text`, the only one there is."
    )
    logprobs: object = Field(None, description="false: there are none.")
    modalities: list[str] | None = Field(None, description="`text`, the only one there is.")
    reasoning: object = Field(
        None, description="true or an object: return a language model's reasoning."
    )
    afterword: Wishes | None = None


class UrlCitation(_Out):
    """Where a marker `content[start_index:end_index]` leads; offsets count code points.

    `url` is the page's address of the web, or a path of the service at which the quote can be read.
    """

    start_index: Count
    end_index: Count
    title: str
    url: str


class Annotation(_Out):
    """A citation in OpenAI's form."""

    type: Literal["url_citation"]
    url_citation: UrlCitation


@dataclass(frozen=True, slots=True)
class Told(Reply):
    """The reply as `/v1/query` gives it; `unused` names what of the request was not used."""

    unused: tuple[str, ...] = ()


class AnswerMessage(_Out):
    """The answer; `afterword` is null where the message was no question to documents."""

    role: Literal["assistant"]
    content: str
    refusal: None
    annotations: list[Annotation]
    reasoning_content: str | None = None
    afterword: Told | None


class Choice(_Out):
    """The one answer."""

    index: Literal[0]
    message: AnswerMessage
    logprobs: None
    finish_reason: Literal["stop", "length"]


class Usage(_Out):
    """Tokens that a language model read and wrote; 0 where none was asked."""

    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count


class ChatCompletion(_Out):
    """An answer in the form of a chat completion; `created` is in seconds since 1970."""

    id: str
    object: Literal["chat.completion"]
    created: Count
    model: str
    choices: Annotated[list[Choice], Field(min_length=1, max_length=1)]
    usage: Usage


class ModelReply(_Out):
    """A model that can be asked: a collection, with a generator and a strategy if it says so."""

    id: str
    object: Literal["model"] = "model"
    created: Count
    owned_by: Literal["afterword"] = "afterword"


class ModelsReply(_Out):
    """The models that the key may ask."""

    object: Literal["list"] = "list"
    data: list[ModelReply]


# Embeddings


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _no_tokens(value: object, inner: ValidatorFunctionWrapHandler) -> object:
    if isinstance(value, list) and any(isinstance(one, int | list) for one in value):
        raise ValueError(
            "token ids are of another model's tokenizer; send texts (in LangChain's "
            "OpenAIEmbeddings: check_embedding_ctx_length=False)"
        )
    checked: object = inner(value)
    return checked


class EmbeddingsRequest(_Lenient):
    """Texts to encode. Fields that are not named here are allowed and not used."""

    model: ModelName
    input: Annotated[
        list[Words],
        Field(
            min_length=1,
            max_length=MOST_INPUTS,
            json_schema_extra={"type": ["string", "array"]},
        ),
        BeforeValidator(_listed),
        WrapValidator(_no_tokens),
    ]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[
        int | None, Field(description="The encoder's own number, the only one there is.")
    ] = None
    input_type: Literal["document", "passage", "search_document", "query", "search_query"] = Field(
        "document", description="What the texts are; some encoders encode questions otherwise."
    )
    truncate: StrictBool = Field(
        default=False,
        description="Cut texts that are longer than the encoder reads, and tell which; else they "
        "are refused.",
    )


class Embedding(_Out):
    """A vector of unit length: numbers, or in base64 float32 in little-endian order."""

    object: Literal["embedding"] = "embedding"
    index: Count
    embedding: list[float] | str


class EncodingUsage(_Out):
    """Tokens that were read."""

    prompt_tokens: Count
    total_tokens: Count


class Cut(_Out):
    """The places in `input` of the texts that were cut."""

    truncated: list[Count]


class EmbeddingsReply(_Out):
    """A vector for each text, in order."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EncodingUsage
    afterword: Cut


# Rerank


class RerankText(_Lenient):
    """A text to rank."""

    text: Words


class RerankRequest(_Lenient):
    """A question and texts to rank. Fields that are not named here are allowed and not used."""

    model: ModelName | None = Field(
        None, description="A collection, or the reader's name; null is the service's reader."
    )
    query: Words
    documents: Annotated[
        list[
            Annotated[
                Words | RerankText,
                _in_one_sentence('use a text that is not empty, or an object {"text": "…"}'),
            ]
        ],
        Field(min_length=1, max_length=MOST_DOCUMENTS),
    ]
    top_n: Annotated[int, Field(ge=1)] | None = None
    return_documents: StrictBool | None = None


class RankedText(_Out):
    """The text that was ranked."""

    text: str


class Ranked(_Out):
    """A text by its place in the request, and how likely it answers, in [0, 1]."""

    index: Count
    relevance_score: float
    document: RankedText | None = None


class ReadingUsage(_Out):
    """Tokens that were read, the question's with each piece of a text."""

    total_tokens: Count


class RerankReply(_Out):
    """The texts, the best first."""

    id: str
    object: Literal["list"] = "list"
    model: str
    results: list[Ranked]
    usage: ReadingUsage
    meta: dict[str, dict[str, str]]
