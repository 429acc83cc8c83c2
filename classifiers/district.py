"""Which district a message is about: by the names in the text, else, unsure, by its coordinates."""

from collections.abc import Iterable, Sequence
from math import asin, cos, radians, sin, sqrt

from classifiers._gazetteer import Gazetteer, Mention
from classifiers._names import Says
from classifiers._speech import speech_of
from classifiers._text import Reading, quote, reading_of
from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Location, Message

ELSEWHERE = "elsewhere"
_UNSURE = 0.5
# No point of the city is farther from the nearest district office.
_CITY_KM = 12.0
_EARTH_KM = 6371.0

Verdict = tuple[tuple[str, ...], float]


class District(Classifier):
    """Finds the district, "elsewhere" for another city, and "owner:<id>" for a place that a department looks after.

    One district with at least 0.8 is sure. What cannot be told apart is listed, each 0.5 with lead 0: never guessed.
    """

    def __init__(self, city: City) -> None:
        self._gazetteer = Gazetteer(city)
        self._offices = [(district.id, Location(district.lat, district.lon)) for district in city.districts]

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [self._findings(reading_of(message), message.location) for message in messages]

    def _findings(self, reading: Reading, location: Location | None) -> tuple[Finding, ...]:
        mentions = self._gazetteer.mentions(reading)
        if not mentions:
            return self._by_location(location) if location else ()
        away = [mention for mention in mentions if not mention.home]
        used = away or mentions
        districts, confidence = _settle(used)
        if not away:
            confidence = min(confidence, 0.85 if speech_of(reading).place else 0.7)
        if not districts and location:
            return self._by_location(location)
        if len(districts) > 1 and location:
            districts, confidence = self._nearest(districts, location, confidence)
        findings = _listed(districts, confidence, quote([mention.surface for mention in used]))
        return tuple(sorted((*findings, *_owners(used)), key=lambda finding: -finding.confidence))

    def _by_location(self, location: Location) -> tuple[Finding, ...]:
        if not self._offices:
            return ()
        far, nearest = min((_kilometres(location, office), district) for district, office in self._offices)
        because = f"coordinates, {far:.1f} km from the nearest district office"
        return _listed((nearest if far <= _CITY_KM else ELSEWHERE,), _UNSURE, because)

    def _nearest(self, districts: tuple[str, ...], location: Location, confidence: float) -> Verdict:
        """Settles a name that several districts share where the coordinates are clearly beside one of them."""
        ways = sorted((_kilometres(location, office), d) for d, office in self._offices if d in districts)
        if len(ways) > 1 and ways[0][0] * 2 < ways[1][0] and ways[0][0] < _CITY_KM / 2:
            return (ways[0][1],), 0.8
        return districts, confidence


def _settle(mentions: Sequence[Mention]) -> Verdict:
    """Returns the districts that the names leave, and how sure that is."""
    foreign = [mention for mention in mentions if mention.says is Says.ELSEWHERE]
    ours = [mention for mention in mentions if mention.districts]
    named = _districts(mention for mention in ours if mention.says is Says.DISTRICT)
    if any(mention.strong for mention in foreign):
        return ((ELSEWHERE,), 0.9) if not named else ((*named, ELSEWHERE), _UNSURE)
    if not ours:
        return ((ELSEWHERE,), _UNSURE) if foreign else ((), 0.0)
    if len(named) > 1:
        return named, _UNSURE
    inside = [mention for mention in ours if mention.says is Says.INSIDE]
    if named:
        strange = _districts(mention for mention in inside if named[0] not in mention.districts)
        return ((*named, *strange), _UNSURE) if strange else (named, 0.97)
    return _settle_inside(inside, [mention for mention in ours if mention.says > Says.INSIDE])


def _settle_inside(inside: Sequence[Mention], hints: Sequence[Mention]) -> Verdict:
    if not inside:
        return _common(hints) or _districts(hints), _UNSURE
    common = _common(inside)
    if not common:
        return _districts(inside), _UNSURE
    if len(common) > 1:
        hinted = _districts(hints)
        common = tuple(district for district in common if district in hinted) or common
    return common, (0.9 if len(common) == 1 else _UNSURE)


def _districts(mentions: Iterable[Mention]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(district for mention in mentions for district in mention.districts))


def _common(mentions: Sequence[Mention]) -> tuple[str, ...]:
    first, *others = (mention.districts for mention in mentions)
    return tuple(district for district in first if all(district in other for other in others))


def _listed(districts: Sequence[str], confidence: float, because: str) -> tuple[Finding, ...]:
    if len(districts) > 1:
        return tuple(Finding("district", value, min(confidence, _UNSURE), because, lead=0.0) for value in districts)
    lead = 0.0 if confidence <= _UNSURE else 1.0
    return tuple(Finding("district", value, confidence, because, lead=lead) for value in districts)


def _owners(mentions: Iterable[Mention]) -> tuple[Finding, ...]:
    owned = {mention.owner: mention for mention in mentions if mention.owner}
    confidence = 0.9 if len(owned) == 1 else _UNSURE
    lead = 1.0 if len(owned) == 1 else 0.0
    return tuple(
        Finding("district", f"owner:{owner}", confidence, because=f"'{mention.surface}'", lead=lead)
        for owner, mention in owned.items()
    )


def _kilometres(one: Location, other: Location) -> float:
    """Returns the great-circle distance."""
    lat, lon = radians(other.lat - one.lat), radians(other.lon - one.lon)
    chord = sin(lat / 2) ** 2 + cos(radians(one.lat)) * cos(radians(other.lat)) * sin(lon / 2) ** 2
    return 2 * _EARTH_KM * asin(min(1.0, sqrt(max(chord, 0.0))))
