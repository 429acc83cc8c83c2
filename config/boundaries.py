"""Reads the districts' boundaries, a GeoJSON file that the operator supplies; every mistake in it is told at once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import cos, hypot, isfinite, radians
from pathlib import Path
from typing import Any, NamedTuple

from config.schema import Boundary, District

_METRES_PER_DEGREE = 111_195.0
# A polygon that far from its district's office is a district of that name in another city.
_ELSEWHERE_METRES = 40_000.0
# The offices' coordinates in districts.toml are rounded.
_ROUNDED_METRES = 1_500.0
_WGS84 = ("CRS84", "EPSG::4326", "EPSG:4326")
_MOST_MISTAKES = 20

Point = tuple[float, float]
Ring = tuple[Point, ...]


class Boundaries(NamedTuple):
    """What a file says, and what is wrong with it."""

    shapes: tuple[Boundary, ...]
    mistakes: tuple[str, ...]


def read_boundaries(path: Path, districts: Sequence[District]) -> Boundaries:
    """Returns the polygons of these districts; features that name none of them are other cities'."""
    mistakes: list[str] = []
    features = _features(path, mistakes)
    if mistakes:
        return Boundaries((), tuple(mistakes))
    names = _names(districts)
    offices = {district.id: (district.lon, district.lat) for district in districts}
    found: list[Boundary] = []
    for number, feature in enumerate(features, 1):
        district = _district(feature, names)
        if district is None:
            continue
        where = f"{path}: feature {number} ({district})"
        rings = list(_polygons(feature, where, mistakes))
        near = [each for each in rings if _metres(offices[district], each[0]) < _ELSEWHERE_METRES]
        found += [Boundary(district=district, rings=each) for each in near]
    if not mistakes:
        mistakes += _missing(path, found, districts)
    more = len(mistakes) - _MOST_MISTAKES
    shown = [*mistakes[:_MOST_MISTAKES], *([f"{path}: and {more} more like these."] if more > 0 else [])]
    return Boundaries(() if mistakes else tuple(found), tuple(shown))


def _features(path: Path, mistakes: list[str]) -> list[Any]:
    try:
        says = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        mistakes.append(
            f"{path}: the boundaries cannot be read: {error.strerror}. Mend the path, or remove the setting."
        )
        return []
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        mistakes.append(f"{path}: this is no JSON: {error}. Export the boundaries anew as GeoJSON.")
        return []
    if (
        not isinstance(says, dict)
        or says.get("type") != "FeatureCollection"
        or not isinstance(says.get("features"), list)
    ):
        mistakes.append(f"{path}: this is no FeatureCollection of GeoJSON. Export the boundaries as one.")
        return []
    crs = json.dumps(says.get("crs"))
    if says.get("crs") and not any(name in crs for name in _WGS84):
        mistakes.append(f"{path}: the coordinates are not WGS 84: {crs[:80]}. Convert them to EPSG:4326.")
    return list(says["features"])


def _names(districts: Sequence[District]) -> dict[str, str]:
    names = {district.code: district.id for district in districts}
    for district in districts:
        names |= {_plain(name): district.id for name in (district.english, district.name, district.id)}
    return names


def _plain(name: str) -> str:
    return "".join(name.split()).lower()


def _district(feature: Any, names: Mapping[str, str]) -> str | None:
    """Returns the district that a property names: by name first, because offices count codes differently."""
    properties = feature.get("properties") if isinstance(feature, dict) else None
    values = [str(value) for value in properties.values()] if isinstance(properties, dict) else []
    words = [_plain(word) for value in values for word in (value, *value.split()) if not word.isdigit()]
    codes = [value[:5] for value in values if value.isdigit() and len(value) >= 5]
    return next((names[word] for word in (*words, *codes) if word in names), None)


def _polygons(feature: Mapping[str, Any], where: str, mistakes: list[str]) -> Iterator[tuple[Ring, ...]]:
    shape = feature.get("geometry")
    kind = shape.get("type") if isinstance(shape, dict) else None
    if not isinstance(shape, dict) or kind not in ("Polygon", "MultiPolygon"):
        mistakes.append(f"{where}: its geometry is {kind or 'missing'}. It should be a Polygon or a MultiPolygon.")
        return
    listed = shape.get("coordinates")
    polygons = [listed] if kind == "Polygon" else listed
    if not isinstance(polygons, list) or not polygons:
        mistakes.append(f"{where}: it has no coordinates. Export it anew.")
        return
    for polygon in polygons:
        problem = _problem(polygon)
        if problem:
            mistakes.append(f"{where}: {problem}")
            return
        yield tuple(tuple((float(point[0]), float(point[1])) for point in ring) for ring in polygon)


def _problem(polygon: Any) -> str:
    if not isinstance(polygon, list) or not polygon or not all(isinstance(ring, list) for ring in polygon):
        return "its coordinates are nested wrongly. A Polygon is a list of rings, a ring a list of [lon, lat]."
    if not all(len(ring) >= 4 for ring in polygon):
        return "a ring has fewer than four points. Export it anew."
    points = [point for ring in polygon for point in ring]
    odd = next((point for point in points if not _is_point(point)), None)
    if odd is not None:
        return f"{json.dumps(odd, ensure_ascii=False)[:60]} is no [lon, lat] in degrees. Convert the file to EPSG:4326."
    lon, lat = points[0][0], points[0][1]
    if 20 < lon < 50 and lat > 100:
        return f"[{lon}, {lat}] has latitude and longitude exchanged. GeoJSON writes [lon, lat]."
    return ""


def _is_point(point: Any) -> bool:
    """Whether it may be degrees: exchanged ones are told apart later."""
    if not isinstance(point, list) or len(point) < 2:
        return False
    numbers = [value for value in point[:2] if isinstance(value, int | float) and not isinstance(value, bool)]
    return len(numbers) == 2 and all(isfinite(value) and abs(value) <= 180 for value in numbers)


def _missing(path: Path, found: Sequence[Boundary], districts: Sequence[District]) -> Iterator[str]:
    without = [district.name for district in districts if not any(each.district == district.id for each in found)]
    if without:
        names = ", ".join(without)
        yield f"{path}: no feature names {names}. Give each a property with the district's name or code."
    for district in districts:
        rings = [each.rings[0] for each in found if each.district == district.id]
        office = (district.lon, district.lat)
        if rings and not any(_holds(ring, office) or _metres(office, ring) < _ROUNDED_METRES for ring in rings):
            far = min(_metres(office, ring) for ring in rings) / 1000
            yield (
                f"{path}: the office of {district.name} ({district.lat}, {district.lon} in districts.toml) lies "
                f"{far:.0f} km outside its boundary. Does the file name the districts by another table of codes?"
            )


def _metres(point: Point, ring: Ring) -> float:
    """Returns how far the nearest corner is."""
    east = cos(radians(min(abs(point[1]), 89.0)))
    return min(hypot((lon - point[0]) * east, lat - point[1]) for lon, lat in ring) * _METRES_PER_DEGREE


def _holds(ring: Ring, point: Point) -> bool:
    lon, lat = point
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside
