"""Whether somebody asks for action ("단속해주세요"), asks a question ("어디에 신고하나요") or tells."""

from collections.abc import Sequence

from classifiers._speech import Speech, speech_of
from classifiers._text import reading_of
from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message


class Demand(Classifier):
    """Says demand, question or statement, exactly one; nothing for a message without words.

    A demand together with a concrete place is a demand, whatever question marks stand beside it.
    """

    def __init__(self, city: City) -> None:
        pass

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        readings = [reading_of(message) for message in messages]
        return [(_finding(speech_of(reading)),) if reading.words else () for reading in readings]


def _finding(speech: Speech) -> Finding:
    because = f"'{speech.word}'" + (f", a place: '{speech.place}'" if speech.place else "")
    return Finding("demand", speech.act, speech.confidence, because=because, lead=speech.lead)
