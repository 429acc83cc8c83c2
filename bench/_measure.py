"""What the quality of each part is: pure measures over pairs of what is right and what was found."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

NONE = "none"
Figures = dict[str, float]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence: what is right, what was found, and how sure the finder was of it."""

    text: str
    right: str
    found: str
    sure: float = 1.0

    @property
    def is_right(self) -> bool:
        return self.right == self.found


def share(part: float, whole: float) -> float:
    """Returns part / whole, 0 where there is nothing to share."""
    return part / whole if whole else 0.0


def accuracy(outcomes: Sequence[Outcome]) -> float:
    return share(sum(one.is_right for one in outcomes), len(outcomes))


def macro_f1(outcomes: Sequence[Outcome]) -> float:
    """Returns the mean over the labels that are right somewhere of 2 · hits / (times right + times found)."""
    hits = Counter(one.right for one in outcomes if one.is_right)
    rights = Counter(one.right for one in outcomes)
    founds = Counter(one.found for one in outcomes)
    return share(sum(2 * hits[label] / (rights[label] + founds[label]) for label in rights), len(rights))


def coverage_at(outcomes: Sequence[Outcome], precision: float) -> float:
    """Returns the share of the sentences that have a label which are acted on rightly by the threshold, where what
    is acted on is right in `precision` of the cases. What is equally sure is acted on together."""
    found = sorted((one for one in outcomes if one.found != NONE), key=lambda one: -one.sure)
    labelled = sum(one.right != NONE for one in outcomes)
    right, best = 0, 0
    for place, one in enumerate(found, start=1):
        right += one.is_right
        is_last_as_sure = place == len(found) or found[place].sure < one.sure
        if is_last_as_sure and right >= precision * place:
            best = right
    return share(best, labelled)


def confusions(outcomes: Sequence[Outcome]) -> list[tuple[str, str, int]]:
    """Returns what was taken for what, and how often; the most frequent first."""
    counted = Counter((one.right, one.found) for one in outcomes if not one.is_right)
    return [(right, found, count) for (right, found), count in sorted(counted.items(), key=lambda x: (-x[1], x[0]))]


def of_faq(first: Sequence[Outcome], sent: Sequence[Outcome]) -> Figures:
    """`first`: the best FAQ of each question; `sent`: the FAQ whose answer goes out by itself, else "none"."""
    covered = [one for one in sent if one.right != NONE]
    others = [one for one in sent if one.right == NONE]
    automatic = [one for one in sent if one.found != NONE]
    return {
        "questions": len(sent),
        "covered": len(covered),
        "right first": accuracy([one for one in first if one.right != NONE]),
        "answered by itself": len(automatic),
        "wrong answers": sum(not one.is_right for one in automatic),
        "precision": accuracy(automatic),
        "coverage": share(sum(one.is_right for one in covered), len(covered)),
        "others refused": accuracy(others),
    }


def of_topic(best: Sequence[Outcome], acted: Sequence[Outcome]) -> Figures:
    """`best`: the best topic however unsure; `acted`: the topic where sure enough for the rules, else "none"."""
    labelled = [one for one in acted if NONE not in (one.right, one.found)]
    return {
        "messages": len(acted),
        "right first": accuracy([one for one in best if one.right != NONE]),
        "accuracy": accuracy(acted),
        "macro F1": macro_f1(acted),
        "precision where sure": accuracy(labelled),
        "sure": share(len(labelled), sum(one.right != NONE for one in acted)),
        "none refused": accuracy([one for one in acted if one.right == NONE]),
        "coverage at 95 % precision": coverage_at(best, 0.95),
    }


def of_speech(outcomes: Sequence[Outcome]) -> Figures:
    """Besides the accuracy, the mistake that could send an answer to who wants something done."""
    demands = [one for one in outcomes if one.right == "demand"]
    questions = [one for one in outcomes if one.right == "question"]
    return {
        "sentences": len(outcomes),
        "accuracy": accuracy(outcomes),
        "macro F1": macro_f1(outcomes),
        "demand seen": accuracy(demands),
        "question seen": accuracy(questions),
        "demand taken for a question": sum(one.found == "question" for one in demands),
    }


def of_route(outcomes: Sequence[Outcome]) -> Figures:
    """A wrong queue costs a citizen days, triage costs an officer minutes: they are counted apart."""
    judged = Counter(verdict(one) for one in outcomes)
    figures: Figures = {
        "messages": len(outcomes),
        "right": share(judged["right"], len(outcomes)),
        "to a person": share(judged["person"], len(outcomes)),
        "wrong": share(judged["wrong"], len(outcomes)),
        "wrong messages": judged["wrong"],
        "action right": share(sum(_action(one.right) == _action(one.found) for one in outcomes), len(outcomes)),
    }
    for name, group in _grouped(outcomes).items():
        figures[f"right: {name}"] = accuracy(group)
        figures[f"wrong: {name}"] = sum(verdict(one) == "wrong" for one in group)
    return figures


def of_district(outcomes: Sequence[Outcome]) -> Figures:
    """A district that is named surely and wrongly is what must not be; one too few or too many is a hint lost."""
    sure = [one for one in outcomes if one.right and "?" not in one.right]
    return {
        "sentences": len(outcomes),
        "the one, surely": accuracy(sure),
        "unsure, all listed": accuracy([one for one in outcomes if "?" in one.right]),
        "no place, none found": accuracy([one for one in outcomes if not one.right]),
        "sure and wrong": sum(bool(one.found) and "?" not in one.found and not one.is_right for one in outcomes),
    }


def of_guard(outcomes: Sequence[Outcome]) -> Figures:
    """For each thing to be guarded, the share that is; and how many got an automatic answer that must not."""
    rights = dict.fromkeys(one.right for one in outcomes)
    figures: Figures = {"sentences": len(outcomes)}
    for right in sorted(rights):
        figures[right] = accuracy([one for one in outcomes if one.right == right])
    figures["answered"] = sum(one.found == "answered" for one in outcomes)
    if "masked" in rights:
        figures["left unmasked"] = sum(one.found == "unmasked" for one in outcomes)
    return figures


def verdict(one: Outcome) -> str:
    """Returns "right", "person" (triage, or a department where an answer could have gone out) or "wrong"."""
    if one.is_right:
        return "right"
    if one.found == "hold triage" or (_action(one.right) == "answer" and _action(one.found) == "dispatch"):
        return "person"
    return "wrong"


_CONFIDENTIAL = ("hq.audit", "hq.human-rights", "hq.protection")


def _grouped(outcomes: Sequence[Outcome]) -> Mapping[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault(_group(one.right), []).append(one)
    return dict(sorted(groups.items()))


def _group(right: str) -> str:
    action, _, queue = right.partition(" ")
    if action != "dispatch":
        return {"hold": "triage"}.get(action, action)
    if queue in _CONFIDENTIAL:
        return "confidential"
    return queue.partition(".")[0] if "." in queue else "district"


def _action(label: str) -> str:
    return label.partition(" ")[0]
