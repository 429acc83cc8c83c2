"""Other names of what has an id: how people call a district, a department, a topic, a question."""

from collections.abc import Iterable

from config.schema import City, Department, District, Faq, Topic


def called(
    districts: Iterable[District], departments: Iterable[Department], topics: Iterable[Topic], faqs: Iterable[Faq]
) -> dict[str, str]:
    """Returns the ids by these names."""
    named: dict[str, str] = {}
    for one in districts:
        named |= dict.fromkeys((one.name, one.english, one.hanja, *one.aliases), one.id)
    for office in departments:
        named |= dict.fromkeys((office.name, office.english), office.id)
    for topic in topics:
        named |= dict.fromkeys((topic.name, topic.english), topic.id)
    named |= {faq.question: faq.id for faq in faqs}
    named.pop("", None)
    return named


def called_in(city: City) -> dict[str, str]:
    """Returns the ids of everything in a city by its other names."""
    return called(city.districts, city.departments, city.topics, city.faqs)
