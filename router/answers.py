"""Whether a question may be answered by itself, and with which words."""

from config.schema import Faq
from core.decision import CONFIDENTIAL, Answer
from core.personal import names_somebody
from core.reply import Style
from core.scripts import speaks_twice
from router.view import View

# From here on it may be happening now; what is only spoken of may be answered.
_URGENT = 0.7
# From here on it may be a matter that only some may read.
_CONFIDENTIAL = 0.5


def why_not(view: View) -> str:
    """Returns why the question that was found is not answered by itself; "" when it may be."""
    faq = view.faq
    if faq is None:
        return "no question was found"
    if not faq.verified:
        return "nobody has checked this answer yet"
    if faq.valid_from and view.day < faq.valid_from:
        return f"the answer holds from {faq.valid_from} on"
    if faq.valid_until and view.day > faq.valid_until:
        return f"the answer held until {faq.valid_until}"
    return _why_a_person(view)


def words(faq: Faq, language: str, style: Style) -> Answer:
    """Returns the answer in the citizen's language, English for languages that we have no words in."""
    if language == "ko" or faq.en is None:
        return Answer(faq=faq.id, version=faq.version, text=faq.short if style.short else faq.answer, language="ko")
    text = faq.en.short if style.short and faq.en.short else faq.en.answer
    return Answer(faq=faq.id, version=faq.version, text=text, language="en")


def _why_a_person(view: View) -> str:
    if view.findings.get("auto"):
        return "a machine wrote it"
    if view.confidential:
        return "confidential matters are never answered by a machine"
    if any(finding.confidence >= _URGENT for finding in view.findings.get("urgent", ())):
        return "emergencies are never answered by a machine"
    if any(f.value in CONFIDENTIAL and f.confidence >= _CONFIDENTIAL for f in view.findings.get("kind", ())):
        return "it may be a confidential matter"
    if view.findings.get("abuse"):
        return "to somebody who is angry a machine's answer is mockery"
    if names_somebody(view.message.whole):
        return "it is about a person"
    if speaks_twice(view.message.whole):
        return "a part of it is in another language"
    return ""
