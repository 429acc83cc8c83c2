"""Where coordinates lie: in which district's boundary, or, where none are known, near which district office."""

from collections.abc import Sequence
from math import asin, cos, isfinite, radians, sin, sqrt
from typing import NamedTuple

from config.schema import Boundary, City
from core.message import Location

ELSEWHERE = "elsewhere"
# What lies so near to a border may lie on either side: coordinates are no better than that.
_BORDER_METRES = 55.0
# Boundaries that were drawn coarsely leave slits between districts, and rivers have wide banks.
_SLIT_METRES = (150.0, 400.0)
_FAR_METRES = 3_000.0
_METRES_PER_DEGREE = 111_195.0
_DIRECTIONS = ((0, 1), (1, 0), (0, -1), (-1, 0), (0.707, 0.707), (0.707, -0.707), (-0.707, 0.707), (-0.707, -0.707))
_STRIPS = 256
# No point of the city is farther from the nearest district office, none of a district farther from its own.
_CITY_KM = 12.0
_DISTRICT_KM = 9.0
_EARTH_KM = 6371.0
_UNSURE = 0.5

Ring = Sequence[tuple[float, float]]
Edge = tuple[float, float, float, float]


class Where(NamedTuple):
    """The districts of a location; `is_exact` says that boundaries decided and not the nearest office."""

    districts: tuple[str, ...]
    confidence: float
    because: str
    location: Location
    is_exact: bool = False
    kilometres: float = 0.0


class Map:
    """The city as far as it is known: its boundaries, else its district offices."""

    def __init__(self, city: City) -> None:
        self._offices = {district.id: Location(district.lat, district.lon) for district in city.districts}
        self._shapes = [_Shape(boundary) for boundary in city.boundaries]

    def where(self, location: Location) -> Where | None:
        """Returns where it is; None for what are no coordinates of a place (0, 0 is what broken devices send)."""
        lat, lon = location.lat, location.lon
        if not (isfinite(lat) and isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180) or (lat == lon == 0):
            return None
        return self._within(location) if self._shapes else self._near(location)

    def only_one_near(self, districts: Sequence[str], location: Location) -> str | None:
        """Returns the one district of several, far from each other, whose office is beside the location."""
        ways = sorted((kilometres(location, self._offices[d]), d) for d in districts if d in self._offices)
        if len(ways) != len(districts) or ways[0][0] > _CITY_KM / 2:
            return None
        apart = all(way > _CITY_KM / 2 and way > 2 * ways[0][0] for way, _ in ways[1:])
        return ways[0][1] if apart else None

    def may_be_at(self, district: str, where: Where) -> bool:
        """Whether a location may lie in a district, by the distance to its office."""
        if district not in self._offices:
            return where.districts == (district,)
        return kilometres(where.location, self._offices[district]) <= _DISTRICT_KM

    def _near(self, location: Location) -> Where | None:
        if not self._offices:
            return None
        far, nearest = min((kilometres(location, office), district) for district, office in self._offices.items())
        because = f"coordinates, {far:.1f} km from the nearest district office"
        found = nearest if far <= _CITY_KM else ELSEWHERE
        return Where((found,), _UNSURE, because, location, kilometres=far)

    def _within(self, location: Location) -> Where:
        own = self._at(location, 0.0, (0.0, 0.0))
        found = dict.fromkeys(own)
        for direction in _DIRECTIONS:
            beside = self._at(location, _BORDER_METRES, direction)
            slit = (self._at(location, metres, direction) for metres in _SLIT_METRES)
            found |= dict.fromkeys(beside or next(filter(None, slit), (ELSEWHERE,)))
        if not own and set(found) == {ELSEWHERE}:
            return self._outside(location)
        if len(found) == 1:
            return Where(tuple(found), 0.95, "coordinates, within the boundary", location, is_exact=True)
        return Where(tuple(found), _UNSURE, "coordinates, beside a border", location, is_exact=True)

    def _outside(self, location: Location) -> Where:
        rings = (self._at(location, _FAR_METRES, direction) for direction in _DIRECTIONS)
        if not any(rings):
            return Where((ELSEWHERE,), 0.8, "coordinates, outside the city", location, is_exact=True)
        return Where((ELSEWHERE,), _UNSURE, "coordinates, just outside the city", location, is_exact=True)

    def _at(self, location: Location, metres: float, direction: tuple[float, float]) -> tuple[str, ...]:
        lat = location.lat + direction[0] * metres / _METRES_PER_DEGREE
        lon = location.lon + direction[1] * metres / (_METRES_PER_DEGREE * max(cos(radians(location.lat)), 0.01))
        return tuple(shape.district for shape in self._shapes if shape.holds(lat, lon))


class _Shape:
    """One polygon, its edges sorted into strips of latitude so that few have to be looked at."""

    def __init__(self, boundary: Boundary) -> None:
        self.district = boundary.district
        edges = [edge for ring in boundary.rings for edge in _edges(ring)]
        self._south = min(min(edge[1], edge[3]) for edge in edges)
        self._north = max(max(edge[1], edge[3]) for edge in edges)
        self._west = min(min(edge[0], edge[2]) for edge in edges)
        self._east = max(max(edge[0], edge[2]) for edge in edges)
        self._per_degree = _STRIPS / max(self._north - self._south, 1e-12)
        self._strips: list[list[Edge]] = [[] for _ in range(_STRIPS + 1)]
        for edge in edges:
            low, high = sorted((edge[1], edge[3]))
            for strip in range(self._strip(low), self._strip(high) + 1):
                self._strips[strip].append(edge)

    def holds(self, lat: float, lon: float) -> bool:
        """Whether a ray to the east crosses the outline an odd number of times."""
        if not (self._south <= lat <= self._north and self._west <= lon <= self._east):
            return False
        inside = False
        for x1, y1, x2, y2 in self._strips[self._strip(lat)]:
            if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) * (x2 - x1) / (y2 - y1):
                inside = not inside
        return inside

    def _strip(self, lat: float) -> int:
        return min(int((lat - self._south) * self._per_degree), _STRIPS)


def _edges(ring: Ring) -> list[Edge]:
    ends = [*ring[1:], ring[0]]
    return [(*one, *other) for one, other in zip(ring, ends, strict=True) if one != other]


def kilometres(one: Location, other: Location) -> float:
    """Returns the great-circle distance."""
    lat, lon = radians(other.lat - one.lat), radians(other.lon - one.lon)
    chord = sin(lat / 2) ** 2 + cos(radians(one.lat)) * cos(radians(other.lat)) * sin(lon / 2) ** 2
    return 2 * _EARTH_KM * asin(min(1.0, sqrt(max(chord, 0.0))))
