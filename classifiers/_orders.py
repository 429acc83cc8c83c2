"""Orders told by their endings, whatever the verb: "뚫어주이소", "치아라", "철회하세요", "세워야 하지 않겠습니까"."""

import re

# Who wants to be told something asks.
_TOLD = ("알려", "갈켜", "갈쳐", "가르쳐", "말씀해", "답변해", "안내해", "설명해", "확인시켜")
_NOT_TOLD = "".join(f"(?<!{word})(?<!{word} )" for word in _TOLD)
_NOT_TOLD_POLITELY = "".join(f"(?<!{word}주)(?<!{word} 주)" for word in _TOLD)
_VOWEL = "해|아|어|여|와|워|려|춰|켜|쳐|써|내|봐|둬|놔"
_GIVING = (
    "셔요|시죠|시지요|줍서|세용|세여|십쇼|쇼|이소|소서|셈|삼|심|시오|구려|면 (?:감사|고맙|좋)|시고|셨음|세염|라고|여라"
)
_ORDERS = (
    # What must follow is looked for first: the looks back, many and slow, are then seldom needed.
    rf"[가-힣] ?(?=[주줘달]){_NOT_TOLD}(?:주|줘|달라)(?:{_GIVING})",
    rf"(?:{_VOWEL}|궈|꿔) ?주소(?=[.!~ ]*\Z)",
    rf"(?<!알)(?<!르)(?:{_VOWEL})줘(?:잉|욤|여|용)?\b",
    r"[가-힣](?:지|질) ?(?:마|말)(?:세요|십시오|라|아|시|길|아라|것)",
    r"[가-힣]셔야 ?(?:하|되|됩|돼|합|할)|줍서|반대합니다|반대해요|결사반대|절대 ?반대",
)
_AT_END = (
    rf"[가-힣](?=십시오){_NOT_TOLD_POLITELY}십시오",
    rf"[가-힣](?<!더)(?<!이)(?:{_VOWEL}|꿔|껴|리|겨)라(?:고|니까|구요|고요)?",
    r"읍시다|[가-힣]합시다|도록 (?:해|하|조치|부탁)|게 (?:해|하) ?(?:주|줘|라|달)",
    r"[어아해]야 (?:하지|되지|할|될) ?(?:않|것|거|듯)|[어아해]야 (?:합니다|됩니다)|[어아해]야(?:죠|지)",
)
_HARD = r"(?:시급|절실|급선무|긴급히|시정|철회|폐지|징계|처벌|엄벌|파면|원상 ?복구|재발 ?방지)"
_DEED = r"(?:조치|처리|답변|해결|개선|대책|결과|단속|수리|보수)"
_WANTED = (
    rf"{_HARD}[가-힣]{{0,3}} ?(?:합니다|해요|하다|하라|하세요|하십|바랍|바라|원합|원해|요구|요청|촉구|부탁|대책|해야)",
    rf"{_DEED}[가-힣]{{0,2}} ?(?:을 |를 )?(?:기다리겠|기대하겠|기대합|촉구|바람|바래|바라|요망|원합)",
)
_ORDER = re.compile("|".join((*_ORDERS, rf"(?:{'|'.join(_AT_END)})(?= |[.!~]|\Z)", *_WANTED)))
# Only where nothing is asked: "어디로 가세요" and "번호 좀" order nothing.
_GREETINGS = ("안녕하", "수고하", "계", "되", "많으", "보내", "있으", "이", "힘내", "건강하", "고 가")
_THINGS_TOLD = (
    *("방법", "번호", "연락처", "주소", "위치", "가격", "요금", "안내", "설명", "문의", "기간", "기한", "시간", "절차"),
    *("서류", "사이트", "링크", "이름", "정보", "곳", "데", "법", "질문", "답변"),
)
_SOFT_ORDER = re.compile(
    rf"[가-힣](?=세요){''.join(f'(?<!{word})' for word in _GREETINGS)}세요[!.~ ]*\Z"
    rf"|(?= 좀){''.join(f'(?<!{word})' for word in _THINGS_TOLD)} 좀(?:요|여|욤|용|유|!)?[!.~ ]*\Z"
)
# "냄새가 나요" ends like a question.
_TELLS = re.compile(
    r"(?:냄새|소리|연기|불|열|악취|먼지|소음|물|화|짜증|기름|녹물|사고|고장|피)(?:가|이|도)? ?(?:[가-힣]+ )?나요"
)


def ordered(text: str, *, asks: bool) -> str:
    """Returns the words that order something, "" for none; `asks` where a question is asked beside them."""
    found = _ORDER.search(text) or (None if asks else _SOFT_ORDER.search(text))
    return found.group() if found else ""


def tells(text: str) -> bool:
    """Says whether something is told in words that end like a question."""
    return _TELLS.search(text) is not None
