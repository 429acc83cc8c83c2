"""The FAQ matcher on questions that are not ours: `python -m bench.pairs TRAIN.txt`, lines of first, second, 0 or 1.

Lines with 0 say the same in other words (as in the public set of Korean question pairs). A bank of FAQs is made of the
first of some of them, with one wording each, the hardest case; it is asked with the second, and with pairs that it
does not have. Then all sentences are put to the city's own FAQs, which cover none of them.
"""

import argparse
import random
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from bench import _measure as measure
from bench._judge import Judge, bare, messages
from bench._measure import NONE, Outcome
from classifiers.faq import Faq as Matcher
from config.schema import City, Faq
from core.decision import Finding

# As sure, and as far from the second best, as the rules want an FAQ to be.
_SURE, _LEAD = 0.8, 0.1
_LEAST_CHARACTERS = 6
Pair = tuple[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pairs", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--bank", type=int, default=100, help="how many FAQs")
    parser.add_argument("--seed", type=int, default=20_261_123)
    given = parser.parse_args()
    pairs = _pairs(given.file)
    random.Random(given.seed).shuffle(pairs)
    judge = Judge()
    figures = _banked(judge.city, pairs[: given.bank], pairs[given.bank : 3 * given.bank])
    for name, value in figures.items():
        print(f"{name:20} {value:.1%}" if isinstance(value, float) else f"{name:20} {value:,}")
    said = list(dict.fromkeys(text for pair in pairs for text in pair))
    answered = [(text, one.faq) for text, one in zip(said, judge.decisions(bare(said)), strict=True) if one.faq]
    print(f"the city's own FAQs answer {len(answered):,} of {len(said):,} foreign sentences")
    for text, faq in answered[:20]:
        print(f"  {faq}: {text}")


def _pairs(path: Path) -> list[Pair]:
    """Returns the pairs that say the same in different words."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    same = [(row[0].strip(), row[1].strip()) for row in rows if len(row) == 3 and row[2].strip() == "0"]
    differing = [pair for pair in same if pair[0] != pair[1] and min(map(len, pair)) >= _LEAST_CHARACTERS]
    return list(dict.fromkeys(differing))


def _banked(city: City, bank: Sequence[Pair], others: Sequence[Pair]) -> measure.Figures:
    faqs = tuple(_faq(f"q{number}", first) for number, (first, _) in enumerate(bank))
    matcher = Matcher(city.model_copy(update={"faqs": faqs}))
    asked = [(second, f"q{number}") for number, (_, second) in enumerate(bank)]
    asked += [(second, NONE) for _, second in others]
    found = matcher.classify(messages(bare([text for text, _ in asked])))
    first = [_outcome(text, right, one[0] if one else None) for (text, right), one in zip(asked, found, strict=True)]
    sent = [_outcome(text, right, _sure(one)) for (text, right), one in zip(asked, found, strict=True)]
    return measure.of_faq(first, sent)


def _sure(found: Sequence[Finding]) -> Finding | None:
    return next((one for one in found[:1] if one.confidence >= _SURE and one.lead >= _LEAD), None)


def _outcome(text: str, right: str, found: Finding | None) -> Outcome:
    return Outcome(text=text, right=right, found=found.value if found else NONE, sure=found.confidence if found else 0)


def _faq(name: str, question: str) -> Faq:
    return Faq(
        id=name,
        category="시험",
        question=question,
        variants=(question,) * 6,
        answer="안내해 드립니다.",
        short="안내",
        as_of=date(2026, 11, 1),
        source="시험",
        verified=True,
    )


if __name__ == "__main__":
    main()
