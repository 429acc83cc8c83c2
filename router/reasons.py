"""Why a message was decided so, in words for people."""

from collections.abc import Iterator, Sequence

from core.decision import Finding
from router.view import View


def because(grounds: Sequence[Finding]) -> Iterator[str]:
    """Yields what the decision rests on."""
    for finding in grounds:
        if finding.classifier == "faq":
            yield f"faq: {finding.because} {finding.confidence:.2f}, lead {finding.lead:.2f}"
        elif finding.value.startswith("owner:"):
            yield f"owner: {finding.because} {finding.value.removeprefix('owner:')}"
        else:
            yield f"{finding.classifier}: {finding.because or finding.value}"


def guesses(view: View) -> Iterator[str]:
    """Yields what came nearest, for whoever reads why nothing was sure."""
    for classifier in ("topic", "faq", "district"):
        found = view.best(classifier)
        if found:
            yield f"unsure {classifier}: {found.value} {found.confidence:.2f} {found.because}".rstrip()
