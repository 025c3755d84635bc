"""Signs that a chunk answers a question which need no look at its sentences."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from indexes.languages import ENGLISH, Language
from indexes.lexical import terms
from service.evidence import Candidate, Query

_COVERAGE: Final = 0.75
_FUSED: Final = 2.0
# Words that ask and name nothing; the lexical view keeps them, as BM25 hardly minds.
_ASKING: Final = (
    "what which who whom whose when where why how do does did were has have had can could would "
    "should may might must i you we us our your he she his her its them from about than so any all "
    "some also"
)
# The same in German, French, Spanish, Italian, Portuguese, Dutch, Nordic languages, Polish,
# Turkish, Russian, Arabic, Persian and Hindi. Without a list a question's score is a little lower.
_ASKING_ELSEWHERE: Final = (
    "wer wen wem wessen was wann wo woher wohin wie wieso weshalb warum welche welcher welches "
    "welchen welchem viel viele qui que quoi quel quelle quels quelles quand où comment pourquoi "
    "combien quién quiénes qué cuál cuáles cuándo dónde cómo cuánto cuánta cuántos cuántas chi che "
    "cosa quale quali quando dove come perché quanto quanta quanti quante quem qual quais onde "
    "quantos quantas wat welke wanneer waar waarom hoe hoeveel vem vad vilken vilka när hur varför "
    "många hvem hvad hvornår hvordan hvorfor hvor hvilken kto co który kiedy gdzie jak dlaczego "
    "ile kim hangi nerede nasıl neden kaç кто что какой какая какие когда где куда как почему "
    "сколько من ما ماذا متى أين كيف لماذا كم هل أي چه کجا چرا چگونه چند آیا कौन क्या कब कहाँ कैसे क्यों "
    "कितना कितने"
)
# In scripts without spaces what asks is cut out of the question, with the pieces across its ends.
_ASKING_RUNS: Final = re.compile(
    "什么时候|什麼時候|什么|什麼|为什么|為什麼|为何|哪里|哪裡|哪儿|哪个|哪些|哪一|哪|谁|誰|几|幾|多少|多久"
    "|怎么|怎麼|怎样|如何|请问|請問|吗|嗎|呢|いつ|どこ|だれ|どの|どれ|どんな|どう|なぜ|いくつ|いくら|何"
    "|でしょうか|ですか|ますか|ましたか|무엇|언제|어디|누구|누가|어떤|어떻게|얼마나|얼마|몇|입니까|인가요|나요"
)


def outer_signs(query: Query, candidates: Sequence[Candidate]) -> list[float]:
    """Return what is known of each candidate without reading its sentences."""
    weights = named(query)
    # A chunk that the dense engine left out is no nearer than the farthest that it found.
    farthest = min((one.dense for one in candidates if one.dense is not None), default=0.0)
    return [
        (farthest if one.dense is None else one.dense)
        + _COVERAGE * coverage(weights, one.chunk.encoded, query.language)
        + _FUSED * one.fused
        for one in candidates
    ]


def shares(logits: Sequence[float]) -> list[float]:
    """Return the softmax of logits."""
    highest = max(logits, default=0.0)
    parts = [math.exp(one - highest) for one in logits]
    total = sum(parts)
    return [one / total for one in parts]


def coverage(weights: Mapping[str, float], text: str, language: Language) -> float:
    """Return the share of the question's terms, by weight, that are in a text; 0 if it has none."""
    there = set(terms(text, language))
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in there) / total if total else 0


def named(query: Query) -> dict[str, float]:
    """Return the question's terms that name something, without those that only ask."""
    asking = asking_terms(query.language)
    left = {term: weight for term, weight in query.weights.items() if term not in asking}
    if query.language == ENGLISH or not _ASKING_RUNS.search(query.text):
        return left
    naming = set(terms(_ASKING_RUNS.sub(" ", query.text), query.language))
    return {term: weight for term, weight in left.items() if term in naming}


def logistic(logit: float) -> float:
    """Return the probability in [0, 1] that a logit stands for."""
    return (1 + math.tanh(logit / 2)) / 2


@cache
def asking_terms(language: Language = ENGLISH) -> frozenset[str]:
    """Return the terms that ask and name nothing."""
    words = _ASKING if language == ENGLISH else f"{_ASKING} {_ASKING_ELSEWHERE}"
    return frozenset(terms(words, language))
