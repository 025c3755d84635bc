"""The content of a chat message: words of documents stay words in a program that shows Markdown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from service.chat_text import as_said, as_words, is_chore, said_without_answer, tail
from service.reply import Citation, Generation, Reply, Timings, UnsupportedSentence

# What Markdown is made of, and words for it to be made with.
PIECES = st.sampled_from(
    [
        "!",
        "[",
        "]",
        "(",
        ")",
        ":",
        "<",
        ">",
        "\\",
        "/",
        "a",
        "img src=x",
        "http://x.test",
        "\n",
        " ",
    ]
)
MARKUP = st.lists(PIECES, max_size=12).map("".join)
LIVE = {"image", "link_open", "html_inline", "html_block"}


def live(markdown: str) -> set[str]:
    """Return what of a rendered text a program would follow, fetch or run."""
    found, rest = set(), MarkdownIt("commonmark", {"html": True}).parse(markdown)
    while rest:
        token = rest.pop()
        found.add(token.type)
        rest += token.children or []
    return found & LIVE


def written(pieces: list[str]) -> str:
    """Return the content that comes of pieces which arrive one after another."""
    content = ""
    for piece in pieces:
        content += as_words(piece, content)
    return content


@pytest.mark.parametrize(
    "text",
    [
        "![a](http://x.test/secret)",
        "[click](http://x.test)",
        "<img src=http://x.test/a>",
        "<script>alert(1)</script>",
        "<!-- x -->",
        "<http://x.test>",
        "![a][b]\n\n[b]: http://x.test",
        "\\<img src=x>",
        "\\\\<img src=x>",
    ],
)
def test_what_is_live_in_markdown_is_words_here(text: str) -> None:
    """Each of these would be a link, a picture or an element, or looks as if it were escaped."""
    assert live(text) or text.startswith("\\<")
    assert not live(written([text]))
    for at in range(len(text)):
        assert not live(written([text[:at], text[at:]]))


@given(st.lists(MARKUP, max_size=6))
def test_nothing_is_live_however_the_text_comes(pieces: list[str]) -> None:
    """In one piece or in many, and whatever it is made of."""
    assert not live(written(pieces))


@given(st.text(st.characters(codec="utf-8", exclude_characters="![]<\\")))
def test_other_words_stay_as_they_are(text: str) -> None:
    """Only signs that can make something are written otherwise."""
    assert as_words(text) == text


def test_what_a_reader_sees_is_what_the_document_says() -> None:
    """Markdown leaves the backslashes out."""
    said = "The type is List<String>, see a[0](1) and ![x]."
    shown = MarkdownIt("commonmark").render(as_words(said))
    assert shown == "<p>The type is List&lt;String&gt;, see a[0](1) and ![x].</p>\n"


CITED = Citation(
    marker="[1]",
    document_id="d",
    title="Swifts",
    uri="notes/swifts.pdf",
    page=2,
    row=None,
    section="",
    start=0,
    end=5,
    quote="words",
    score=0.5,
    as_of=None,
    text_sha256="",
)
REPLY = Reply(
    status="answered",
    answer="words [1]",
    answer_short="",
    score=0.5,
    threshold=0.3,
    query="q",
    citations=(CITED,),
    passages=(),
    dropped=(),
    usage=None,
    timings=Timings(encode=0, retrieve=0, attend=0, generate=0, total=0),
    trace_id="",
)


def test_sources_are_a_list_with_titles_pages_and_places() -> None:
    """A title that is the place is not told twice, and none is a link."""
    untitled = replace(CITED, marker="[2]", title="", page=None)
    sly = replace(CITED, marker="[3]", title="![a](http://x.test)\nb", page=None, uri="u")
    told = tail(replace(REPLY, citations=(CITED, untitled, sly)), drops=True)
    assert told == (
        "\n\nSources:\n"
        "- [1] Swifts, page 2 (notes/swifts.pdf)\n"
        "- [2] notes/swifts.pdf\n"
        "- [3] !\\[a]\\(http://x.test) b (u)"
    )
    assert not live(told)


def test_notes_say_what_is_not_the_models_own_or_is_left_out() -> None:
    """A fallback with its reason; sentences left out by their number, if they are not marked."""
    quoted = replace(REPLY, generation=Generation(fallback="there was no room"))
    assert tail(quoted, drops=True).startswith(
        "\n\nNote: this is quoted from the documents: there was no room.\n\nSources:\n"
    )
    lost = (UnsupportedSentence("a", "b"), UnsupportedSentence("c", "d"))
    left = replace(REPLY, generation=Generation("openai", unsupported=lost))
    assert "Note: 2 sentences that the documents do not bear out were left out." in tail(
        left, drops=True
    )
    assert "Note" not in tail(left, drops=False)
    one = replace(REPLY, generation=Generation("openai", unsupported=lost[:1]))
    assert "Note: a sentence that the documents do not bear out was left out." in tail(
        one, drops=True
    )


def test_without_an_answer_that_is_said() -> None:
    """In one sentence, with no sources behind it."""
    none = replace(REPLY, status="not_found", citations=())
    assert "do not answer" in said_without_answer(none)
    empty = replace(none, status="no_documents")
    assert "no document" in said_without_answer(empty)
    assert tail(none, drops=True) == tail(empty, drops=True) == ""
    assert said_without_answer(REPLY) == ""


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\\")).filter(
        lambda text: "\n\n" not in text and text == text.rstrip()
    )
)
def test_what_was_put_behind_an_answer_comes_off_again(text: str) -> None:
    """A client sends the content back as history; what was said is what was said."""
    quoted = replace(REPLY, generation=Generation(fallback="it is so"))
    for reply in (REPLY, quoted):
        assert as_said(as_words(text) + tail(reply, drops=True)) == text or not text


def test_other_answers_stay_as_they_are() -> None:
    """Sources that somebody else listed, and a note that is all there is."""
    for text in ("a\n\nSources:\n- b", "Note: c", "", "a\n\nb"):
        assert as_said(text) == text


def test_what_a_chat_program_asks_for_itself_is_known() -> None:
    """Open WebUI asks for titles, tags and further questions so; a question is none of these."""
    title = (
        "### Task:\nGenerate a concise, 3-5 word title.\n### Output:\nJSON format\n"
        "### Chat History:\n<chat_history>\nUSER: When?\n</chat_history>"
    )
    assert is_chore(title)
    assert is_chore(f"\n{title}")
    assert not is_chore("What does ### Task: <chat_history> mean?")
    assert not is_chore("### Task:\nAnswer the question.")
