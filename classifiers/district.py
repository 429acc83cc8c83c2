"""Which district a message is about: by the names in the text and by its coordinates; when they disagree, both."""

from collections.abc import Iterable, Sequence

from classifiers._boundaries import ELSEWHERE, Map, Where
from classifiers._gazetteer import Gazetteer, Mention
from classifiers._names import Says
from classifiers._particles import AT_HOME
from classifiers._text import Reading, quote, reading_of
from classifiers.base import Classifier
from config.schema import City
from core.decision import SURE, Finding
from core.message import Location, Message

_UNSURE = 0.5
# Where the writer lives, with and without words that say that the matter is there.
_AT_HOME = 0.85
_HOME = 0.7
# A district by its name, or by one place inside of it; another city, beside which nothing of ours is named.
_NAMED, _INSIDE, _FOREIGN = 0.97, 0.9, 0.9
# The one department that looks after the places.
_OWNED = 0.9
# The text names a place, and the coordinates lie in it; or they choose among those that it names.
_AGREED = 0.97
_CHOSEN = 0.85

Verdict = tuple[tuple[str, ...], float]


class District(Classifier):
    """Finds the district, "elsewhere" for another city, and "owner:<id>" for a place that a department looks after.

    One district with at least 0.8 is sure. What cannot be told apart is listed, each 0.5 with lead 0: never guessed.
    """

    def __init__(self, city: City) -> None:
        self._gazetteer = Gazetteer(city)
        self._map = Map(city)

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [self._findings(reading_of(message), message.location) for message in messages]

    def _findings(self, reading: Reading, location: Location | None) -> tuple[Finding, ...]:
        where = self._map.where(location) if location else None
        mentions = self._gazetteer.mentions(reading)
        if not mentions:
            return _listed(where.districts, where.confidence, where.because) if where else ()
        away = [mention for mention in mentions if not mention.home]
        used = away or mentions
        verdict = _settle(used)
        if not away:
            verdict = verdict[0], min(verdict[1], _AT_HOME if AT_HOME.search(reading.spaced) else _HOME)
        because = quote([mention.surface for mention in used])
        if where:
            verdict = self._located(verdict, where, is_home=not away)
            because = f"{because}; {where.because}"
        findings = _listed(*verdict, because)
        return tuple(sorted((*findings, *_owners(used)), key=lambda finding: -finding.confidence))

    def _located(self, named: Verdict, where: Where, *, is_home: bool) -> Verdict:
        """Returns what names and coordinates say together: what both say, else all that either says."""
        districts, confidence = named
        if not districts or (is_home and confidence < SURE and where.is_exact):
            return where.districts, where.confidence
        if not where.is_exact:
            return self._roughly_located(named, where)
        common = tuple(district for district in districts if district in where.districts)
        if len(common) == 1:
            return common, _AGREED if len(districts) == 1 and confidence >= SURE else _CHOSEN
        return (common or tuple(dict.fromkeys((*districts, *where.districts)))), _UNSURE

    def _roughly_located(self, named: Verdict, where: Where) -> Verdict:
        """The same where only the nearest district office is known: it speaks against what is far away from it."""
        districts, confidence = named
        if len(districts) > 1:
            near = self._map.only_one_near(districts, where.location)
            return ((near,), SURE) if near else named
        if confidence >= SURE and self._map.may_be_at(districts[0], where):
            return named
        return tuple(dict.fromkeys((*districts, *where.districts))), min(confidence, _HOME)


def _settle(mentions: Sequence[Mention]) -> Verdict:
    """Returns the districts that the names leave, and how sure that is."""
    foreign = [mention for mention in mentions if mention.says is Says.ELSEWHERE]
    is_strong = any(mention.strong for mention in foreign)
    ours = [mention for mention in mentions if mention.districts]
    if not ours:
        return ((ELSEWHERE,), _FOREIGN if is_strong else _UNSURE) if foreign else ((), 0.0)
    named = _districts(mention for mention in ours if mention.says is Says.DISTRICT)
    inside = [mention for mention in ours if mention.says is Says.INSIDE]
    hints = [mention for mention in ours if mention.says > Says.INSIDE]
    if is_strong:
        firm = named or _districts(inside)
        return ((*firm, ELSEWHERE), _UNSURE) if firm else ((ELSEWHERE,), _FOREIGN)
    if named:
        return _settle_named(named, inside)
    districts, confidence = _settle_inside(inside, hints)
    # A market or a mountain of that name may stand in the other city.
    return ((*districts, ELSEWHERE), _UNSURE) if foreign else (districts, confidence)


def _settle_named(named: tuple[str, ...], inside: Sequence[Mention]) -> Verdict:
    if len(named) > 1:
        return named, _UNSURE
    strange = _districts(mention for mention in inside if named[0] not in mention.districts)
    return ((*named, *strange), _UNSURE) if strange else (named, _NAMED)


def _settle_inside(inside: Sequence[Mention], hints: Sequence[Mention]) -> Verdict:
    if not inside:
        return _common(hints) or _districts(hints), _UNSURE
    common = _common(inside)
    if not common:
        return _districts(inside), _UNSURE
    areas = [mention for mention in hints if mention.says is Says.AREA]
    hinted = _districts(hints)
    if len(common) > 1:
        common = tuple(district for district in common if district in hinted) or common
    elif areas and common[0] not in hinted:
        return (*common, *hinted), _UNSURE
    return common, (_INSIDE if len(common) == 1 else _UNSURE)


def _districts(mentions: Iterable[Mention]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(district for mention in mentions for district in mention.districts))


def _common(mentions: Sequence[Mention]) -> tuple[str, ...]:
    first, *others = (mention.districts for mention in mentions)
    return tuple(district for district in first if all(district in other for other in others))


def _listed(districts: Sequence[str], confidence: float, because: str) -> tuple[Finding, ...]:
    if len(districts) > 1:
        listed = min(confidence, _UNSURE)
        return tuple(Finding("district", value, listed, because, lead=0.0) for value in dict.fromkeys(districts))
    lead = 0.0 if confidence <= _UNSURE else 1.0
    return tuple(Finding("district", value, confidence, because, lead=lead) for value in districts)


def _owners(mentions: Iterable[Mention]) -> tuple[Finding, ...]:
    owned = {mention.owner: mention for mention in mentions if mention.owner}
    confidence = _OWNED if len(owned) == 1 else _UNSURE
    lead = 1.0 if len(owned) == 1 else 0.0
    return tuple(
        Finding("district", f"owner:{owner}", confidence, because=f"'{mention.surface}'", lead=lead)
        for owner, mention in owned.items()
    )
