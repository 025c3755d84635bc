"""Irregular forms of English words, which a stemmer takes for words of their own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_FORMS: Final = """
arise arose arisen|bear bore borne|beat beaten|become became|begin began begun|bend bent|bind bound
bite bit bitten|bleed bled|blow blew blown|break broke broken|breed bred|bring brought|build built
burn burnt|buy bought|catch caught|choose chose chosen|come came|creep crept|deal dealt|dig dug
do did done|draw drew drawn|dream dreamt|drink drank drunk|drive drove driven|eat ate eaten
fall fell fallen|feed fed|feel felt|fight fought|find found|flee fled|fly flew flown
forbid forbade forbidden|forget forgot forgotten|forgive forgave forgiven|freeze froze frozen
give gave given|go went gone|grow grew grown|hang hung|hear heard|hide hid hidden|hold held
keep kept|know knew known|lay laid|lead led|learn learnt|leave left|lend lent|lie lay lain
lose lost|make made|mean meant|meet met|pay paid|ride rode ridden|ring rang rung|rise rose risen
run ran|say said|see saw seen|seek sought|sell sold|send sent|shake shook shaken|shine shone
shoot shot|show shown|shrink shrank shrunk|sing sang sung|sink sank sunk|sit sat|sleep slept
speak spoke spoken|spend spent|spin spun|spread spread|stand stood|steal stole stolen|stick stuck
strike struck stricken|swear swore sworn|sweep swept|swim swam swum|take took taken
teach taught|tear tore torn|tell told|think thought|throw threw thrown|understand understood
wake woke woken|wear wore worn|weave wove woven|win won|wind wound|withdraw withdrew withdrawn
write wrote written|overtake overtook overtaken|undertake undertook undertaken|rebuild rebuilt
man men|woman women|child children|person people|foot feet|tooth teeth|mouse mice|goose geese
ox oxen|wife wives|life lives|wolf wolves|knife knives|half halves|shelf shelves|leaf leaves
thief thieves|loaf loaves|better good best|bad worse worst|old older oldest|big bigger biggest
large larger largest|small smaller smallest|wide wider|deep deeper|tall taller tallest
"""
BASIC: Final[Mapping[str, str]] = MappingProxyType(
    {
        form: forms.split()[0]
        for forms in _FORMS.replace("\n", "|").split("|")
        for form in forms.split()
    }
)
"""Irregular forms, each with its basic one."""
