"""Boundaries that the operator supplies: coordinates decide by them, and a bad file is told in full."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from classifiers.district import District
from config.boundaries import read_boundaries
from config.load import load_city
from config.schema import City
from core.decision import Finding
from core.errors import ConfigError
from core.message import Location, Message

Write = Callable[..., Path]

CONFIG = Path(__file__).parent.parent / "config"
# Four districts as squares around their offices: songpa beside gangdong, gangnam beside songpa, jungnang far north.
SQUARES = {
    "강남구": (127.03, 37.48, 127.08, 37.53),
    "송파구": (127.08, 37.48, 127.12, 37.53),
    "강동구": (127.12, 37.48, 127.16, 37.56),
    "중랑구": (127.08, 37.58, 127.12, 37.62),
}
GANGNAM = Location(37.5172, 127.0473)
# Twenty metres west of the line between 강남구 and 송파구.
ON_THE_LINE = Location(37.5, 127.0798)
SEA = Location(37.5, 128.5)


def square(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def feature(name: str, *rings: list[list[float]], **properties: Any) -> dict[str, Any]:
    shape = {"type": "Polygon", "coordinates": list(rings)}
    return {"type": "Feature", "properties": {"name": name, **properties}, "geometry": shape}


def collection(*features: dict[str, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def squares() -> list[dict[str, Any]]:
    return [feature(name, square(*corners)) for name, corners in SQUARES.items()]


@pytest.fixture(scope="module")
def four() -> City:
    city = load_city(CONFIG)
    return city.model_copy(update={"districts": tuple(each for each in city.districts if each.name in SQUARES)})


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(says: object) -> Path:
        path = tmp_path / "boundaries.geojson"
        path.write_text(says if isinstance(says, str) else json.dumps(says), encoding="utf-8")
        return path

    return write


@pytest.fixture
def classifier(four: City, write: Write) -> District:
    read = read_boundaries(write(collection(*squares())), four.districts)
    return District(four.model_copy(update={"boundaries": read.shapes}))


def found(classifier: District, text: str, location: Location) -> set[tuple[str, float]]:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(
        id="1", channel="sms", account="120", native_id="1", received_at=received, text=text, location=location
    )
    return {(finding.value, finding.confidence) for finding in listed(classifier.classify([message])[0])}


def listed(findings: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in findings if not finding.value.startswith("owner:")]


def test_inside_a_boundary_is_sure(classifier: District) -> None:
    """Coordinates alone name the district they lie in."""
    assert {("gangnam", 0.95)} == found(classifier, "여기 쓰레기요", GANGNAM)


def test_beside_a_border_both_are_listed(classifier: District) -> None:
    """Twenty metres from a border, the matter may be on either side."""
    assert {("gangnam", 0.5), ("songpa", 0.5)} == found(classifier, "여기 쓰레기요", ON_THE_LINE)


def test_at_the_city_limits_elsewhere_is_listed(classifier: District) -> None:
    """Beside the city's own border the neighbour is another city."""
    assert {("gangdong", 0.5), ("elsewhere", 0.5)} == found(classifier, "여기요", Location(37.52, 127.1598))


def test_outside_is_elsewhere(classifier: District) -> None:
    """What lies far outside every boundary is another city's."""
    assert {("elsewhere", 0.8)} == found(classifier, "여기 도로가 파였어요", SEA)


def test_text_and_boundary_agree(classifier: District) -> None:
    """A name and coordinates in it are surest."""
    assert {("gangnam", 0.97)} == found(classifier, "강남구 역삼동 쓰레기", GANGNAM)


def test_text_and_boundary_disagree(classifier: District) -> None:
    """When they contradict each other, both are listed."""
    assert {("gangnam", 0.5), ("jungnang", 0.5)} == found(classifier, "중랑구 면목동 쓰레기", GANGNAM)


def test_boundary_settles_a_border_station(classifier: District) -> None:
    """A name that two districts share is settled by the coordinates."""
    assert {("gangnam", 0.85)} == found(classifier, "탄천 산책로 조명", GANGNAM)


def test_name_settles_a_border(classifier: District) -> None:
    """On the border, what the text names is the side."""
    assert {("songpa", 0.97)} == found(classifier, "송파구 잠실동 쓰레기", ON_THE_LINE)


def test_place_of_the_matter_beats_home(classifier: District) -> None:
    """Who names only where they live is asked by their coordinates."""
    assert {("gangnam", 0.95)} == found(classifier, "저는 강동구에 사는 사람입니다 이것 좀 보세요", GANGNAM)


def test_holes_and_parts(four: City, write: Write) -> None:
    """A hole is not inside, and a second polygon is."""
    songpa = {
        "type": "MultiPolygon",
        "coordinates": [
            [square(*SQUARES["송파구"]), square(127.09, 37.49, 127.10, 37.50)],
            [square(127.2, 37.48, 127.22, 37.5)],
        ],
    }
    others = [each for each in squares() if each["properties"]["name"] != "송파구"]
    both = {"type": "Feature", "properties": {"name": "송파구"}, "geometry": songpa}
    read = read_boundaries(write(collection(*others, both)), four.districts)
    classifier = District(four.model_copy(update={"boundaries": read.shapes}))

    assert {"songpa"} == {value for value, _ in found(classifier, "여기", Location(37.49, 127.21))}
    assert "songpa" not in {value for value, _ in found(classifier, "여기", Location(37.495, 127.095))}


@pytest.mark.parametrize("key", ["SIG_CD", "code"])
def test_districts_are_known_by_code(four: City, write: Write, key: str) -> None:
    """A feature may say its district by code, longer ones by their beginning."""
    codes = {each.name: each.code for each in four.districts}
    features = [{**each, "properties": {key: codes[each["properties"]["name"]] + "00000"}} for each in squares()]

    assert () == read_boundaries(write(collection(*features)), four.districts).mistakes


def test_full_names_and_other_cities(four: City, write: Write) -> None:
    """A name may stand behind its city's; a district of the same name far away is none of ours."""
    far = feature("부산광역시 중랑구", square(129.0, 35.1, 129.1, 35.2))
    ours = [{**each, "properties": {"adm_nm": "서울특별시 " + each["properties"]["name"]}} for each in squares()]
    read = read_boundaries(write(collection(far, *ours)), four.districts)

    assert (4, ()) == (len(read.shapes), read.mistakes)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("{", "this is no JSON"),
        ("[" * 100_000, "this is no JSON"),
        ([], "no FeatureCollection"),
        ({"type": "FeatureCollection", "features": []}, "no feature names 중랑구, 강남구, 송파구, 강동구"),
        ({**collection(), "crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::5179"}}}, "not WGS 84"),
        (collection(feature("강남구", [[127, 37], [127, 38]])), "fewer than four points"),
        (collection(feature("강남구", square(953000, 1950000, 954000, 1951000))), "no [lon, lat] in degrees"),
        (collection(feature("강남구", square(37.48, 127.03, 37.53, 127.08))), "latitude and longitude exchanged"),
        (collection({"type": "Feature", "properties": {"name": "강남구"}, "geometry": None}), "geometry is missing"),
        (
            collection({**feature("강남구"), "geometry": {"type": "Polygon", "coordinates": [[["a", "b"]] * 4]}}),
            "no [lon, lat] in degrees",
        ),
        (collection({**feature("강남구"), "geometry": {"type": "Polygon", "coordinates": 3}}), "nested wrongly"),
        (collection({**feature("강남구"), "geometry": {"type": "Point", "coordinates": [1, 2]}}), "geometry is Point"),
    ],
)
def test_what_is_wrong_is_said(four: City, write: Write, says: object, expected: str) -> None:
    """Each mistake names the file and what to do."""
    mistakes = read_boundaries(write(says), four.districts).mistakes

    assert expected in " ".join(mistakes)
    assert all("boundaries.geojson: " in mistake for mistake in mistakes)


def test_boundaries_of_other_districts_are_found_out(four: City, write: Write) -> None:
    """Codes of another table put 강남구 where 중랑구 is: its office does not lie there."""
    exchanged = {"강남구": "중랑구", "중랑구": "강남구"}
    features = [feature(exchanged.get(name, name), square(*corners)) for name, corners in SQUARES.items()]
    mistakes = read_boundaries(write(collection(*features)), four.districts).mistakes

    assert ["중랑구", "강남구"] == [mistake.split("the office of ")[1].split(" ")[0] for mistake in mistakes]


def test_missing_file_is_a_mistake(four: City, tmp_path: Path) -> None:
    """A path that leads nowhere is said, not skipped."""
    mistakes = read_boundaries(tmp_path / "none.geojson", four.districts).mistakes

    assert "cannot be read" in mistakes[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(CONFIG, tmp_path / "city", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "city"


def with_setting(folder: Path, value: str) -> None:
    path = folder / "districts.toml"
    path.write_text(f"boundaries = {value}\n" + path.read_text(encoding="utf-8"), encoding="utf-8")


def test_setting_is_read_beside_its_file(folder: Path) -> None:
    """`boundaries` in districts.toml names a file relative to it; every district gets its polygon."""
    city = load_city(CONFIG)
    each = [
        feature(one.name, square(one.lon - 0.01, one.lat - 0.01, one.lon + 0.01, one.lat + 0.01))
        for one in city.districts
    ]
    (folder / "outline.geojson").write_text(json.dumps(collection(*each)), encoding="utf-8")
    with_setting(folder, '"outline.geojson"')

    assert {one.id for one in city.districts} == {shape.district for shape in load_city(folder).boundaries}


@pytest.mark.parametrize(("value", "expected"), [('"none.geojson"', "cannot be read"), ("3", "should be the path")])
def test_bad_setting_is_a_mistake_of_the_city(folder: Path, value: str, expected: str) -> None:
    """A setting that leads nowhere stops the start, with the other mistakes."""
    with_setting(folder, value)
    with pytest.raises(ConfigError) as error:
        load_city(folder)

    assert expected in " ".join(error.value.mistakes)
