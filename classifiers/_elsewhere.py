"""Addresses in other cities: what follows such a city's name belongs to it, as in 울산 남구 신정동."""

import re

from classifiers._particles import PARTICLES

_CITY = r"(?:광역시|특별자치시|특별자치도|특별시|자치도|시|도|군|구)"
_END = rf"(?=$| |청|{PARTICLES}(?:$| )|\d)"
# Words that end as parts of an address do: 친구, 혹시, 운동.
_NO_GU = (
    r"(?!친구|가구|입구|출구|야구|축구|농구|요구|연구|도구|기구|인구|항구|배구|창구|지구|호구|탁구|피구|당구|"
    r"[가-힣]{1,2}친구|[가-힣]{1,3}[입출]구|지역구|선거구|자치구|특구|(?!수지구)[가-힣]{1,3}지구)"
)
_NO_SI = (
    r"(?!혹시|다시|택시|즉시|잠시|역시|표시|몇시|공시|도시|지시|일시|임시|수시|당시|동시|게시|전시|감시|"
    r"무시|개시|예시|반드시|필시|[가-힣]*택시|"
    r"[가-힣]?도시|장군|해군|공군|육군|국군|적군)"
)
_NO_DONG = (
    r"(?!운동|이동|활동|행동|노동|아동|자동|공동|냉동|변동|감동|작동|출동|연동|진동|수동|유동|충동|소동|"
    r"협동|합동|가동|난동|파동|율동|선동|"
    r"고동|반동|발동|시동|요동|제동|태동|폭동|구동|기동|능동|주동|전동|부동|초동|[가-힣]{1,3}(?:운동|활동|"
    r"이동|노동|행동|아동))"
)
_ADDRESS = re.compile(
    rf"{_CITY}?(?: ?{_NO_SI}[가-힣]{{1,3}}(?:시|군)(?=$| |청|[가-힣]{{1,4}}[구읍면동]|{PARTICLES}(?:$| )))?"
    rf"(?: ?{_NO_GU}[가-힣]{{1,3}}구(?=$| |청|[가-힣]{{1,4}}\d?동|{PARTICLES}(?:$| )))?"
    rf"(?: ?{_NO_DONG}[가-힣]{{1,4}}\d{{0,2}}[동읍]{_END})?"
)
_LATIN_ADDRESS = re.compile(r"(?:city |si )?[a-z]+ ?(?:gu|dong|gun|myeon)(?= |$)")
_SUFFIX = re.compile(rf"{_CITY}?")
_ALONE = re.compile(rf"{_CITY}(?:청|{PARTICLES})*")
_BARE = re.compile(
    r"(?:에서|에서는|에는|에|의|은|는|으로|로|까지|부터|쪽|살|사는|사람|시민|역|에선|에서도|인데|인데요|"
    r"입니다|이에요|이고|도|랑|이랑|과|와|보다|처럼|말고|행)*"
)
# 전주 is a utility pole, 시흥 a part of 금천구, 화성 Mars: only with an address behind them do they name a city.
_ONLY_WITH_ADDRESS = frozenset(
    {"시흥", "전주", "진주", "공주", "화성", "양주", "안동", "구미", "김제", "상주", "마산", "부평", "광교", "송도"}
)
# 경기 is a match, 구리 copper, 오산 a mistake: without a particle of place they name no city.
_ONLY_WITH_PARTICLE = frozenset(
    {"구리", "경기", "오산", "이천", "광양", "나주", "안성", "사천", "여주", "광명", "예산", "남원"}
)
_LONGEST_END = 16
_LATIN_OR_HAN = re.compile(r"[a-z\u3040-\u30ff\u3400-\u9fff]")


def address_after(after: str) -> str:
    """Returns the parts of an address that stand right behind a city's name, "" when there are none."""
    match = _ADDRESS.match(after) if not after[:1].isascii() or after[:1] == " " else _LATIN_ADDRESS.match(after)
    found = match.group() if match else ""
    return "" if _SUFFIX.fullmatch(found.strip()) else found


def is_elsewhere(surface: str, rest: str) -> bool:
    """Whether a city's name without a further address names the city."""
    if len(rest) > _LONGEST_END:
        return False
    if _LATIN_OR_HAN.match(surface):
        return not rest or not rest.isascii()
    if _ALONE.fullmatch(rest) or (surface[-1] in "시도군구" and _BARE.match(rest)):
        return True
    if surface in _ONLY_WITH_ADDRESS:
        return False
    if surface in _ONLY_WITH_PARTICLE:
        return rest[:1] in ("에", "까", "시") and _BARE.fullmatch(rest) is not None
    return _BARE.fullmatch(rest) is not None
