"""A conversation of forty exchanges about the example documents, as a person might hold it.

Each question is understood by rule: what it is about is in it, and nothing of what is over.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import pytest

from chunk_terms import beside_of, rarity_of
from example_documents import DOCUMENTS, extracts
from service.evidence import Turn
from service.history import recent
from service.rewrite import Rewritten, rewrite_by_rule

CHUNK = 700


@cache
def chunks() -> tuple[str, ...]:
    """Return the example documents in pieces of some lines, each with its title."""
    return tuple(
        f"{extract.title}\n{piece}"
        for path in DOCUMENTS
        for extract in extracts(path)
        for piece in pieces(extract.text.splitlines())
    )


def pieces(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines together up to a size."""
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(line) > CHUNK:
            yield "\n".join(kept)
            kept = []
        kept.append(line)
    yield "\n".join(kept)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its answer, and words that it gets or may not get; `alone` stays as it is."""

    question: str
    answer: str
    gets: str = ""
    never: str = ""
    alone: bool = False


def alone(question: str, answer: str) -> Asked:
    """Return a question that stands alone."""
    return Asked(question, answer, alone=True)


SUPPORT = "{0} | {1} | 2028-08-09 | 2030-06-30 [1]"
TALK = (
    alone("When was Kubernetes 1.36 released?", "On 22 April 2026 after a cycle of 15 weeks. [1]"),
    Asked("Who led the release team?", "Ryota Sawada led the release team. [1]", "Kubernetes 1.36"),
    Asked("When was the code freeze?", "On 18 March 2026. [1]", "Kubernetes 1.36", "Sawada"),
    Asked("And of 1.37?", "The code freeze was on 22 July 2026. [1]", "Kubernetes code", "1.36"),
    Asked("Who leads the team?", "Dipesh Rawat leads the team. [1]", "Kubernetes 1.37", "1.36"),
    alone("ok thanks", "The documents do not answer this."),
    alone("When does the standard support of Debian 12 end?", "On 11 July 2026. [1]"),
    Asked(
        "And Debian 13?",
        SUPPORT.format("Debian", 13),
        "standard support end",
        "12 Kubernetes 1.37 team",
    ),
    Asked("What is its code name?", "Trixie [1]", "Debian 13", "12 Kubernetes"),
    Asked("And Ubuntu 26.04?", "Resolute Raccoon [1]", "code name", "Debian"),
    Asked("Until when is it supported?", "Until 30 April 2031. [1]", "Ubuntu 26.04", "Debian"),
    Asked("No, I meant the extended support", "2036-04-30 [1]", "Ubuntu 26.04", "Debian"),
    alone("What is the standard VAT rate in Estonia since 1 July 2025?", "24% [1]"),
    Asked("And in Romania?", "21% since 1 August 2025. [1]", "standard VAT rate", "Estonia Ubuntu"),
    Asked("What was it before?", "It was 19%. [1]", "Romania VAT rate", "Estonia Ubuntu"),
    alone("Great, thank you!", "The documents do not answer this."),
    alone("Since which Rust version are let chains stable?", "Since Rust 1.88.0. [1]"),
    Asked("When was that released?", "On 26 June 2025. [1]", "chains", "Romania VAT"),
    alone("How much can lazy imports cut the start-up time?", "By 50-70%. [1]"),
    Asked("Which PEP describes them?", "PEP 810 describes them. [1]", "lazy imports", "Rust"),
    alone("Back to Kubernetes 1.36: until when is it maintained?", "Until 28 June 2027. [1]"),
    Asked("And 1.35?", "Until 28 February 2027. [1]", "Kubernetes maintained", "1.36 Back imports"),
    Asked(
        "Who led the team?", "Drew Hagen led the team. [1]", "Kubernetes 1.35", "1.36 maintained"
    ),
    alone("Who are the editors of RFC 9842?", "Patrick Meenan and Yoav Weiss. [1]"),
    Asked("Which encodings does it define?", "dcb and dcz. [1]", "RFC 9842", "Kubernetes"),
    Asked("And RFC 9875?", "The header Cache-Groups lists groups. [1]", "encodings", "9842"),
    alone("In which edition of ECMAScript is Temporal expected?", "ECMAScript 2027 [1]"),
    Asked(
        "Who are the champions?", "Philipp Dunkel, Shane Carr and others. [1]", "Temporal", "RFC"
    ),
    alone("Which version of curl removed RTMP?", "curl 8.20.0 of 29 April 2026. [1]"),
    Asked("And NTLM?", "It gets removed in September 2026. [1]", "curl removed", "RTMP Temporal"),
    Asked("Why?", "It does not work over HTTP/2. [1]", "NTLM curl", "RTMP Temporal"),
    alone("ok, got it", "The documents do not answer this."),
    alone("When did British Columbia change its clocks for the last time?", "8 March 2026 [1]"),
    Asked("And Alberta?", "A few months later. [1]", "change clocks", "Columbia NTLM curl"),
    Asked("What is the new time called there?", "Alberta Time [1]", "Alberta", "Columbia NTLM"),
    alone("How many leap seconds have there been in all?", "There have been 27. [1]"),
    Asked("When was the last one added?", "On 1 January 2017. [1]", "leap seconds", "Alberta"),
    alone("Since when is Christmas Eve a public holiday in Poland?", "Since 2025. [1]"),
    Asked(
        "And Saint Francis of Assisi in Italy?",
        "From 2026 on. [1]",
        "public holiday",
        "Christmas Poland leap",
    ),
    Asked("Which law established it?", "Law 151. [1]", "Saint Francis Italy", "Christmas Poland"),
    alone("And when does Debian 13 leave standard support?", SUPPORT.format("Debian", 13)),
    Asked("And PostgreSQL 18?", "2030-11-14 [1]", "leave standard support", "Debian law Italy"),
)


@cache
def understood() -> tuple[Rewritten, ...]:
    """Return what each question of the conversation is understood as."""
    rarity, beside = rarity_of(chunks()), beside_of(chunks())
    history: list[Turn] = []
    found = []
    for one in TALK:
        found.append(rewrite_by_rule(one.question, recent(history), rarity, "en", beside))
        history += [Turn("user", one.question), Turn("assistant", one.answer)]
    return tuple(found)


def test_it_is_as_long_as_people_talk() -> None:
    """Forty exchanges, of which most lean on what was said."""
    assert len(TALK) >= 40
    assert sum(not one.alone for one in TALK) >= 25


@pytest.mark.parametrize("at", range(len(TALK)), ids=lambda at: TALK[at].question)
def test_each_question_is_understood(at: int) -> None:
    """What it is about is said, what is over is not; what stands alone stays word for word."""
    asked, rewritten = TALK[at], understood()[at]
    if asked.alone:
        assert (rewritten.text, rewritten.by) == (asked.question, None)
        return
    said = set(re.findall(r"[\w.-]*\w", rewritten.text))
    own = set(re.findall(r"[\w.-]*\w", asked.question))
    assert rewritten.by == "rule"
    assert set(asked.gets.split()) <= said
    assert not set(asked.never.split()) & (said - own)
    assert len(said - own) <= 12
