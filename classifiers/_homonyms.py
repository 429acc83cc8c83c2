"""Everyday words in which the letters of a name stand: 초동 대응, 방학 동안, 홍길동, 가구로 구분."""

import re

from classifiers._text import phrases

# What follows 동 and makes another word of it: 동네, 동생, 동안, 동의서, 동문회, 동파, 동굴, …
_OTHER_WORDS = re.compile(
    r"네|계(?:올림픽|훈련|방학|스포츠|패럴|캠프|휴가|작물)|물(?!병원|난|에|이|웅)|생|시(?:에(?![는서])|"
    r"다발|통역|간대)|안(?!전|에|내|쪽|경|과|마)|작(?!구|업|은|년)|영상|굴(?!다리|착)|력"
    r"|의(?:서(?!울|쪽|비|점)|를|없|하(?!수|천)|했|합|율|안|받|할|함|가|는|도(?!로|시)|만|로)"
    r"|문(?:회|들|$)|창(?:회|생)|료|맹|참|조(?:하|해|자)|호회|감(?:하|합|이)|등(?:하|한)|일(?:하|한|인)|"
    r"거(?:하|인|중)|행(?:하|자$|해)|포(?:들|사)"
    r"|결(?:되|하)|반자|산(?:에|이|으로)?$|파(?!출|손|열|괴|트|크|라|밭|이프)|원(?:되|하|령|훈|된|했|할|"
    r"해|을|$)|아리|승자|향(?:을|이|파)"
    r"|(?:정|봉|창|결|지|설|일|무)$|기(?:들|생|부|화|간|가|는|를|로|의|와|도)*$|(?:상|선|전)(?:이|을|은|"
    r"에|의|과|도|만)*$"
)
# 사직동의 is a part of town's, and the consent to a resignation.
_AND_CONSENT = frozenset(
    phrases(
        "사직동|수송동|제기동|청구동|인수동|통의동|공평동|개봉동|대조동|대신동|보문동|인사동|신설동|공항동|이화동|순화동|대치동"
        "|도화동|시흥동|장사동|원서동"
    )
)
_CONSENT_ALONE = re.compile(r"의(?:$|가|는|도$|만|후|전|철회|요청|해|했|하|안|거부|필요|받)")
# The same across blanks: 인수 동의 절차, 청구동의 여부.
_CONSENT = re.compile(r"의(?:절차|여부|없이)")
# Names that are words by themselves, and what stands behind them then, also after a blank: 초동 대응.
_FOLLOWED = {
    "초동": r"대응|수사|조치|진화|대처|단계|방역|조사|진압",
    "합동": (
        r"단속|점검|조사|훈련|수사|분향|결혼|회의|순찰|으로|연설|브리핑|작전|감식|참모|토론|공연|설명|연습|근무|"
        r"캠페인|대피|총회|평가|워크숍|위원|강간|콘서트|군사"
    ),
    "중동": (
        r"전쟁|지역|국가|사태|정세|여행|호흡|순방|건설|평화|분쟁|문제|위기|사람|석유|원유|나라|갈등|난민|음식|무기|"
        r"요리|근로|파견|출장|수출|아세안|중남미|아프리카"
    ),
    "능동": r"감시|소나|면역|형태",
    "본동": r"건물|옆|별관|엘리베|로비|현관|지하|옥상|입구|출입|[1-9]층",
    "화동": r"역할|친구",
    "마포": r"걸레|자루",
    "관악": r"합주|연주|오케|협주|콩쿠르|앙상블|[45]중주|전공",
    "남성역": r"차별",
    "대전": r"게임|상대|격투|료|운이",
    "여의도": r"의?(?:면적|크기|[0-9]+배)",
    "한강": r"의기적",
    "삼각지": r"대(?!로|구|교)",
    "서울시청": r"[운파량담암룡림진]|구동",
    "서울광장": r"동(?!성)",
    "서울역": r"(?:삼|촌)[동1-9]",
    "용산": r"역전의",
    "잠실": r"치마",
}
# The same within one word: 정동진, 홍길동무, 도봉사.
_GLUED = {
    "중동": r"산|발|붐",
    "합동": r"팀|반|으로",
    "능동": r"적|형|으로|태",
    "정동": r"진|영|맥|향|원|남|북|장애|환",
    "본동": r"과|이?랑|[1-9]층|건물",
    "화동": r"으로|이꽃",
    "재동": r"작|의(?:서|를|하|없|안)|원|기화|점검|결",
    "번동": r"기|안|작|시에|전|의(?:서|를|하|없)",
    "평동": r"원",
    "다동": r"의(?:서|를|하|합|할|했|율|없)|원|일|물|생|네|안|작|시에|포|족|참|그|행|감",
    "저동": r"네|생|물|안|작|시에|상|영|의(?:서|를|하)|굴|전|그|료|기|아리|포",
    "길동": r"무(?!단)|이라는|이란|이(?!에|예|고|라|다|었|네|죠|지|요|야|나|랑|며)",
    "항동": r"성|작",
    "계동": r"안|기|상",
    "묘동": r"의(?:서|를)",
    "학동": r"기|안|생|원|아리|들|문|의",
    "목동": r"이(?!대|마|쪽|에|예|고|라|다|었|네|죠|지|요|야|나|랑|며)|들|노래|과양",
    "관악": r"기|단|대|부|곡|동아리",
    "도봉": r"사(?!거리|무|건|람|고)",
    "성동": r"격|일(?!대)",
    "노원": r"장|로|숙",
    "남산": r"만|같",
    "건대": r"기",
    "구로": (r"부터|서|시작|끝|이루|표시|쓰|사용|되|분류|나(?!가)|들어|이동|운영|돌|만들|변|바|인|구"),
    "신촌": r"지|놈",
    "대방": r"광",
}
# 구의역할, 남성역차별: a part and a discrimination.
_OTHER_STATION = re.compile(r"할|량|차별|설적|전승|전의")
_BEHIND = {name: re.compile(words) for name, words in _FOLLOWED.items()}
_WITHIN = {name: re.compile(words) for name, words in _GLUED.items()}
# What stands before them then, in the same word or the one before.
_PRECEDED = {"길동": re.compile(r"(?:홍|고)$"), "gildong": re.compile(r"hong$"), "이수역": re.compile(r"내$")}
# 장충동족발 and 이태원클라쓰 are sold and shown everywhere.
_BRAND = re.compile(
    r"(?:왕)?(?:족발|떡볶이|갈매기|칼국수|곱창|김밥|클라쓰|스타일|부대찌개|닭갈비|냉면|호랭이|돈까스|교자|"
    r"찜닭|국밥|순대|막국수|보쌈|만두|치킨|커피|면옥|종점|그사람)"
)
_HALF = re.compile(r"구(?:간|역|성|두|경|조|매|입|획|석|독|형|직|인광)")
# Before 구로구 these make it 가구로 구분, 입구로 구경.
_BEFORE_GURO = re.compile(
    r"(?:가|입|출|도|기|요|지|연|야|축|농|친|인|항|창|배|호|용|비|전|탁|족|당|문|완|구|복|시|의|안|싸|강|특|허|영|예)$"
)
# 강남구간 is a section of road, 노원구역 a zone, 용산구입처 a shop, 강남구두 a shoe: no districts.
_OTHER_DISTRICT = re.compile(
    r"간(?!선|호)|역(?!삼|촌)|획|매(?!봉|주|일|달|년)|급차|독|형|입(?!니|구|장|주)|성(?:원|요|안|진|$)|석|"
    r"경(?!찰|계|로|관|비)|조(?!례|합|성|명|용|치|금)"
    r"|두(?:$|[^ 번개군]수|방)|인광고|직자|축아파트|워크|원자|하기|르는"
)


def is_other_word(name: str, before: str, rest: str, after: str) -> bool:
    """Whether `name` is part of another word: `rest` ends its word, `after` is all that follows without blanks."""
    behind, within, preceded = _BEHIND.get(name), _WITHIN.get(name), _PRECEDED.get(name)
    return bool(
        (name[-1] == "역" and _OTHER_STATION.match(rest))
        or (behind and behind.match(after))
        or (within and within.match(rest))
        or (preceded and preceded.search(before))
    )


def is_brand(rest: str) -> bool:
    """Whether the name is part of what a shop or a dish is called."""
    return _BRAND.match(rest) is not None


def is_half_a_word(rest: str) -> bool:
    """Whether 구 begins another word behind a district's bare name: 노원 구역, 강남 구두."""
    return _HALF.match(rest) is not None


def may_be_consent(name: str, after: str) -> bool:
    """Whether name and particle may be two other words, so that nobody can tell: 사직동의, but 사직동의 도로."""
    return name in _AND_CONSENT and _CONSENT_ALONE.match(after) is not None


def makes_other_word(rest: str, after: str) -> bool:
    """Whether what follows a dong's 동 makes another word of it."""
    return bool(_OTHER_WORDS.match(rest) or _CONSENT.match(after))


def is_no_district(name: str, before: str, rest: str, *, at_word: bool) -> bool:
    """Whether a district's name ends in the 구 of another word, or begins in the one before it."""
    return bool(_OTHER_DISTRICT.match(rest)) or (name == "구로구" and not at_word and bool(_BEFORE_GURO.search(before)))
