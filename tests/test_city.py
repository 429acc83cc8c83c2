"""What the shipped city files promise: complete, consistent, and no word that speaks for two matters."""

import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, TypeVar

import pytest

from config.load import load_city
from config.schema import Account, Department, District, Place, Topic
from core.errors import ConfigError
from core.settings import Settings
from core.text import fold

S = TypeVar("S", bound=Settings)

CONFIG = Path(__file__).parent.parent / "config"
CONFIDENTIAL_DEPARTMENTS = {"hq.audit", "hq.human-rights", "hq.protection"}


def _read(file: str, table: str, shape: type[S]) -> tuple[S, ...]:
    """Returns the file's tables in the schema's shape; a wrong or unknown key fails the test that asks."""
    tables: list[dict[str, Any]] = tomllib.loads((CONFIG / file).read_text(encoding="utf-8"))[table]
    return tuple(shape.model_validate(each) for each in tables)


def _squeezed(word: str) -> str:
    """Blanks in a keyword are optional, case does not count: two keywords that differ only so are one."""
    return "".join(fold(word).split())


@pytest.fixture(scope="module")
def districts() -> tuple[District, ...]:
    return _read("districts.toml", "district", District)


@pytest.fixture(scope="module")
def places() -> tuple[Place, ...]:
    return _read("districts.toml", "place", Place)


@pytest.fixture(scope="module")
def departments() -> tuple[Department, ...]:
    return _read("departments.toml", "department", Department)


@pytest.fixture(scope="module")
def topics() -> tuple[Topic, ...]:
    return _read("topics.toml", "topic", Topic)


@pytest.fixture(scope="module")
def accounts() -> tuple[Account, ...]:
    return _read("accounts.toml", "account", Account)


def test_there_are_25_districts(districts: tuple[District, ...]) -> None:
    """Each district is there once, with its own id, name and code of Seoul."""
    assert 25 == len(districts)
    assert 25 == len({each.id for each in districts})
    assert 25 == len({each.name for each in districts})
    assert 25 == len({each.code for each in districts})
    assert {"11"} == {each.code[:2] for each in districts}


@pytest.mark.parametrize(
    ("known_as", "name", "code"),
    [("jongno", "종로구", "11110"), ("gwangjin", "광진구", "11215"), ("gangdong", "강동구", "11740")],
)
def test_codes_are_those_of_the_districts(districts: tuple[District, ...], known_as: str, name: str, code: str) -> None:
    """A district's id, name and code belong together."""
    district = next(each for each in districts if each.id == known_as)

    assert (name, code) == (district.name, district.code)


def test_district_offices_lie_in_seoul(districts: tuple[District, ...]) -> None:
    """No office lies outside the city's bounds, and no two at the same spot."""
    spots = {(each.lat, each.lon) for each in districts}

    assert 25 == len(spots)
    assert all(37.42 < lat < 37.71 and 126.76 < lon < 127.19 for lat, lon in spots)


def test_unchecked_telephones_are_unverified(districts: tuple[District, ...]) -> None:
    """No district's telephone stands in a notice before somebody has checked it."""
    assert not any(each.verified for each in districts)


def test_all_legal_dongs_are_there(districts: tuple[District, ...]) -> None:
    """The 467 legal dongs are there, and none twice in one district."""
    assert 467 == sum(len(each.legal_dongs) for each in districts)
    assert 467 == sum(len(set(each.legal_dongs)) for each in districts)


def test_all_administrative_dongs_are_there(districts: tuple[District, ...]) -> None:
    """The 426 administrative dongs of May 2023 are there, and none twice in one district."""
    assert 426 == sum(len(each.admin_dongs) for each in districts)
    assert 426 == sum(len(set(each.admin_dongs)) for each in districts)


@pytest.mark.parametrize(
    ("known_as", "legal", "admin"),
    [("jongno", 87, 17), ("jung", 74, 15), ("gwanak", 3, 21), ("gangnam", 14, 22), ("songpa", 13, 27)],
)
def test_each_district_has_its_dongs(districts: tuple[District, ...], known_as: str, legal: int, admin: int) -> None:
    """The counts of dongs are right district by district, not only in sum."""
    district = next(each for each in districts if each.id == known_as)

    assert (legal, admin) == (len(district.legal_dongs), len(district.admin_dongs))


def test_dong_names_that_need_asking_are_the_known_ones(districts: tuple[District, ...]) -> None:
    """Exactly four names of dongs stand for several districts."""
    owners: dict[str, set[str]] = defaultdict(set)
    for district in districts:
        for dong in (*district.legal_dongs, *district.admin_dongs):
            owners[dong].add(district.id)

    assert {
        "신사동": {"gangnam", "eunpyeong", "gwanak"},
        "신정동": {"yangcheon", "mapo"},
        "삼성동": {"gangnam", "gwanak"},
        "신원동": {"seocho", "gwanak"},
    } == {dong: ids for dong, ids in owners.items() if len(ids) > 1}


def test_a_district_alias_names_one_district(districts: tuple[District, ...]) -> None:
    """No alias is shared by two districts, and none is a word that means something else."""
    aliases = Counter(fold(alias) for each in districts for alias in each.aliases)

    assert [] == [alias for alias, count in aliases.items() if count > 1]
    assert set() == {"구로", "동작", "강남", "강북", "강서", "동대문", "서대문", "중구"} & set(aliases)


def test_places_lie_in_known_districts(districts: tuple[District, ...], places: tuple[Place, ...]) -> None:
    """There are at least 150 places, each in at least one district, and every district exists."""
    known = {each.id for each in districts}

    assert 150 <= len(places)
    assert [] == [each.name for each in places if not each.districts or not set(each.districts) <= known]


def test_a_place_name_stands_for_one_place(districts: tuple[District, ...], places: tuple[Place, ...]) -> None:
    """No name or alias of a place is given twice, nor is it already a dong or a district."""
    names = Counter(fold(name) for each in places for name in (each.name, *each.aliases))
    taken = {fold(name) for each in districts for name in (each.name, *each.aliases, *each.legal_dongs)}

    assert [] == [name for name, count in names.items() if count > 1]
    assert set() == taken & set(names)


@pytest.mark.parametrize(
    ("name", "districts"),
    [
        ("강남역", {"gangnam", "seocho"}),
        ("사당역", {"dongjak", "gwanak", "seocho"}),
        ("서울역", {"jung", "yongsan"}),
        ("신촌", {"seodaemun", "mapo"}),
        ("여의도", {"yeongdeungpo"}),
        ("잠실", {"songpa"}),
        ("홍대", {"mapo"}),
        ("이태원", {"yongsan"}),
        ("코엑스", {"gangnam"}),
        ("노량진", {"dongjak"}),
    ],
)
def test_places_on_a_border_list_every_district(places: tuple[Place, ...], name: str, districts: set[str]) -> None:
    """A place that lies in several districts names all of them."""
    place = next(each for each in places if each.name == name)

    assert districts == set(place.districts)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("남산공원", "hq.park"),
        ("서울숲", "hq.park"),
        ("월드컵공원", "hq.park"),
        ("올림픽공원", "agency.kspo"),
        ("여의도한강공원", "office.hangang"),
        ("올림픽대로", "office.facilities"),
        ("강변북로", "office.facilities"),
        ("내부순환로", "office.facilities"),
        ("동부간선도로", "office.facilities"),
        ("테헤란로", "hq.road"),
        ("을지로", "hq.road"),
        ("석촌호수", ""),
    ],
)
def test_large_roads_and_city_parks_have_an_owner(places: tuple[Place, ...], name: str, owner: str) -> None:
    """Large roads and named city parks are not the district's; other parks are."""
    place = next(each for each in places if each.name == name)

    assert owner == place.owner


def test_owners_of_places_exist(places: tuple[Place, ...], departments: tuple[Department, ...]) -> None:
    """Whoever looks after a place is a department."""
    assert set() == {each.owner for each in places if each.owner} - {each.id for each in departments}


def test_department_ids_say_what_they_are(departments: tuple[Department, ...]) -> None:
    """Every id is unique and begins with hq., office. or agency."""
    ids = [each.id for each in departments]

    assert len(ids) == len(set(ids))
    assert {"hq", "office", "agency"} == {each.split(".")[0] for each in ids}
    assert set(ids) >= CONFIDENTIAL_DEPARTMENTS


@pytest.mark.parametrize(
    ("known_as", "phone", "verified"),
    [
        ("office.metro", "1577-1234", True),
        ("office.facilities", "1599-0120", True),
        ("agency.police", "182", True),
        ("agency.tax", "126", False),
        ("agency.military", "1588-9090", False),
    ],
)
def test_telephones_say_whether_they_are_checked(
    departments: tuple[Department, ...], known_as: str, phone: str, verified: bool
) -> None:
    """A number from memory is marked as such."""
    department = next(each for each in departments if each.id == known_as)

    assert (phone, verified) == (department.phone, department.verified)


def test_there_are_enough_topics(topics: tuple[Topic, ...]) -> None:
    """There are at least 45 topics, each id once."""
    assert 45 <= len(topics)
    assert len(topics) == len({each.id for each in topics})


def test_topics_have_owners(topics: tuple[Topic, ...], departments: tuple[Department, ...]) -> None:
    """Every topic's owner is the district or a department that exists."""
    assert set() == {each.owner for each in topics} - {"district"} - {each.id for each in departments}


def test_topics_of_districts_name_their_desk(topics: tuple[Topic, ...], districts: tuple[District, ...]) -> None:
    """A district's topic names a unit that every district has; a department's topic names none."""
    everywhere = set.intersection(*(set(each.units) for each in districts))

    assert [] == [each.id for each in topics if each.owner == "district" and each.unit not in everywhere]
    assert [] == [each.id for each in topics if each.owner != "district" and each.unit]


def test_every_desk_has_a_topic(topics: tuple[Topic, ...], districts: tuple[District, ...]) -> None:
    """No desk of a district stands there for nothing."""
    assert set() == {unit for each in districts for unit in each.units} - {each.unit for each in topics}


def test_only_districts_matters_change_hands_at_a_place(topics: tuple[Topic, ...]) -> None:
    """A matter that one office has for the whole city stays with it wherever it happens."""
    assert [] == [each.id for each in topics if each.owned_at and each.owner != "district"]


def test_topics_have_examples(topics: tuple[Topic, ...]) -> None:
    """Every topic carries at least six sentences, and no sentence stands in two topics."""
    sentences = Counter(_squeezed(example) for each in topics for example in each.examples)

    assert [] == [each.id for each in topics if len(each.examples) < 6]
    assert [] == [sentence for sentence, count in sentences.items() if count > 1]


def test_no_keyword_is_shared(topics: tuple[Topic, ...]) -> None:
    """A keyword speaks for one topic; blanks and case make no difference."""
    keywords = Counter(_squeezed(word) for each in topics for word in each.keywords)

    assert [] == [word for word, count in keywords.items() if count > 1]


def test_a_word_is_strong_or_weak(topics: tuple[Topic, ...]) -> None:
    """No word is both a keyword and a weak word of one topic."""
    both = {each.id: set(map(_squeezed, each.keywords)) & set(map(_squeezed, each.weak)) for each in topics}

    assert {} == {topic: words for topic, words in both.items() if words}


@pytest.mark.parametrize("word", ["수도", "주차", "버스", "단수", "동파", "비자", "방역", "제설", "침수", "감금"])
def test_words_inside_other_words_are_no_keywords(topics: tuple[Topic, ...], word: str) -> None:
    """A word that others contain (비자 in 소비자, 단수 in 계단수리) speaks for nothing by itself."""
    assert word not in {_squeezed(keyword) for each in topics for keyword in each.keywords}


@pytest.mark.parametrize(
    ("known_as", "owner", "unit"),
    [
        ("illegal-dumping", "district", "청소"),
        ("illegal-parking", "district", "주차"),
        ("disabled-parking", "district", "복지"),
        ("village-bus", "district", "교통"),
        ("floor-noise", "agency.noise", ""),
        ("bike-share", "office.facilities", ""),
        ("water-bill", "office.arisu", ""),
        ("corruption", "hq.audit", ""),
    ],
)
def test_matters_go_to_whom_they_belong(topics: tuple[Topic, ...], known_as: str, owner: str, unit: str) -> None:
    """The responsibility table holds for the matters that come most often or are easily mistaken."""
    topic = next(each for each in topics if each.id == known_as)

    assert (owner, unit) == (topic.owner, topic.unit)


def test_confidential_departments_get_confidential_kinds(topics: tuple[Topic, ...]) -> None:
    """What goes to a confidential department is of a confidential kind."""
    kinds = {each.kind for each in topics if each.owner in CONFIDENTIAL_DEPARTMENTS}

    assert {"corruption", "human-rights"} == kinds


def test_a_dumping_report_is_among_the_examples(topics: tuple[Topic, ...]) -> None:
    """The best-known sentence of all stands where it belongs."""
    topic = next(each for each in topics if each.id == "illegal-dumping")

    assert "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요" in topic.examples


def test_accounts_are_known_by_platform_and_handle(accounts: tuple[Account, ...]) -> None:
    """Sixteen accounts, thirteen and three, no two alike whatever the case of the letters."""
    keys = Counter((each.platform, each.handle.lower()) for each in accounts)

    assert {"x": 13, "facebook": 3} == Counter(each.platform for each in accounts)
    assert [] == [key for key, count in keys.items() if count > 1]


def test_accounts_hint_at_departments(accounts: tuple[Account, ...], departments: tuple[Department, ...]) -> None:
    """Every department that an account hints at exists."""
    assert set() == {each.department for each in accounts if each.department} - {each.id for each in departments}


def test_nothing_is_answered_in_the_mayors_name(accounts: tuple[Account, ...]) -> None:
    """The mayor's accounts hear, they do not answer by themselves."""
    assert {"mayor", "mayor.page"} == {each.handle for each in accounts if not each.may_answer}


def test_a_city_knows_its_accounts(tmp_path: Path) -> None:
    """Accounts that are wrong are told with the rest: the same one twice, and a hint at nobody."""
    table = '[[account]]\nplatform = "x"\nhandle = "{}"\nname = "응답소"\nenglish = "Eungdapso"\n'
    text = table.format("Seoul_eds") + table.format("seoul_eds") + 'department = "hq.nobody"\n'
    (tmp_path / "accounts.toml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as told:
        load_city(tmp_path)

    assert any('account "x: seoul_eds" is already that of' in each for each in told.value.mistakes)
    assert any('department "hq.nobody" is no department' in each for each in told.value.mistakes)
