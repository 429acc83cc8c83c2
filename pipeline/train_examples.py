"""What there is to learn from: the sentences of topics.toml, what staff corrected, files of labelled lines."""

from collections.abc import Iterable, Sequence

from config.schema import City
from core.mask import mask
from pipeline.evaluate_lines import Line
from pipeline.train_fit import Example

# What is long ago still counts a little.
_LEAST_WEIGHT = 0.1
# A word of a topic stands for more sentences than one, but says less than a sentence.
_KEYWORD_WEIGHT = 0.5


def examples_of(lines: Sequence[Line], half_life_days: float) -> list[Example]:
    """Returns labelled lines as examples; those with a time count less the longer they are before the last one."""
    times = [line.at for line in lines if line.at is not None]
    last = max(times, default=None)
    found = []
    for line in lines:
        weight = line.weight
        if line.at is not None and last is not None and half_life_days > 0:
            weight *= 0.5 ** ((last - line.at).total_seconds() / 86_400 / half_life_days) + _LEAST_WEIGHT
        found.append(Example(text=_whole(line), label=line.label, weight=weight, at=line.at))
    return found


def of_city(city: City) -> list[Example]:
    """Returns what topics.toml says of each topic: its sentences, its name and its words."""
    found: list[Example] = []
    for topic in city.topics:
        found += [Example(text=text, label=topic.id) for text in (*topic.examples, *topic.sayings)]
        words = dict.fromkeys((topic.name, topic.english, *topic.keywords))
        found += [Example(text=word, label=topic.id, weight=_KEYWORD_WEIGHT) for word in words]
    return found


def of_corrections(corrections: Iterable[tuple[str, str]], city: City) -> list[Example]:
    """Returns corrected messages of topics that there still are, with personal data masked: a model must not keep
    whose number somebody wrote."""
    known = {topic.id for topic in city.topics}
    return [Example(text=mask(text), label=topic) for text, topic in corrections if topic in known]


def _whole(line: Line) -> str:
    return f"{line.subject}\n{line.text}" if line.subject else line.text
