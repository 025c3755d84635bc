"""Follow-ups by rule: what leans on the conversation gets what it lacks, all else stays."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunk_terms import beside_of, rarity_of
from indexes.languages import Language
from service.capitals import capitalised
from service.described import Beside, beside_nothing
from service.evidence import Turn
from service.follow_ups import MOST_ANSWERS, MOST_QUESTIONS, Rarity
from service.follow_ups import carried_over as lacked
from service.leaning import says_nothing
from service.rewrite import rewrite_by_rule
from service.said import Said
from service.spoken import phrases_of, words_of

HARBOUR = [
    "The ferry to Lamb Island leaves at 06:40 and carries bicycles.",
    "A night at the north quay costs 31 euros, at the south quay 44 euros.",
    "The lighthouse on Skerry Rock was lit in 2026. Its lamp has a range of 21 miles.",
    "Tom Reed has been the harbour master since 2019. He was born in Dover.",
    "Fishing licences cost 12 euros a year and are sold at the harbour office.",
    "The harbour office is open from 8 to 16. The lamp is cleaned every month.",
    *(f"The harbour log of day {number} tells of wind and rain." for number in range(30)),
]


RARITY = rarity_of(HARBOUR)


def carried_over(
    question: str,
    history: list[Turn],
    rarity: Rarity,
    language: Language = "en",
    beside: Beside = beside_nothing,
) -> tuple[str, ...]:
    """Return the phrases that a question lacks."""
    return lacked(question, history, rarity, language, beside).phrases


def said(*texts: str) -> list[Turn]:
    """Return turns, of which the first is a question."""
    return [Turn("assistant" if at % 2 else "user", text) for at, text in enumerate(texts)]


FERRY = said("When does the ferry to Lamb Island leave?", "It leaves at 06:40. [1]")
LAMP = said("What is the range of the lamp on Skerry Rock?", "21 nautical miles. [1]")


@pytest.mark.parametrize(
    ("history", "question", "carried"),
    [
        (FERRY, "Does it carry bicycles?", "ferry, Lamb Island, leave"),
        (FERRY, "And on Sundays?", "ferry, Lamb Island, leave"),
        (FERRY, "Why?", "ferry, Lamb Island, leave"),
        (FERRY, "How much?", "ferry, Lamb Island, leave"),
        (FERRY, "Is it safe for children?", "ferry, Lamb Island, leave"),
        (FERRY, "How old is it?", "ferry, Lamb Island, leave"),
        (FERRY, "More details, please.", "ferry, Lamb Island, leave"),
        (FERRY, "What about that?", "ferry, Lamb Island, leave"),
        (FERRY, "Who lives there?", "ferry, Lamb Island, leave"),
        (FERRY, "Who owns it?", "ferry, Lamb Island, leave"),
        (FERRY, "Is it possible to take a bicycle on it?", "ferry, Lamb Island, leave"),
        (LAMP, "When was it lit?", "range, Skerry Rock"),
        (LAMP, "In 2023?", "range, lamp, Skerry Rock"),
        (
            said("What does a night at the south quay cost?", "44 euros."),
            "And the north one?",
            "night, south quay cost",
        ),
        (
            said("Which licences are there?", "Fishing licences and mooring licences."),
            "How much do they cost?",
            "licences",
        ),
    ],
)
def test_what_leans_gets_what_it_lacks(history: list[Turn], question: str, carried: str) -> None:
    """Phrases of the questions before, rare ones, behind the question's own words."""
    rewritten = rewrite_by_rule(question, history, RARITY)
    assert (rewritten.text, rewritten.by) == (f"{question} ({carried})", "rule")


@pytest.mark.parametrize(
    "question",
    [
        "When was the lighthouse on Skerry Rock lit?",
        "Who is Tom Reed?",
        "Who is the harbour master, and where was he born?",
        "If the lamp goes out, who lights it again?",
        "Is it possible to buy a fishing licence on Sundays?",
        "What is there to see this summer at the lighthouse?",
        "How many quays are there in Dover?",
        "Which harbour changed its fees?",
        "How many harbours of this year raised their fees?",
        "fishing licences",
        "Kubernetes",
        "Thank you!",
        "Hi, can you help me?",
        "Great, that is all.",
        "Which version follows 6.14.2?",
    ],
)
def test_what_stands_alone_stays_word_for_word(question: str) -> None:
    """Names, rare words, pronouns that the question itself explains, and what asks nothing."""
    for history in (FERRY, LAMP):
        rewritten = rewrite_by_rule(question, history, RARITY)
        assert (rewritten.text, rewritten.by) == (question, None)


def test_a_pronoun_stands_for_the_topic_and_not_for_what_was_asked_of_it() -> None:
    """Two questions after the entity was named it is still what is spoken of."""
    history = said(
        "What is the range of the lamp on Skerry Rock?",
        "21 nautical miles.",
        "When was it lit?",
        "The lamp on Skerry Rock was lit in 2026.",
        "Was it cleaned?",
        "The lamp is cleaned every month.",
    )
    (first, *_) = carried_over("Who pays for it?", history, RARITY)
    assert "lamp" in carried_over("Who pays for it?", history, RARITY)
    assert first != "range"


def test_thanks_do_not_end_a_topic() -> None:
    """They are passed over with their answer, as if they had not been said."""
    polite = [*FERRY, *said("Thanks, that is great!", "You are welcome. Anything about lamps?")]
    asked = "Does it carry bicycles?"
    assert carried_over(asked, polite, RARITY) == carried_over(asked, FERRY, RARITY)


def test_a_person_in_the_answer_is_who_is_meant() -> None:
    """Where the question before does not name anybody."""
    small = said("who is tom reed?", "Tom Reed has been the harbour master. [1]")
    assert carried_over("Where was he born?", small, RARITY) == ("Tom Reed",)
    history = said("Who is the harbour master?", "Tom Reed has been the harbour master. [1]")
    assert "Tom Reed" in carried_over("Where was he born?", history, RARITY)
    assert "[1]" not in " ".join(carried_over("Where was he born?", history, RARITY))


def test_the_second_one_is_that_of_the_list() -> None:
    """An item of the last answer, whether numbered or not, by its place."""
    listed = "There are:\n1. fishing licences\n2. mooring licences, which cost more\n3. none"
    history = said("Which licences are there?", listed)
    assert carried_over("How much is the second one?", history, RARITY)[0] == (
        "mooring licences, which cost more"
    )
    assert carried_over("How much is the last?", history, RARITY)[0] == "none"
    assert "fishing" not in " ".join(carried_over("How much is the fifth one?", history, RARITY))


def test_without_a_question_before_nothing_is_carried() -> None:
    """No history, an answer alone, or thanks alone."""
    for history in ([], said("Thanks!", "Welcome."), [Turn("assistant", "The lamp is lit.")]):
        assert carried_over("Why is it lit?", history, RARITY) == ()


def test_words_that_the_collection_does_not_have_are_of_no_use() -> None:
    """A slip of the pen is not carried over, the phrase beside it is."""
    history = said("What are the linitations of the ferry?", "It carries no cars.")
    assert carried_over("Why is that?", history, RARITY) == ("ferry",)


@pytest.mark.parametrize("exchanges", [40, 400])
def test_a_long_conversation_is_read_at_its_end_alone(exchanges: int) -> None:
    """As much is looked at of 40 exchanges as of 400, however long each is."""
    read: list[str] = []

    def rarity(text: str) -> Mapping[str, float]:
        read.append(text)
        return RARITY(text)

    history = [
        Turn(role, f"The lamp and ferry {n}. " * 500)
        for n in range(exchanges)
        for role in ("user", "assistant")
    ]
    found = carried_over("Why is it lit?", history, rarity)
    assert found
    assert len(read) == 1
    assert len(read[0]) <= 30 + MOST_QUESTIONS * 501 + MOST_ANSWERS * 601


GERMAN = [
    "Die Fähre zur Lamminsel fährt um 06:40 Uhr.",
    "Eine Nacht am Nordkai kostet 31 Euro.",
    *(
        f"Das Logbuch des Tages {number} erzählt von Wind, und die Fahrt ist ruhig."
        for number in range(20)
    ),
]


def test_other_languages_carry_the_rarest_words() -> None:
    """Where a question has few of its own, and not where it has."""
    history = said("Wann fährt die Fähre zur Lamminsel?", "Um 06:40 Uhr.")
    rarity = rarity_of(GERMAN, "other")
    carried = carried_over("Und sonntags?", history, rarity, "other")
    assert {"Fähre", "Lamminsel"} <= set(carried)
    assert "die" not in carried
    assert carried_over("Was kostet eine Nacht am Nordkai?", history, rarity, "other") == ()


JAPANESE = [
    "子羊島への渡し船は六時四十分に出ます。",
    "北岸の一泊は三十一ユーロです。",
    *(f"港の日誌{number}は風と雨を語ります。" for number in range(20)),
]


def test_scripts_without_spaces_carry_rare_pieces() -> None:
    """Signs that stand side by side, but no endings; a question with its own stands alone."""
    history = said("子羊島への渡し船はいつ出ますか。", "六時四十分です。")
    rarity = rarity_of(JAPANESE, "cjk")
    assert (
        carried_over("それはいくらですか。", history, rarity, "cjk") == ("子羊島", "渡", "船")[:1]
    )
    assert carried_over("北岸の一泊はいくらですか。", history, rarity, "cjk") == ()


@given(
    st.lists(st.text(max_size=60), max_size=6),
    st.text(max_size=60),
    st.sampled_from(["en", "other", "cjk"]),
)
def test_nothing_is_said_that_was_not(texts: list[str], question: str, language: Language) -> None:
    """Own words stay first and as they are, and all else stands in the history.

    A piece of a sentence may be in the last question; its words and those are all there are.
    """
    history = said(*texts)
    rewritten = rewrite_by_rule(question, history, rarity_of(HARBOUR, language), language)
    if rewritten.by is None:
        assert rewritten.text == question
        return
    found = lacked(question, history, rarity_of(HARBOUR, language), language)
    assert rewritten.text == found.whole
    whole = "\n".join(" ".join(text.split()) for text in texts)
    for phrase in found.phrases:
        assert " ".join(phrase.split()) in whole
    if not found.whole.startswith(question.strip()):
        known = {word.plain for text in [question, *texts, "About"] for word in words_of(text)}
        assert known.issuperset(word.plain for word in words_of(found.whole))
    else:
        assert found.whole == f"{question.strip()} ({', '.join(found.phrases)})"


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("How do I file a Request for Order?", ["file", "Request for Order"]),
        ("the drama Pride and Prejudice", ["drama Pride and Prejudice"]),
        ("What is market-cap, and NAV?", ["market-cap", "NAV"]),
        ("IBM Cloud's Object Storage is it", ["IBM Cloud's Object Storage"]),
        ("what is taxed in the US?", ["taxed", "US"]),
        ("WHAT IS TAXED", ["TAXED"]),
    ],
)
def test_phrases_are_words_side_by_side(text: str, phrases: list[str]) -> None:
    """Names keep the small words that join them."""
    words = words_of(text)
    assert [text[one[0].at : one[-1].end] for one in phrases_of(text, words)] == phrases


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("Thanks!", True),
        ("ok. how do I view my payment?", False),
        ("Great! And what does it cost?", False),
        ("That is fine.", True),
        ("Hello, may I ask some questions here?", True),
        ("thank " * 100, False),
    ],
)
def test_what_asks_nothing(text: str, nothing: bool) -> None:  # noqa: FBT001
    """Thanks and greetings, unless a question follows."""
    assert says_nothing(text) is nothing


def test_the_rewrites_by_hand_are_eighty() -> None:
    """One for each id, and none is empty."""
    path = Path(__file__).parent / "rewrites.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len({one["id"] for one in lines}) == len(lines) == 80
    assert all(set(one) == {"id", "rewrite"} and one["rewrite"].strip() for one in lines)


def test_what_is_told_of_a_name_stays_behind() -> None:
    """It answered the question before; a piece of a sentence goes on from the whole of it."""
    history = [Turn("user", "When was Kubernetes 1.36 released?"), Turn("assistant", "In April.")]

    def rarity(text: str) -> Mapping[str, float]:
        return {term: 0.6 for word in words_of(text) for term in word.terms}

    assert carried_over("When is it unsupported?", history, rarity) == ("Kubernetes 1.36",)
    assert carried_over("And 1.37?", history, rarity) == ("Kubernetes", "released")


def flat(text: str) -> Mapping[str, float]:
    """Return that all words of a text are known, and as rare as each other."""
    return {term: 0.6 for word in words_of(text) for term in word.terms}


def all_rare(text: str) -> Mapping[str, float]:
    """Return that each word of a text is in a single chunk."""
    return dict.fromkeys(flat(text), 1.0)


def asked(*questions: str) -> list[Turn]:
    """Return turns in which each question was answered."""
    return [turn for one in questions for turn in said(one, "It is so. [1]")]


@pytest.mark.parametrize(
    ("questions", "piece", "carried"),
    [
        (["When does support of Debian 12 end?"], "And Debian 13?", ["support", "end"]),
        (["when does support of debian 12 end?"], "and debian 13?", ["support", "end"]),
        (["When does support of Debian 12 end?"], "And 13?", ["support", "Debian", "end"]),
        (["What is the VAT rate in Estonia?"], "And in Romania?", ["VAT rate"]),
        (["What is the VAT rate in Estonia?"], "And Romania?", ["VAT rate"]),
        (["What is the VAT rate in Estonia?"], "In Romania?", ["VAT rate"]),
        (["What is the VAT rate in Estonia?"], "No, in Romania", ["VAT rate"]),
        (["What is the VAT rate in Estonia?"], "No, I meant Romania", ["VAT rate"]),
        (["what is the tax in estonia?"], "and in romania?", ["tax"]),
        (["Does Python 3.14 run on Windows?"], "And macOS?", ["Python 3.14 run"]),
        (["Does Python 3.14 run on Windows?"], "And Python 3.15?", ["run", "Windows"]),
        (["When is the standard support of Ubuntu over?"], "And extended support?", ["Ubuntu"]),
        (["What does curl remove in October 2026?"], "And in March 2027?", ["curl remove"]),
        (["What was the limit in 2024?"], "And in 2025?", ["limit"]),
        (["When does the ferry leave in winter?"], "And in summer?", ["ferry leave"]),
        (["Is Christmas Eve free in Poland?"], "And Saint Mark in Italy?", ["free"]),
        (["When did Ann meet Bob?"], "And Carl?", ["Ann meet Bob"]),
        (["Do they carry dogs?"], "And on Sundays?", ["carry dogs"]),
        (["Do they carry dogs?", "And cats?"], "And rabbits?", ["carry dogs"]),
        (["Who is Ann?", "Who is Bob?"], "Why?", ["Bob"]),
        (
            ["When does support of Debian 12 end?", "And Ubuntu 24.04?"],
            "And Windows 11?",
            ["support", "end"],
        ),
        (
            ["Is Debian 12 out?", "What is its code name?"],
            "And Ubuntu 24.04?",
            ["code name"],
        ),
        (["Which stadium is it?"], "I mean the one in Dover", ["stadium"]),
        (["When did the astronaut join NASA?"], "I am talking about Mark", ["astronaut join NASA"]),
    ],
)
def test_a_piece_takes_the_place_of_its_like(
    questions: list[str], piece: str, carried: list[str]
) -> None:
    """The rest of the last question is carried, and of those before it only what that one lacks."""
    assert sorted(carried_over(piece, asked(*questions), flat)) == sorted(carried)


@pytest.mark.parametrize(
    ("questions", "piece", "whole"),
    [
        (
            ["When does support of Debian 12 end?"],
            "And Debian 13?",
            "When does support of Debian 13 end?",
        ),
        (
            ["When does support of Debian 12 end?", "And Debian 13?"],
            "What about Ubuntu 24.04?",
            "When does support of Ubuntu 24.04 end?",
        ),
        (
            ["Is the standard support of Ubuntu over?"],
            "No, I meant the extended support",
            "Is the extended support of Ubuntu over?",
        ),
        (
            ["Is Christmas Eve a holiday in Poland?"],
            "And Saint Mark in Italy?",
            "Is Saint Mark a holiday in Italy?",
        ),
        (
            ["When was Go 1.26 released?", "Who led it?"],
            "And 1.27?",
            "Who led it? (Go 1.27)",
        ),
        (["What is the tax in Spain?"], "And in winter?", "And in winter? (tax, Spain)"),
        (["What is the tax in Spain?"], "And Italy, please?", "What is the tax in Italy?"),
        (["What is the tax in Spain?"], "What of how in Italy?", "What of how in Italy? (tax)"),
        (
            ["What is the tax in Spain?"],
            "And what do people pay in Italy?",
            "And what do people pay in Italy?",
        ),
        (
            ["What is the tax in Spain?"],
            "And in Italy for children?",
            "And in Italy for children? (tax)",
        ),
    ],
)
def test_a_piece_belongs_in_the_last_question(questions: list[str], piece: str, whole: str) -> None:
    """Where it is plain what it takes the place of, and it says no more; else it stays first."""
    assert rewrite_by_rule(piece, asked(*questions), flat).text == whole


@pytest.mark.parametrize(
    ("questions", "question", "carried"),
    [
        (["When is Debian 12 over?", "And Debian 13?"], "What is its name?", "Debian 13"),
        (["When is Debian 12 over?", "When is Debian 13 over?"], "Is it good?", "Debian 13"),
        (["Is Oslo in Norway?", "And Bergen?"], "How large is it?", "Bergen"),
        (["When was Rust 1.90.0 released?"], "Is it stable?", "Rust 1.90.0"),
        (["Is Go 1.26 out?", "And Go 1.27?", "Back to Go 1.26"], "When was it?", "Go 1.26"),
    ],
)
def test_what_was_exchanged_is_over(questions: list[str], question: str, carried: str) -> None:
    """A pronoun stands for the new one; an earlier one counts again when it is named again."""
    found = carried_over(question, asked(*questions), flat)
    assert carried in found
    assert not any(carried.split(maxsplit=1)[0] in one for one in found if one != carried)


RATES = [
    "The VAT rate in Finland is 25.5%. Finland raised it when Slovakia did, on the advice of NATO.",
    "In Estonia the VAT rate is 24%, in Slovakia it is 23%. It runs on macOS and on Windows.",
    "Dogs are not allowed on the pier. See data/pier.json and passengers/pier-rates.json.",
    "The Pier is old. Children pay half on the pier; a pier has no cars.",
    *(f"The log of day {number} tells of wind and rain." for number in range(30)),
]


@pytest.mark.parametrize(
    ("questions", "piece", "whole"),
    [
        (
            ["What VAT rate does Finland have?"],
            "and slovakia?",
            "What VAT rate does Slovakia have?",
        ),
        (
            ["what vat rate does finland have?"],
            "and slovakia?",
            "what VAT rate does Slovakia have?",
        ),
        (
            ["what vat rate does finland have?"],
            "And Slovakia?",
            "what VAT rate does Slovakia have?",
        ),
        (
            ["What VAT rate does Finland have?", "and slovakia?"],
            "i mean estonia",
            "What VAT rate does Estonia have?",
        ),
        (["Does Python 3.14 run on Windows?"], "and macos?", "Does Python 3.14 run on macOS?"),
        # No names: at the start of a sentence, in a path, and mostly in small letters.
        (["Is the VAT in Finland high?"], "and dogs?", "and dogs? (VAT in Finland)"),
        (
            ["What VAT rate does Finland have?"],
            "and passengers?",
            "and passengers? (VAT rate, Finland)",
        ),
        (["Is the VAT in Finland high?"], "and pier?", "and pier? (VAT in Finland)"),
    ],
)
def test_a_name_in_small_letters_is_one(questions: list[str], piece: str, whole: str) -> None:
    """If the collection writes it in capital letters within its sentences."""
    history, rarity, beside = asked(*questions), rarity_of(RATES), beside_of(RATES)
    assert rewrite_by_rule(piece, history, rarity, "en", beside).text == whole


@given(st.text("aA bBfinland ESTvk?.-ß\u0130", max_size=60), st.text("finland esto?", max_size=30))
def test_capitals_alone_change(text: str, before: str) -> None:
    """Not a sign more or less, whatever was typed."""
    own, last = Said(True, -1, text, words_of(text)), Said(True, 0, before, words_of(before))
    shown, (shown_last,) = capitalised(own, [last], beside_of(RATES))
    for one, other in ((own, shown), (last, shown_last)):
        assert other.text.casefold() == one.text.casefold()
        assert [word.at for word in other.words] == [word.at for word in one.words]


@pytest.mark.parametrize(
    "lead", ["Ok, and", "ok and", "Great, and", "Thanks! And", "I see, and", "Hm, ok, and"]
)
def test_a_word_that_takes_note_may_stand_ahead_of_a_piece(lead: str) -> None:
    """With a question mark or without; not where the word is one of a pair."""
    history = asked("When does support of Debian 12 end?")
    for end in ("?", ""):
        found = rewrite_by_rule(f"{lead} Debian 13{end}", history, flat)
        assert "support" in found.text
        assert "Debian 12" not in found.text
    for alone in (
        "Good and bad cholesterol?",
        "Fine and coarse gravel?",
        "Ok, and thanks",
        "ok and bye",
    ):
        assert (
            rewrite_by_rule(alone, history, lambda text: dict.fromkeys(flat(text), 0.9)).by is None
        )


@pytest.mark.parametrize(
    ("history", "piece", "whole"),
    [
        (
            said("What is the tax in Spain?", "It is 21%."),
            "I meant Italy.",
            "What is the tax in Italy?",
        ),
        (
            asked("What is the tax in Spain?", "And Malta?"),
            "I meant Italy.",
            "What is the tax in Italy?",
        ),
        (
            asked("What is the tax in Spain?", "And Malta?"),
            "i mean Italy",
            "What is the tax in Italy?",
        ),
        # It may as well say more, or choose from what the answer has asked.
        (asked("What is the tax in Spain?"), "I mean Italy", "I mean Italy (tax, Spain)"),
        (
            said("What is the tax in Spain?", "On Ibiza or on land. Which one do you mean?"),
            "I meant Ibiza.",
            "I meant Ibiza. (tax, Spain)",
        ),
        (
            said("When did Ann join NASA?", "In 1978."),
            "I meant Mark.",
            "When did Mark join NASA?",
        ),
        (
            said("When did she join NASA?", "In 1978."),
            "I meant Mark.",
            "I meant Mark. (join NASA)",
        ),
        (
            said("How does NASA look at Earth?", "From above."),
            "I meant the Terra.",
            "I meant the Terra. (NASA, Earth)",
        ),
    ],
)
def test_what_was_meant_takes_the_place_of_a_mistake(
    history: list[Turn], piece: str, whole: str
) -> None:
    """Of what was said last, or of what is written alike."""
    assert rewrite_by_rule(piece, history, flat).text == whole


RELEASES = [
    "Kubernetes 1.34 is called Of Wind. Kubernetes 1.33 came before it, in April.",
    "Kubernetes 1.33 has the theme Octarine. Its team was led by Nina Polshakova.",
    "Kubernetes 1.36 was released in April.",
    "Python 3.14 was released in October. Python 3.15 is next.",
    *(f"The log of day {number} tells of wind and rain." for number in range(30)),
]


def test_a_bare_version_is_of_what_stands_beside_it() -> None:
    """And no more of the name that another release has, later on either."""
    rarity, beside = rarity_of(RELEASES), beside_of(RELEASES)
    history = asked("Which Kubernetes release is called Of Wind?", "When was it released?")
    carried = carried_over("And 1.33?", history, rarity, "en", beside)
    assert "Kubernetes" in carried
    assert "Wind" not in " ".join(carried)
    history += asked("And 1.33?")
    later = carried_over("Who led its team?", history, rarity, "en", beside)
    assert {"1.33", "Kubernetes"} <= set(later)
    assert "Wind" not in " ".join(later)


def test_a_version_is_not_lost_on_the_way() -> None:
    """While each question speaks of "it"."""
    history = asked(
        "When was Python 3.14 released?", "What about 3.15?", "How long will it get fixes?"
    )
    assert {"3.15", "Python"} <= set(carried_over("Does it have a JIT?", history, flat))


HARBOURS = [
    "The harbour master of Dover is Tom Reed.",
    "The harbour master of Calais is Anne Roy.",
    "The ferry from Dover to Calais takes 90 minutes.",
    "The lighthouse of Dover is 20 metres high.",
    "Ducks and geese live on Skerry Rock.",
    *(f"The log of day {number} tells of wind and rain." for number in range(30)),
]


@pytest.mark.parametrize(
    ("question", "carried"),
    [
        ("Who is the harbour master?", ("Dover",)),
        ("Until when was the harbour master elected?", ("Dover",)),
        # One passage has it, or none.
        ("How high is the lighthouse?", ()),
        ("Who runs the harbour office?", ()),
        # It says itself which it is.
        ("Who is the harbour master of Calais?", ()),
        ("Calais: who is the harbour master?", ()),
        ("In pier 4, who is the harbour master?", ()),
        ("Name the harbour master", ("Dover",)),
        # Its other words are of something else.
        ("Do geese know the harbour master?", ()),
    ],
)
def test_a_description_of_several_things_gets_the_topic(
    question: str, carried: tuple[str, ...]
) -> None:
    """If a passage has both, and another the description alone."""
    history = asked("When does the ferry leave Dover?")
    rarity, beside = rarity_of(HARBOURS), beside_of(HARBOURS)
    assert carried_over(question, history, rarity, "en", beside) == carried


def test_a_description_leans_on_no_other_topic() -> None:
    """One of which no passage speaks beside it."""
    history = asked("Which birds live on Skerry Rock?")
    rarity, beside = rarity_of(HARBOURS), beside_of(HARBOURS)
    assert carried_over("Who is the harbour master?", history, rarity, "en", beside) == ()


LOG = (
    "2026-08-22T10:00:01Z ERROR [main] com.dover.Ferry failed at step 12 of harbour log wind rain "
    "0x7f3a9c lamp lit " + "Traceback most recent call last ferry office lamp range Skerry " * 9
)


@pytest.mark.parametrize("junk", [LOG, "zxcv qwer " * 40, "a" * 480, "Lamp-" * 90, "lamp " * 90])
def test_what_was_pasted_does_not_fill_a_question(junk: str) -> None:
    """Of a log or of nonsense a few names are carried at most; itself it stands alone."""
    for question in ("Why is it lit?", "And the ferry?", "Who is the harbour master?"):
        assert len(rewrite_by_rule(question, asked(junk), RARITY).text) <= len(question) + 110
    long = f"{LOG} Why is it so?"
    assert rewrite_by_rule(long, FERRY, RARITY).text == long


@given(st.lists(st.text("abFerry LampQuay13.\n-", max_size=500), min_size=1, max_size=5))
def test_little_is_carried_of_anything(texts: list[str]) -> None:
    """Whatever was said."""
    for question in ("Why?", "Who is he?", "And the second one?"):
        carried = carried_over(question, said(*texts), flat)
        assert sum(map(len, carried)) <= 240


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("when is Go 1.27 out", ["Go"]),
        ("does it run on macOS or Node.js", ["macOS", "Node.js"]),
        ("in the U.S. go there", ["U.S"]),
        ("WHERE is it", ["WHERE"]),
        ("I go there", []),
    ],
)
def test_names_are_told_by_their_letters(text: str, names: list[str]) -> None:
    """Capital letters anywhere in a word, and a version behind what is else no name."""
    assert [word.text for word in words_of(text) if word.is_name] == names


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("No, the winter timetable", False),
        ("No, I meant the winter timetable", False),
        ("Sorry, in Dover.", False),
        ("No, that is all.", True),
        ("No, thanks", True),
        ("no problem", True),
        ("Ok, got it", True),
    ],
)
def test_a_correction_is_not_nothing(text: str, nothing: bool) -> None:  # noqa: FBT001
    """A no with what is meant, but not one with a sentence of its own."""
    assert says_nothing(text) is nothing
