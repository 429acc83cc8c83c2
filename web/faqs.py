"""Search over the FAQs for people who look before they ask: ranked by shared words, never an automatic answer."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from config.schema import Faq
from core.text import tokens

_QUESTION_WEIGHT, _ANSWER_WEIGHT = 1.0, 0.3
_LEAST_SCORE = 0.12


class FaqSearch:
    """Knows the FAQs that somebody verified. `today` decides which of them hold."""

    def __init__(self, faqs: Sequence[Faq]) -> None:
        self._faqs = [faq for faq in faqs if faq.verified]
        self._weights = [_weights(faq) for faq in self._faqs]
        held = Counter(token for weights in self._weights for token in weights)
        self._rarity = {token: math.log(1 + len(self._faqs) / count) for token, count in held.items()}

    def find(self, words: str, language: str, limit: int, *, today: date) -> list[dict[str, Any]]:
        """Returns the best first; `score` is the share of the question's weight that the FAQ covers, 0 to 1."""
        asked = set(tokens(words))
        whole = sum(self._rarity.get(token, max(self._rarity.values(), default=1.0)) for token in asked)
        if not whole:
            return []
        ranked = sorted(
            ((self._covered(asked, weights) / whole, place) for place, weights in enumerate(self._weights)),
            reverse=True,
        )
        chosen = [(score, self._faqs[place]) for score, place in ranked if score >= _LEAST_SCORE]
        return [_shown(faq, language, score) for score, faq in chosen if _holds(faq, today)][:limit]

    def _covered(self, asked: set[str], weights: Mapping[str, float]) -> float:
        return sum(weights[token] * self._rarity[token] for token in asked if token in weights)


def _weights(faq: Faq) -> dict[str, float]:
    other = (faq.en.question, *faq.en.variants) if faq.en else ()
    weights = dict.fromkeys(tokens(faq.answer), _ANSWER_WEIGHT)
    weights.update(dict.fromkeys(tokens("\n".join((faq.question, *faq.variants, *other))), _QUESTION_WEIGHT))
    return weights


def _holds(faq: Faq, today: date) -> bool:
    return (faq.valid_from or today) <= today <= (faq.valid_until or today)


def _shown(faq: Faq, language: str, score: float) -> dict[str, Any]:
    words = faq if language == "ko" or faq.en is None else faq.en
    return {
        "id": faq.id,
        "question": words.question,
        "answer": words.answer,
        "score": round(score, 3),
        "as_of": faq.as_of,
        "source": faq.source,
    }
