"""Denials and opposites: words by which one sentence says what another one does not."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from indexes.lexical import terms
from service.irregular import BASIC

# Either side's words are the opposites of the other side's.
_SIDES: Final = """
allow allowed permit permitted let authorise authorize entitled / forbid forbade forbidden prohibit prohibited ban banned bar barred disallow
legal lawful / illegal unlawful
accept accepted approve approved adopt adopted pass passed grant granted uphold upheld / reject rejected refuse refused decline declined dismiss dismissed deny denied overturn
increase increased rise rose risen raise raised grow grew grown growth gain gained climb climbed expand expanded improve improved enlarge enlarged / decrease decreased fall fell fallen lower lowered shrink shrank drop dropped decline declined reduce reduced reduction cut lose lost worsen worsened
higher / lower
highest / lowest
high / low
open opened opening reopen / close closed closing shut
start started begin began begun starting beginning launch launched commence / end ended stop stopped finish finished cease ceased ending discontinue
enable enabled activate activated / disable disabled deactivate deactivated
add added introduce introduced include included / remove removed drop dropped exclude excluded delete deleted omit omitted except
include includes including / exclude excludes excluding
cover covered / exclude excluded
win won beat defeat defeated / lose lost
victory win / defeat loss
succeed succeeded success successful / fail failed failure
buy bought purchase purchased acquire acquired / sell sold
import imported / export exported
arrive arrived arrival / leave left depart departed departure
enter entered entrance entry / exit leave left
join joined / leave left
come / go
hire hired appoint appointed employ / dismiss dismissed fire fired sack sacked resign resigned
build built construct constructed create created erect / demolish demolished destroy destroyed
support supported favour favor / oppose opposed against
agree agreed / disagree disagreed
like liked love loved praise praised / dislike disliked hate hated criticise criticised criticize
remember remembered / forget forgot forgotten
find found / lose lost
push / pull
mandatory compulsory obligatory required must / optional voluntary
possible / impossible
able can / unable cannot
safe / unsafe dangerous hazardous harmful
true correct right / false incorrect wrong untrue
healthy / unhealthy
known / unknown
public / private secret
free / paid
cheap cheaper cheapest / expensive dearer costly
early earlier earliest / late later latest
above over / below under beneath underneath
inside indoors indoor / outside outdoors outdoor
upper / lower
top / bottom
front / back rear
north northern / south southern
east eastern / west western
more / less fewer
most / least fewest
many much / few little
larger bigger greater / smaller
largest biggest greatest / smallest
large big huge / small tiny little
long longer longest / short shorter shortest
lengthen extend extended / shorten shortened
tall taller tallest / short shorter shortest
old older oldest / young younger youngest
old older oldest ancient / new newer newest modern
thick thicker / thin thinner
wide wider broad / narrow narrower
deep deeper / shallow shallower
heavy heavier heaviest / light lighter lightest
strong stronger strongest strengthen / weak weaker weakest weaken
fast faster fastest quick quicker quickly / slow slower slowest slowly
hot hotter warm warmer / cold colder cool cooler
wet / dry
full / empty low
low / full
hard harder / soft softer easy easier
easy easier simple / difficult harder complicated
rich / poor
good better best / bad worse worst
first / last
maximum max / minimum min
majority / minority
always / never
often usually frequently frequent regularly / rarely seldom infrequent hardly
common / rare
all every everyone everybody everything / none nobody nothing
both / neither
temporary temporarily / permanent permanently
automatic automatically / manual manually
internal / external
domestic / foreign
import / export
positive / negative
active / inactive passive
direct / indirect
odd / even
single / married
alive living / dead
born birth / died death
male man men boy boys / female woman women girl girls
father / mother
son / daughter
brother / sister
husband / wife
king / queen
adult adults / child children
day daytime / night nighttime
morning / evening
noon / midnight
summer / winter
spring / autumn fall
weekday weekdays / weekend weekends
urban / rural
liquid / solid
acid / alkaline
freeze frozen / thaw melt
locked lock / unlocked unlock
visible / invisible hidden
present / absent
absence / presence
loud / quiet silent
clean / dirty
single / double
half / double
once / twice
similar same alike / different
guilty convicted / innocent acquitted
strengths / weaknesses
advantage benefit / disadvantage drawback
profit / loss
asset assets / liability liabilities
income revenue / expense expenses
credit / debit
supply / demand
cause caused causes / prevent prevented prevents
protect / endanger
attack / defend
war / peace
friend ally / enemy
confirm confirmed / deny denied
show reveal / hide conceal
keep kept retain retained / discard discarded abandon abandoned drop
stay stayed remain remained / leave left
attract / repel
ascend / descend
absorb / emit
connect connected attach attached / disconnect disconnected detach detached separate
install installed / uninstall uninstalled remove
encrypt / decrypt
upload / download
read / write
input / output
sender / recipient
landlord / tenant
buyer purchaser customer / seller vendor supplier
plaintiff / defendant
creditor / debtor
lender / borrower
despite / because
already / yet
only / also
seek sought / avoid avoided shun
allow allowed uphold upheld / dismiss dismissed
prove / disprove
proved prove / disproved disprove
necessary / unnecessary
advance advanced / retreat retreated
ratify ratified / repeal repealed
encourage encouraged / discourage discouraged
trust / distrust
appear appeared / disappear disappeared vanish vanished
continue continued continues / stop stopped discontinue discontinued
occupied / vacant
broad / narrow
sunrise / sunset
lit / unlit
voids void invalid / valid
insured / uninsured
raw / cooked
recommend recommended advise advised / discourage discouraged
reversible / irreversible
renewable / nonrenewable
voluntary / compulsory
"""
_NEGATORS: Final = frozenset(
    (
        "not", "no", "never", "none", "nor", "neither", "nobody", "nothing", "nowhere", "without",
        "cannot", "hardly", "unable", "except",
    )
)  # fmt: skip
_SHORT: Final = re.compile(r"n['\u2019]t\Z")
# What says `not` by its own meaning.
_REFUSING: Final = frozenset(
    (
        "avoid", "avoids", "avoided", "lack", "lacks", "lacked", "fail", "fails", "failed", "refuse",
        "refused", "refuses", "exempt", "waive", "waived", "deny", "denied", "denies", "prevent",
        "prevents", "prevented", "except", "exclude", "excluded", "excludes", "free", "forbid",
        "forbids", "forbade", "forbidden", "prohibit", "prohibits", "prohibited", "ban", "banned",
        "bans", "reject", "rejected", "rejects", "decline", "declined", "stop", "stopped", "stops",
        "absent", "missing", "drop", "drops", "dropped", "remove", "removed", "removes", "unless",
        "until", "instead", "unknown", "unaware", "closed", "off", "disable", "disabled",
        "ended", "ends", "cease", "ceased", "unlike", "rather", "few", "little", "rarely", "seldom",
        "void", "voids", "invalid", "suspend", "suspended", "cancelled", "cancel", "halted", "postponed", "interrupted", "otherwise",
        "else", "last", "already", "refrain", "abolished",
        "abolish", "out", "just", "untouched", "unchanged", "same", "stays", "stay", "remain",
        "remains", "zero", "away", "abandoned", "impossible", "empty", "outside", "gone",
    )
)  # fmt: skip
# `not only`, `no later than` and the like deny nothing.
_NO_DENIAL: Final = {
    "not": frozenset(
        ("only", "just", "merely", "until", "less", "more", "later", "earlier", "fewer", "least")
    ),
    "no": frozenset(
        ("later", "earlier", "more", "less", "fewer", "matter", "doubt", "1", ",", ".")
    ),
}
# `not before noon`, `do not take more than six`: a limit, and no denial.
_LIMITS: Final = frozenset(
    ("until", "before", "more", "less", "fewer", "later", "earlier", "unless", "exceed")
)
_MOST_IN_SCOPE: Final = 6
_PREFIXES: Final = ("un", "non", "in", "im", "il", "ir", "dis")
_FORMED: Final = re.compile(
    r"(?:able|ible|ent|ant|al|ive|ate|ect|ite|ary|ular|ained|ed|ly|ful|ous|ing|ify|ate|y)\Z"
)
_NOT_FORMED: Final = frozenset(
    (
        "inform", "information", "inside", "include", "included", "increase", "increased", "income",
        "important", "import", "imported", "impress", "impressed", "improve", "improved", "immediate",
        "invest", "invested", "intent", "intend", "intended", "instance", "install", "installed",
        "inspired", "inspire", "indeed", "industry", "invite", "invited", "inland", "intensive",
        "discover", "discovered", "discount", "discounted", "display", "displayed", "dispose",
        "disposed", "distant", "disease", "distance", "uniform", "united", "unity", "unit", "union",
        "under", "until", "unless", "universal", "unite", "irate", "iron", "intact", "infected",
        "imposed", "impose", "implied", "imply", "inhabited", "inscribed", "insured", "inclined",
        "induced", "informed", "invented", "involved", "inflated", "infamous", "invaluable",
        "dispatched", "disposable", "distract", "distribute", "distributed", "impart", "impending",
        "indented", "inherent", "initial", "interested", "internal", "international", "illustrate",
    )
)  # fmt: skip
_LEAST_STEM: Final = 4


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return the stem of an English word, the word itself where it is one of the commonest."""
    found = terms(BASIC.get(word.lower(), word))
    return found[0] if found else word.lower()


def _table(*, opposed: bool) -> Mapping[str, frozenset[str]]:
    """Return, for each stem, those of the other side of its lines, or else those of its own."""
    found: dict[str, set[str]] = {}
    for line in _SIDES.strip().split("\n"):
        one, _, other = line.partition("/")
        for left, right in ((one, other), (other, one)):
            for word in left.split():
                side = right if opposed else left
                found.setdefault(stem(word), set()).update(map(stem, side.split()))
    return MappingProxyType({word: frozenset(others - {word}) for word, others in found.items()})


_OPPOSITES: Final = _table(opposed=True)
_ALLIES: Final = _table(opposed=False)


def opposites(word: str) -> frozenset[str]:
    """Return the stems of the opposites that are known of a stem."""
    return _OPPOSITES.get(word, frozenset())


def allies(word: str) -> frozenset[str]:
    """Return the stems that have the same opposites as a stem."""
    return _ALLIES.get(word, frozenset())


def formed_against(word: str, others: Collection[str]) -> str | None:
    """Return the word among `others` that a syllable turns into this one or the reverse.

    `unsafe` and `safe` are such words, `discover` and `cover` are not.
    """
    for bare, whole in _formed(word):
        if bare in others and whole not in others:
            return bare
    return None


@lru_cache(maxsize=20_000)
def _formed(word: str) -> tuple[tuple[str, str], ...]:
    """Return the words that this one may be the opposite of by its form, each beside itself."""
    found = []
    for prefix in _PREFIXES:
        bare = word.removeprefix(prefix).lstrip("-")
        if (
            bare != word
            and len(bare) >= _LEAST_STEM
            and word not in _NOT_FORMED
            and _FORMED.search(bare)
        ):
            found.append((bare, word))
        longer = f"{prefix}{word}"
        if len(word) >= _LEAST_STEM and longer not in _NOT_FORMED and _FORMED.search(word):
            found.append((longer, word))
    for one, other in (("less", "ful"), ("ful", "less")):
        if word.endswith(one):
            found.append((word.removesuffix(one) + other, word))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Denied:
    """The places of words that deny, and of those that are denied by them.

    `limits` are words such as `before` that a denial turns into a limit: not before noon.
    """

    by: frozenset[int] = frozenset()
    inside: frozenset[int] = frozenset()
    limits: frozenset[str] = frozenset()


def denied(words: Sequence[str], segments: Sequence[int]) -> Denied:
    """Return what is denied, and by which words.

    `words` are in small letters, `segments` the number of the clause that each is in: a denial
    reaches to the end of its clause, and back over it where nothing comes behind.
    """
    denying, inside, limited = set[int](), set[int](), set[str]()
    for at, word in enumerate(words):
        if not is_negator(word):
            continue
        after = words[at + 1] if at + 1 < len(words) else "."
        if after in _NO_DENIAL.get(word, ()) or (
            word == "no" and at == 0 and segments[1:2] != segments[:1]
        ):
            continue
        denying.add(at)
        reach = [
            place
            for place in range(at + 1, min(at + 1 + 2 * _MOST_IN_SCOPE, len(words)))
            if segments[place] == segments[at]
        ][:_MOST_IN_SCOPE]
        clause = {
            one for one, of in zip(words[at:], segments[at:], strict=True) if of == segments[at]
        }
        if limits := clause & _LIMITS:
            denying.discard(at)
            limited.update(limits)
            continue
        if not any(len(words[place]) > 2 for place in reach):  # noqa: PLR2004 # nothing but small words
            reach = [place for place in range(at) if segments[place] == segments[at]]
        inside.update(reach)
    return Denied(frozenset(denying), frozenset(inside), frozenset(limited))


def is_negator(word: str) -> bool:
    """Tell whether a word in small letters denies what comes next."""
    return word in _NEGATORS or _SHORT.search(word) is not None


_STRONGLY: Final = frozenset(
    stem(word)
    for word in [
        "avoid",
        "lack",
        "refuse",
        "exempt",
        "waive",
        "deny",
        "prevent",
        "exclude",
        "forbid",
        "prohibit",
        "ban",
        "reject",
        "refrain",
        "suspend",
        "cancel",
    ]
)


def refuses_strongly(word: str) -> bool:
    """Tell whether a stem says that what it goes with is not so."""
    return word in _STRONGLY


def refuses(word: str) -> bool:
    """Tell whether a word may stand in the place of a denial."""
    return word in _REFUSING
