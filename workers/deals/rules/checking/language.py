"""The check reads English. What it cannot read is said to be unread, and never passes as true.

A sentence is taken for English by its small words: those that other European languages share are in no list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from workers.deals.rules.checking.claims import Issue, Sentence
from workers.deals.rules.facts import Facts

KIND: Final = "not_checked"
FEW: Final = 3  # words in small letters; a shorter line is a greeting, a name or a list
_OURS: Final = """
    the and of at to with for from by you your yours our us we it its this that these those there here they them
    their is are was were has have had been being not but or if when what which who how where why whether can
    could would should may might must shall do does did please thank thanks let know see each every both all any
    some more most much many than then up out off over into about after before during between under near only
    also just very too as be my me he she his her one two three four five six seven eight nine ten month months
    monthly week weekly day daily hour hours year rent rents room rooms meeting parking dog dogs pet pets
    allowed welcome offers offer includes included costs cost charges available located office space spaces
    access kitchen card cards notice free visit tour tours works open fits takes host deposit regards best kind
    warm sincerely cheers hello hi dear soon happy great good sorry yes afraid give look need find
"""
ENGLISH: Final = frozenset(_OURS.split())
_THEIRS: Final = """
    der die das den dem des ein eine einen einer und oder aber nicht kein keine mit für auf von zu zum zur ist sind wird
    werden haben hat sie ich wir ihr ihre uns im pro bei auch sehr gibt können le la les un une du au aux et ou est sont
    avec pour par sur dans vous nous je il elle ils ce cette ces votre vos notre pas très il ya el los las una unos y es
    son con para por en que del al su sus lo se muy hay tiene como il gli lo uno di da che per sono nel della dei
    ha hanno molto het een en van voor niet zijn wordt heeft kunnen ook bij naar os um uma em não são tem och att
    det som är på med till för inte og af til ikke jest nie się na do z w czy są lub dla
"""
FOREIGN: Final = frozenset(_THEIRS.split()) - ENGLISH
ARTICLES: Final = frozenset(("a", "an"))  # others have them, too: they count where nothing else does
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def check(sentence: Sentence, facts: Facts) -> Iterator[Issue]:  # noqa: ARG001 - the shape of all checks
    if not is_readable(sentence):
        reason = "is not in English, as far as can be seen; nothing of it was checked, read it yourself"
        yield Issue(KIND, sentence.text, "email_drafts.finalBody", reason, fails=False)


def is_readable(sentence: Sentence) -> bool:
    """Whether it is English, or too little to claim anything. Names of spaces are of no language."""
    words = _WORD.findall(_without_names(sentence))
    if sum(len(each) for each in words if not each[0].isascii()) * 2 > sum(map(len, words)):
        return False
    plain = [each.lower() for each in words if each.islower() or not each.replace("’", "").isascii()]
    english = sum(each.lower() in ENGLISH for each in words)
    foreign = sum(each.lower() in FOREIGN for each in words)
    return foreign <= english and (english > 0 or len(plain) < FEW or not ARTICLES.isdisjoint(plain))


def _without_names(sentence: Sentence) -> str:
    text = sentence.text
    for start, end, _ in reversed(sentence.mentions):
        text = f"{text[:start]} {text[end:]}"
    return text
