"""A chain of thought and its answer are told apart, whether or not the line between them comes."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import ModelTooSlow
from service.answer_line import behind_answer_line
from service.evidence import Thought
from service.language_model import Ended, Reason, Usage

ANSWER = "Rosa Lind has worked for the line since 2011. [1][2]"
STEPS = (
    "1. Evidence [1] says that Rosa Lind commands the ferry.\n"
    "2. Evidence [2] says that she has worked for the line since 2011.\n"
)
PLAIN_STEPS = "1. Rosa Lind commands the ferry.\n2. She came in 2011.\n"


def cut_up(text: str, size: int, reason: Reason = "stop") -> Iterator[str | Ended]:
    """Give a text in pieces of a size, and its end."""
    for at in range(0, len(text), size):
        yield text[at : at + size]
    yield Ended(reason, Usage())


def told(text: str, reason: Reason = "stop", size: int = 7) -> tuple[str, str]:
    """Return what of a text is the answer, and what is reasoning."""
    found = list(behind_answer_line(cut_up(text, size, reason)))
    return (
        "".join(one for one in found if isinstance(one, str)),
        "".join(one.text for one in found if isinstance(one, Thought)),
    )


@pytest.mark.parametrize(
    "line",
    [
        "Answer:\n",
        "Answer: ",
        "ANSWER:\n",
        "answer : ",
        "Final answer: ",
        "Final Answer:\n\n",
        "The answer: ",
        "So, the final answer: ",
        "Answer to the question: ",
        "**Answer:** ",
        "**Answer**: ",
        "*Answer*:\n",
        "__Final answer:__\n",
        "### Answer\n",
        "## Final Answer:\n",
        "### **Answer**\n",
        "**Answer**\n\n",
        "> Answer: ",
        "3. Answer: ",
        "- Answer: ",
        "<answer>\n",
        "Answer\uff1a",
        "Antwort: ",
        "R\u00e9ponse finale\u00a0: ",
        "\u7b54\u6848\uff1a",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_line_has_many_spellings(line: str, size: int) -> None:
    """None of which stays in the answer, in whatever pieces it comes."""
    answer, thoughts = told(f"{STEPS}\n{line}{ANSWER}", size=size)
    assert answer.strip() == ANSWER
    assert thoughts == f"{STEPS}\n"


@pytest.mark.parametrize("line", ["Answer: ", "Final answer: ", "**ANSWER:** "])
def test_the_line_may_stand_behind_a_step(line: str) -> None:
    """Where small models forget the break."""
    assert told(f"{STEPS.strip()} {line}{ANSWER}")[0].strip() == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        'The form says "Answer: yes".',
        "Answering machine: it takes messages.",
        "Answer the bell: it rings.",
        "It is the answer: 42.",
        "**Answers** differ.",
    ],
)
def test_other_words_are_no_such_line(text: str) -> None:
    """They stay where they are."""
    assert told(text) == (text, "")


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_line_that_comes_again_is_left_out(size: int) -> None:
    """What is behind it is the same answer in other words; other lines stay."""
    text = f"{STEPS}Answer:\n**{ANSWER}**\nAnswers vary.\n**Final answer:** Since 2011.\n"
    answer, _ = told(text, size=size)
    assert answer == f"\n**{ANSWER}**\nAnswers vary.\n Since 2011.\n"


def test_nothing_is_held_back_behind_the_line_but_what_may_be_another() -> None:
    """Each piece is given as it comes."""
    pieces = behind_answer_line(iter(["Answer: Rosa Lind", " has worked", " since", "\n", "The a"]))
    assert list(pieces) == [" Rosa Lind", " has worked", " since", "\n", "The a"]


# --- without the line -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        STEPS,
        f"{STEPS}\n",
        f"{PLAIN_STEPS}\n",
        f"Let me think step by step.\n\n{PLAIN_STEPS}\n",
        f"From the evidence:\n{STEPS}\n",
        "Step 1: Look at the crew.\n- Rosa Lind commands.\n\nStep 2: Look at the staff.\n\n",
        "### Step 1: The captain\n\nRosa Lind commands.\n\n### Step 2: The year\nIn 2011.\n\n",
        "**Step 1:** Rosa Lind commands.\n**Step 2:** She came in 2011.\n",
        f"Reasoning:\n{PLAIN_STEPS}\n",
        "**Reasoning:** Rosa Lind commands the ferry.\n\n",
        "Hm. 1. Let me see.</think>\n\n",
    ],
)
def test_the_whole_text_but_for_its_steps_is_the_answer(steps: str) -> None:
    """Of one paragraph or of several, and ahead of a courtesy too."""
    for answer in (ANSWER, f"{ANSWER}\n\nShe commands the ferry. [1]\n\nI hope that this helps."):
        found, thoughts = told(steps + answer)
        assert found.strip() == answer
        assert thoughts.strip() == steps.replace("</think>", "").strip()


@pytest.mark.parametrize(
    "text",
    [
        f"{ANSWER}\n\nShe commands the harbour ferry. [1]",
        f"{ANSWER}\n\nI hope that this helps.",
        "1. Lamb Island\n2. Skerry Rock",
        "1. Lamb Island\n2. Skerry Rock\n\nI hope that this helps.",
        "The ferry calls at:\n1. Lamb Island\n2. Skerry Rock",
        "These are the facts:\n\n1. It was lit in 2026.\n2. It is seen far.\n\nNobody lives there.",
        "4. Mai 2019 war der erste Tag.\nDas war ein Samstag.",
        "- Lamb Island\n- Skerry Rock",
        "",
    ],
)
def test_what_is_no_step_is_all_of_the_answer(text: str) -> None:
    """Lists too, which may well be what was asked for."""
    assert told(text) == (text, "")


def test_an_answer_ahead_of_its_reasons_is_the_answer() -> None:
    """Where the model turns things round."""
    assert told(f"{ANSWER}\n\nReasoning:\n{STEPS}")[0].strip() == ANSWER


def test_of_steps_alone_the_last_is_the_answer() -> None:
    """Without its number: a model that ended of itself has come to it."""
    assert told(f"{STEPS}3. So it is since 2011.") == ("So it is since 2011.", STEPS)
    assert told("Step 1: Look.\n**Step 2:** NOT_FOUND")[0] == "NOT_FOUND"


@pytest.mark.parametrize(
    "text",
    [STEPS, PLAIN_STEPS, STEPS[:80], "Let me think.\n\n1. Rosa", "Step 1: Ro", "Reasoning: it"],
)
def test_what_was_cut_off_in_its_steps_has_no_answer(text: str) -> None:
    """Its tokens were used up ahead of it."""
    assert told(text, "length") == ("", text)


def test_a_model_that_goes_round_in_steps_has_no_answer() -> None:
    """However many it writes until its tokens are used up."""
    text = "".join(f"{number}. The lamp is not the lamp.\n" for number in range(1, 130))
    assert told(text, "length") == ("", text)


def test_what_was_cut_off_in_its_answer_has_one() -> None:
    """As far as it came."""
    assert told(f"{STEPS}\n{ANSWER[:20]}", "length")[0] == ANSWER[:20]
    assert told(ANSWER[:20], "length")[0] == ANSWER[:20]


def test_where_the_time_ends_it_is_as_where_the_tokens_do() -> None:
    """And that the time is over is told."""
    found: list[str | Thought | Ended] = []

    def pieces(text: str) -> Iterator[str]:
        yield text
        raise ModelTooSlow("late")

    for text, wanted in ((STEPS, Thought(STEPS)), (ANSWER, ANSWER)):
        with pytest.raises(ModelTooSlow, match="late"):
            found.extend(behind_answer_line(pieces(text)))
        assert found == [wanted]
        found.clear()


# --- in pieces ------------------------------------------------------------------------------------

WORDS = (
    *(
        "Answer:",
        "answer",
        "Final ",
        "**",
        "*",
        "#",
        "# ",
        " ",
        "\n",
        "\n\n",
        ":",
        "1. ",
        "2. ",
        "3) ",
    ),
    *("Step 1", "Step 2:", "Evidence [1] says", "Rosa Lind.", "Reasoning:", "- ", "  ", "The "),
    *("I hope that this helps.", "</think>", "<answer>", "Antwort", "Let me think.", "in 2011"),
)


def whole(pieces: Sequence[str], reason: Reason) -> tuple[str, str]:
    """Return answer and reasoning of pieces as they are."""
    found = list(behind_answer_line(iter([*pieces, Ended(reason, Usage())])))
    return (
        "".join(one for one in found if isinstance(one, str)),
        "".join(one.text for one in found if isinstance(one, Thought)),
    )


@given(
    st.lists(st.sampled_from(WORDS), max_size=24),
    st.integers(1, 9),
    st.sampled_from(["stop", "length"]),
)
def test_what_is_told_does_not_depend_on_the_pieces(
    words: list[str], size: int, reason: Reason
) -> None:
    """Nor is a word told twice, or made up."""
    text = "".join(words)
    answer, thoughts = told(text, reason, size)
    assert (answer, thoughts) == whole([text], reason)
    assert len(answer) + len(thoughts) <= len(text)


@given(st.lists(st.sampled_from(WORDS), max_size=24))
def test_a_text_without_the_line_is_told_whole_and_in_its_order(words: list[str]) -> None:
    """But for the number of a last step that is the answer."""
    text = "".join(one for one in words if "nswer" not in one and "Antw" not in one)
    text = text.replace("</think>", "")
    found = behind_answer_line(cut_up(text, 5))
    said = "".join(one if isinstance(one, str) else getattr(one, "text", "") for one in found)
    gone = len(text) - len(said)
    assert any(text[:at] + text[at + gone :] == said for at in range(len(said) + 1))
