"""Messages as citizens write them, made from the city's own names: 60 % district matters, 25 % questions that an
FAQ answers, 10 % headquarters, 5 % other."""

import random
from pathlib import Path

from config.load import load_city
from config.schema import City

_DISTRICT = (
    "{gu} {dong} 골목에 쓰레기 무단투기가 심해요 단속해주세요",
    "{gu} {dong} {n}번지 앞 불법주차 차량 때문에 나갈 수가 없습니다. 견인해 주세요",
    "{gu} {dong} 놀이터 앞 가로등이 꺼져서 밤에 무섭습니다 고쳐주세요",
    "{dong} 주민입니다. {gu} {dong} {n}길 보도블록이 깨져서 아이가 넘어졌어요. 보수 부탁드립니다",
    "{gu}청에 알립니다. {dong} 상가에 불법 현수막이 너무 많습니다 철거해주세요",
)
_CITY = (
    "{n}번 버스가 정류장에 서지 않고 그냥 지나갔습니다. 무정차 조치해 주세요",
    "택시 승차거부를 당했습니다. 차량 끝번호 {n}입니다 처벌해주세요",
    "우리 아파트 {n}동 수돗물에서 녹물이 나와요 확인해 주세요",
    "따릉이 {n}번 자전거 브레이크가 고장났어요 고쳐주세요",
)
_OTHER = ("안녕하세요 항상 수고 많으십니다 {n}", "이거 좀 어떻게 해주세요 {n}", "어제 그 일은 어떻게 되었는지요 {n}")


def texts(count: int, *, seed: int = 7) -> list[str]:
    """Returns `count` different texts in the stated mix, the same for the same seed."""
    city = load_city(Path("config"))
    chosen = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        made.setdefault(_one(city, chosen))
    return list(made)


def _one(city: City, chosen: random.Random) -> str:
    share = chosen.random()
    number = chosen.randrange(1, 9999)
    if share < 0.60:
        district = chosen.choice(city.districts)
        return chosen.choice(_DISTRICT).format(gu=district.name, dong=chosen.choice(district.legal_dongs), n=number)
    if share < 0.85:
        faq = chosen.choice([faq for faq in city.faqs if faq.verified])
        return (
            chosen.choice(("", "안녕하세요. ", "문의드립니다. ", "저기요 "))
            + chosen.choice((faq.question, *faq.variants))
            + chosen.choice(("", "?", " 감사합니다", "~"))
        )
    return chosen.choice(_CITY if share < 0.95 else _OTHER).format(n=number)
