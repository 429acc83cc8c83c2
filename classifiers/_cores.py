"""What a question comes down to: the text without greetings, thanks and polite tails."""

import re
from collections.abc import Iterable

from classifiers._text import Reading, read

# Folding turns ㅋㅋ and ㅠㅠ into the conjoining letters of U+1100 to U+11FF.
_POLITE = re.compile(
    r"안녕\s?하(?:세요|십니까|세여)|수고\s?(?:하십니다|하세요|많으(?:십니다|세요)|가?\s?많으십니다)|반갑습니다|실례합니다|"
    r"(?:문의|질문)\s?(?:좀\s?)?(?:드립니다|드려요|드려봅니다|합니다|해요|할게요|있습니다|있어요)|여쭤\s?(?:봅니다|볼게요)|"
    r"궁금(?:합니다|해요|해서요|한데요|하네요)|(?:알려|가르쳐)\s?(?:주세요|주십시오|주실\s?수\s?있나요|줘요?)|"
    r"알고\s?싶(?:습니다|어요|은데요)|(?:답변|안내|회신)\s?(?:부탁\s?(?:드립니다|드려요|합니다)|바랍니다|주세요)|"
    r"부탁\s?(?:드립니다|드려요|합니다)|감사\s?(?:합니다|해요|드립니다)|고맙습니다|혹시|저기요|[\u1100-\u11ff]+|"
    r"\b(?:hello|hi|dear sir|please|thanks?|thank you|excuse me)\b"
)
_PARTICLE = re.compile(r"(?<=[^ ][^ ])(?:에서는|에서|은|는|이|가|을|를|의|도|로|으로|요|좀)(?= |\Z)")


def core(text: str) -> Reading:
    """Returns the reading of a text without greetings, thanks and polite tails."""
    return read(_POLITE.sub(" ", read(text).spaced))


def cores(texts: Iterable[str]) -> tuple[Reading, ...]:
    """Returns the cores of texts, those that come down to the same only once."""
    found = {reading.tight: reading for reading in map(core, texts) if reading.words}
    return tuple(found.values())


def keys(core: Reading) -> tuple[str, str]:
    """Returns what two spellings of the same question share: without blanks; without particles too."""
    return core.tight, "~" + _PARTICLE.sub("", " ".join(core.words)).replace(" ", "")
