"""Ask a service by LangChain and LlamaIndex, and print what they make of its answers as JSON.

`python other_clients.py URL KEY MODEL QUESTION`, in the environment of requirements-clients.txt.
"""

import asyncio
import json
import sys
from collections.abc import Callable

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike


def main() -> None:
    """Ask in each way."""
    url, key, model, question = sys.argv[1:]
    found = {
        **by_langchain(url, key, model, question),
        **by_llamaindex(url, key, model, question),
    }
    sys.stdout.write(json.dumps(found))


def by_langchain(url: str, key: str, model: str, question: str) -> dict[str, object]:
    """Ask by ChatOpenAI: at once, in a stream, after other turns, and without a model."""
    chat = ChatOpenAI(base_url=url, api_key=key, model=model, temperature=0.2, max_retries=0)
    whole = chat.invoke(question)
    streaming = ChatOpenAI(base_url=url, api_key=key, model=model, stream_usage=True)
    turns = [
        SystemMessage("Be brief."),
        HumanMessage("What do storks do?"),
        AIMessage("They leave for Africa. [1]"),
        HumanMessage(question),
    ]

    async def later() -> list[str]:
        one = await chat.ainvoke(question)
        parts = [part.content async for part in chat.astream(question)]
        return [str(one.content), "".join(map(str, parts))]

    embeddings = OpenAIEmbeddings(
        base_url=url, api_key=key, model="bundled", check_embedding_ctx_length=False
    )
    return {
        "langchain": whole.content,
        "langchain stop": whole.response_metadata["finish_reason"],
        "langchain usage": whole.usage_metadata,
        "langchain stream": "".join(str(part.content) for part in streaming.stream(question)),
        "langchain turns": chat.invoke(turns).content,
        "langchain later": asyncio.run(later()),
        "langchain wrong model": failure(lambda: chat.bind(model="oracle").invoke(question)),
        "langchain tools": failure(
            lambda: chat.bind(tool_choice="required", tools=[]).invoke(question)
        ),
        "langchain vector": len(embeddings.embed_query(question)),
        "langchain tokens": failure(
            lambda: OpenAIEmbeddings(base_url=url, api_key=key, model="bundled").client.create(
                input=[[1, 2]], model="bundled"
            )
        ),
    }


def by_llamaindex(url: str, key: str, model: str, question: str) -> dict[str, object]:
    """Ask by OpenAILike: as a completion and as a chat, at once and in a stream."""
    asking = OpenAILike(
        model=model, api_base=url, api_key=key, is_chat_model=True, context_window=8192
    )
    chat = asking.chat([ChatMessage(role="user", content=question)])

    async def later() -> str:
        return str((await asking.acomplete(question)).text)

    return {
        "llamaindex": asking.complete(question).text,
        "llamaindex chat": chat.message.content,
        "llamaindex reply": chat.raw.choices[0].message.afterword["status"],
        "llamaindex stream": "".join(part.delta or "" for part in asking.stream_complete(question)),
        "llamaindex later": asyncio.run(later()),
        "llamaindex wrong model": failure(
            lambda: OpenAILike(
                model="oracle", api_base=url, api_key=key, is_chat_model=True, max_retries=0
            ).complete(question)
        ),
    }


def failure(call: Callable[[], object]) -> str:
    """Return the name of what a call raises, and what it says."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 # what a client raises is what is looked at
        return f"{type(error).__name__}: {error}"
    return "nothing"


if __name__ == "__main__":
    main()
