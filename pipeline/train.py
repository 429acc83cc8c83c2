"""A new model for the topics: learned, compared with what runs on texts that neither has seen, then used or refused."""

from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path

import msgspec

from cases.corrections import Correction
from classifiers._linear import dump
from classifiers.base import Classifier
from classifiers.topic import Topic
from config.schema import City
from core.clock import clock_of
from core.errors import ConfigError
from pipeline import models
from pipeline.build import Plan
from pipeline.evaluate import Figures, figures
from pipeline.evaluate_lines import NOTHING, Line, read_lines
from pipeline.evaluate_parts import SURE, said_by_classifier
from pipeline.replay import has_cases
from pipeline.train_examples import of_city, of_corrections
from pipeline.train_fit import KOREAN_QUICK, Example, Options, fit

PART = "topic"
# One text in ten is kept aside for ever: which, its own digest says, so that it is the same next time.
_ASIDE = 10
_LEAST_ASIDE = 20
_MOST_TOLD = 20


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What `eungdapso train` was asked for."""

    frozen: Path | None = None
    try_only: bool = False
    seed: int = 20_261_101
    now: datetime


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    examples: int
    corrections: int
    compared_on: int
    running: Figures
    learned: Figures
    version: str
    is_better: bool
    is_in_use: bool = False
    path: str
    damage: str = ""
    """What is wrong with the model that should run, "" when nothing is."""

    def told(self) -> list[str]:
        """Returns the lines for a person."""
        aside = f"compared on {self.compared_on} texts that were kept aside"
        lines = [
            f"{self.examples} examples, {self.corrections} of them corrected by staff; {aside}",
            *([f"{self.damage}: compared with what runs without a model"] if self.damage else []),
            f"what runs:     {_figures(self.running)}",
            f"what is new:   {_figures(self.learned)}",
        ]
        if self.is_in_use:
            lines.append(f"version {self.version} is in use, within a minute where an instance runs: {self.path}")
        elif self.is_better:
            lines.append(f"version {self.version} would be put in use")
        return lines


def trained(plan: Plan, wish: Wish) -> Done:
    """Learns, compares and, when the new model is not worse, puts it in use."""
    corrected = of_corrections(_corrected(plan), plan.city)
    seen, aside = _apart([*of_city(plan.city), *corrected])
    lines = _compared_on(wish, aside, plan.city)
    model = fit(seen, Options(name=PART, seed=wish.seed, sorts=KOREAN_QUICK, made_at=_instant(wish.now)))
    path = models.path_of(plan.var, PART)
    city = _without(plan.city, {example.text for example in aside})
    runs, damage = _running(city, models.read(plan.var, PART), str(path))
    before, after = _judged(runs, lines), _judged(_asked(city, dump(model), str(path)), lines)
    model = msgspec.structs.replace(model, figures={"accuracy": after.best_guess, "coverage": after.coverage})
    done = Done(
        examples=len(seen),
        corrections=_count(corrected, seen),
        compared_on=len(lines),
        running=before,
        learned=after,
        version=model.version,
        is_better=_worth(after) >= _worth(before),
        path=str(path),
        damage=damage,
    )
    if not done.is_better or wish.try_only:
        return done
    models.write(plan.var, PART, dump(model))
    return msgspec.structs.replace(done, is_in_use=True)


def _compared_on(wish: Wish, aside: Sequence[Example], city: City) -> Sequence[Line]:
    lines = _known(read_lines(wish.frozen), wish.frozen, city) if wish.frozen else _lines(aside)
    if len(lines) < _LEAST_ASIDE:
        raise ConfigError(
            f"{len(lines)} texts are too few to compare on. Give more examples in topics.toml, or a file: --frozen"
        )
    return lines


def _instant(now: datetime) -> str:
    return now.isoformat(timespec="seconds")


def _count(corrected: Sequence[Example], seen: Sequence[Example]) -> int:
    learned = {each.text for each in seen}
    return sum(each.text in learned for each in corrected)


def _worth(found: Figures) -> float:
    """Returns one number to compare by: what can be said safely counts as much as what comes first."""
    return round(found.best_guess + found.coverage, 4)


def _corrected(plan: Plan) -> list[Correction]:
    """Returns what staff corrected; nothing where there is no case yet."""
    if not has_cases(plan):
        return []
    store = plan.store(plan.seal(), clock_of(plan.environment))
    store.open()
    try:
        return store.corrections.all(_owned(plan.city))
    finally:
        store.close()


def _owned(city: City) -> dict[str, str]:
    """Returns the one topic of each queue that has one only."""
    topics: dict[str, list[str]] = {}
    for topic in city.topics:
        topics.setdefault(topic.owner, []).append(topic.id)
    return {queue: ids[0] for queue, ids in topics.items() if len(ids) == 1 and queue != "district"}


def _apart(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Returns what is learned from and what is kept aside: whole sentences only, words are no messages."""
    aside = [each for each in examples if each.weight >= 1 and _is_aside(each.text)]
    texts = {each.text for each in aside}
    return [each for each in examples if each.text not in texts], aside


def _is_aside(text: str) -> bool:
    return blake2b(text.encode(errors="replace"), digest_size=4).digest()[0] % _ASIDE == 0


def _lines(examples: Sequence[Example]) -> list[Line]:
    return [Line(number=number, text=each.text, label=each.label) for number, each in enumerate(examples, start=1)]


def _without(city: City, texts: set[str]) -> City:
    """Returns the city without the sentences that are kept aside: what runs must not have learned them either."""
    topics = tuple(
        topic.model_copy(
            update={
                "examples": tuple(text for text in topic.examples if text not in texts),
                "sayings": tuple(text for text in topic.sayings if text not in texts),
            }
        )
        for topic in city.topics
    )
    return city.model_copy(update={"topics": topics})


def _known(lines: Sequence[Line], path: Path, city: City) -> Sequence[Line]:
    """Returns the lines; raises `ConfigError` with the labels that are no topic: such lines would compare nothing."""
    topics = [*(topic.id for topic in city.topics), NOTHING]
    wrong = {line.label: line.number for line in reversed(lines) if line.label not in topics}
    if wrong:
        told = sorted(wrong.items(), key=lambda each: each[1])[:_MOST_TOLD]
        raise ConfigError(*(f"{path}:{number}: {label} is no topic. {_near(label, topics)}" for label, number in told))
    return lines


def _near(label: str, topics: Sequence[str]) -> str:
    near = get_close_matches(label, topics[:-1], n=1)
    return f"Did you mean {near[0]}?" if near else "Take one of topics.toml, or none"


def _running(city: City, data: bytes | None, where: str) -> tuple[Classifier, str]:
    """Returns what runs, and what is wrong with its model: whoever makes it anew must not need the old one."""
    try:
        return _asked(city, data, where), ""
    except ConfigError as error:
        return _asked(city, None, where), str(error).partition(". ")[0]


def _asked(city: City, data: bytes | None, where: str) -> Classifier:
    asked = Topic(city)
    if data is not None:
        asked.use(data, where=where)
    return asked


def _judged(asked: Classifier, lines: Sequence[Line]) -> Figures:
    return figures(PART, said_by_classifier(PART, asked, lines), SURE[PART])


def _figures(found: Figures) -> str:
    return f"{found.best_guess:.1%} first, {found.coverage:.1%} can be said so that 95 % is right"
