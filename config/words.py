"""The shape of words.toml: what citizens read."""

from config.fields import Text
from core.settings import Settings


class Letter(Settings):
    """One outgoing text, by language; `{names}` are filled in. `short` is for SMS; `public` stands in place of both
    where others can read it, and says nothing of what the matter is about."""

    subject: str = ""
    text: Text
    short: str = ""
    public: str = ""
    subject_en: str = ""
    text_en: Text
    short_en: str = ""
    public_en: str = ""


class Templates(Settings):
    """words.toml: what citizens read. Which names each letter may use stands in cases/letters.py."""

    letters: dict[str, Letter]
    states: dict[str, str]
    """State to the word a citizen reads."""
    kinds: dict[str, str]
    triage_name: Text = "통합접수 담당(담당부서 확인 중)"
    triage_name_en: Text = "Integrated reception (department being confirmed)"
    triage_duty_phone: str = "120"
    """Whom to ring about an emergency that no queue has yet."""
    triage_duty_contact: str = ""
    """`channel:address` that is told at once of emergencies that no queue has yet; "" for nobody."""
