"""What whoever passed a message on said that it is about: it decides where the words leave that open."""

from collections.abc import Mapping, Sequence, Set

from config.schema import City
from core.decision import ELSEWHERE, OWNER, SURE, Finding
from core.message import Message

# As sure as a word that speaks for it, and less than several.
_HINTED = 0.85
_BECAUSE = "whoever passed it on says so"
# From here on a topic that only some may read is not hidden behind another one.
_CONFIDENTIAL = 0.5
_UNSURE = 0.5

Findings = Mapping[str, tuple[Finding, ...]]


class Hints:
    """Takes hints among the findings of the classifiers, as findings like theirs; unknown ones are passed over."""

    def __init__(self, city: City, confidential: Set[str]) -> None:
        self._topics = {topic.id for topic in city.topics}
        self._secret = {topic.id for topic in city.topics if topic.kind in confidential}
        self._districts = {name: one.id for one in city.districts for name in (one.id, one.code)}

    def taken(self, message: Message, findings: Findings) -> Findings:
        topic, district = message.topic_hint, self._districts.get(message.district_hint)
        found = dict(findings)
        if topic in self._topics:
            found["topic"] = self._with_topic(topic, found.get("topic", ()))
        if district is not None:
            found["district"] = _with_district(district, found.get("district", ()))
        return found

    def _with_topic(self, topic: str, found: Sequence[Finding]) -> tuple[Finding, ...]:
        """Puts the topic first, unless the words are surer of another one, or of one that only some may read."""
        best = found[0] if found else None
        if best is not None and best.value != topic:
            enough = _CONFIDENTIAL if best.value in self._secret else _HINTED
            if best.confidence >= enough:
                return tuple(found)
        said = next((one.confidence for one in found if one.value == topic), 0.0)
        others = [one for one in found if one.value != topic]
        confidence = max(_HINTED, said)
        lead = round(confidence - others[0].confidence, 4) if others else 1.0
        return Finding("topic", topic, confidence, _BECAUSE, lead), *others


def _with_district(district: str, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Settles what the words leave open; where they point elsewhere, both are listed."""
    owners = [one for one in found if one.value.startswith(OWNER)]
    named = [one for one in found if not one.value.startswith(OWNER)]
    is_sure = len(named) == 1 and named[0].confidence >= SURE
    if is_sure or any(one.value == ELSEWHERE for one in named):
        return tuple(found)
    if not named or any(one.value == district for one in named):
        return Finding("district", district, _HINTED, _BECAUSE), *owners
    listed = (*(one.value for one in named), district)
    return *(Finding("district", value, _UNSURE, _BECAUSE, 0.0) for value in listed), *owners
