"""Letters: what citizens read, filled in right, in their language and in the manner of the channel."""

from typing import Any

import msgspec
import pytest

from cases.letters import Facts, Letters, deadline, moment
from config.schema import City, Letter
from connectors._x_weight import MOST_WEIGHT, weight
from core.errors import ConfigError
from core.reply import Style
from tests.casework import FAQ, at, city

DUE = at("2026-12-01 18:00")


def with_letter(name: str, **fields: str) -> City:
    """Returns the town with one letter replaced."""
    town = city()
    letters = town.words.letters | {name: Letter(**({"text": "본문", "text_en": "body"} | fields))}
    return town.model_copy(update={"words": town.words.model_copy(update={"letters": letters})})


def facts(**more: Any) -> Facts:
    given: dict[str, Any] = {"number": "20261123-000001-0", "channel": "email", "queue": "gangnam", "due_at": DUE}
    return Facts(**(given | more))


@pytest.fixture
def letters() -> Letters:
    return Letters(city(), styles={"sms": Style(short=True, link=False)})


def test_a_deadline_reads_as_people_say_it() -> None:
    """A deadline is a day with its weekday, without an hour."""
    assert "12월 1일(화)" == deadline(DUE)
    assert "Tue, 1 Dec" == deadline(DUE, english=True)


def test_a_moment_is_seouls() -> None:
    """Times are those of Seoul, whatever zone they are kept in."""
    assert "11월 21일(토) 22:10" == moment(at("2026-11-21 22:10"))


def test_a_receipt_says_number_department_and_date(letters: Letters) -> None:
    """A receipt names the case, who has it and until when."""
    words = letters.write("receipt", facts(unit="청소", link="https://eungdapso.example/c/1/2"))

    assert "20261123-000001-0" in words.text
    assert "강남구 청소 담당" in words.text
    assert "12월 1일(화)까지" in words.text
    assert "https://eungdapso.example/c/1/2" == words.link


def test_a_short_letter_has_no_link_where_none_is_wanted(letters: Letters) -> None:
    """An SMS carries no link, and says so."""
    words = letters.write("receipt", facts(channel="sms", link="https://eungdapso.example/c/1/2"))

    assert "" == words.link
    assert "https" not in words.text


def test_every_case_has_its_own_number_and_link(letters: Letters) -> None:
    """Letters that say the same differ in what is theirs, also where a link is missing."""
    link = "https://eungdapso.example/c/2/b"
    first = letters.write("receipt", facts(number="20261123-000001-0", link="https://eungdapso.example/c/1/a"))
    second = letters.write("receipt", facts(number="20261123-000002-8", link=link))
    third = letters.write("receipt", facts(number="20261123-000003-6", link=""))

    assert "20261123-000001-0" in first.text
    assert ("20261123-000002-8" in second.text, link in second.text, link) == (True, True, second.link)
    assert "20261123-000001-0" not in second.text
    assert ("", False) == (third.link, "https" in third.text)


@pytest.mark.parametrize("more", [{"queue": "triage"}, {"language": "en"}, {"public": True}, {"channel": "sms"}])
def test_what_differs_is_never_taken_from_another_letter(letters: Letters, more: dict[str, Any]) -> None:
    """A letter reads the same whatever was written before it."""
    alone = Letters(city(), styles={"sms": Style(short=True, link=False)}).write("receipt", facts(**more))
    letters.write("receipt", facts())

    assert alone == letters.write("receipt", facts(**more))


def test_an_unverified_telephone_is_never_named(letters: Letters) -> None:
    """Where nobody checked the number, 120 stands."""
    words = letters.write("receipt", facts())

    assert "02-3423" not in words.text
    assert "120" in words.text


def test_a_verified_telephone_is_named(letters: Letters) -> None:
    """A number that somebody checked is the one to ring."""
    assert "02-3423-5114" in letters.write("receipt", facts(queue="jongno")).text


@pytest.mark.parametrize("language", ["en", "zh", "other"])
def test_other_languages_get_english(letters: Letters, language: str) -> None:
    """Who does not write Korean is answered in English."""
    words = letters.write("receipt", facts(language=language))

    assert "Gangnam-gu" in words.text
    assert "Tue, 1 Dec" in words.text


def test_what_a_citizen_typed_is_never_a_placeholder() -> None:
    """Braces in a value stay as they are."""
    letters = Letters(with_letter("result", text="{text} ({number})"))
    words = letters.write("result", facts(text="{number} {0.__class__} {{}}"))

    assert "{number} {0.__class__} {{}} (20261123-000001-0)" == words.text


def test_a_line_that_has_nothing_to_say_is_left_out() -> None:
    """A line all of whose values are empty goes, and no gap stays."""
    letters = Letters(with_letter("receipt", text="처음\n\n사유: {hint}\n\n진행: {link}\n끝 {number}"))

    assert "처음\n\n끝 20261123-000001-0" == letters.write("receipt", facts()).text


def test_an_empty_value_between_blanks_leaves_one_blank() -> None:
    """A missing unit leaves no hole in the sentence."""
    letters = Letters(with_letter("receipt", text="담당 {queue} {unit} 문의 {phone}"))

    assert "담당 강남구 문의 120" == letters.write("receipt", facts()).text


def test_doubled_braces_are_braces() -> None:
    """A template can show a brace by writing it twice."""
    letters = Letters(with_letter("receipt", text="{{{number}}} {{}}"))

    assert "{20261123-000001-0} {}" == letters.write("receipt", facts()).text


def test_what_others_can_read_says_no_more_than_it_may(letters: Letters) -> None:
    """A public letter carries number, department and date; no link, no hint, no words."""
    public = facts(public=True, link="https://eungdapso.example/c/1/2", hint="비밀", text="비밀", reason="비밀")
    words = letters.write("receipt", public)

    assert "강남구" in words.text
    assert "비밀" not in words.text
    assert "https" not in words.text


@pytest.mark.parametrize(("name", "said"), [("result", "답변하였습니다"), ("closed", "종결하였습니다")])
def test_in_public_a_result_says_when_and_how_to_hear_it(letters: Letters, name: str, said: str) -> None:
    """That it was answered or closed, on which day, by whom, and that 120 tells the words to who has the number."""
    words = letters.write(name, facts(public=True, said_at=at("2026-11-24 10:00"), text="비밀", reason="비밀")).text

    for part in ("11월 24일(화)", said, "120", "20261123-000001-0", "강남구"):
        assert part in words
    assert "비밀" not in words


@pytest.mark.parametrize(("name", "said"), [("result", "Answered on Tue, 24 Nov"), ("closed", "closed on Tue, 24 Nov")])
def test_in_public_a_result_is_told_in_english_too(letters: Letters, name: str, said: str) -> None:
    """With the day, the telephone and the number, for who does not write Korean."""
    words = letters.write(name, facts(public=True, language="en", said_at=at("2026-11-24 10:00"), text="secret")).text

    assert (True, True, False) == (said in words, "Call 120" in words, "secret" in words)


@pytest.mark.parametrize("name", sorted(city().words.letters))
@pytest.mark.parametrize("language", ["ko", "en"])
def test_what_has_words_for_the_public_fits_one_post(letters: Letters, name: str, language: str) -> None:
    """A post of X holds 280 by its count, with the longest name of a department, too."""
    letter = city().words.letters[name]
    public = facts(public=True, language=language, queue="triage", said_at=at("2026-12-11 10:00"))

    assert not letter.public or weight(letters.write(name, public).text) <= MOST_WEIGHT


def test_words_for_the_public_name_nothing_else() -> None:
    """A template that would tell the words, a link or a reason to everybody is a mistake; so is one language alone."""
    for public in ("{text}", "{reason}", "{link}", "{officer}"):
        with pytest.raises(ConfigError, match=r"letters\.result\.public: \{"):
            Letters(with_letter("result", public=public, public_en="done"))
    with pytest.raises(ConfigError, match="only one of public and public_en"):
        Letters(with_letter("result", public="답변하였습니다."))


@pytest.mark.parametrize("name", sorted(city().words.letters))
def test_no_letter_about_a_confidential_matter_names_a_department(letters: Letters, name: str) -> None:
    """No letter tells who has a confidential matter, nor a date."""
    words = letters.write(name, facts(confidential=True, queue="office.audit", unit="조사"))

    assert "감사" not in words.text + words.subject
    assert "12월 1일" not in words.text
    assert "02-2133" not in words.text


@pytest.mark.parametrize("name", sorted(city().words.letters))
@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("channel", ["sms", "email"])
def test_every_letter_can_be_written_with_nothing_known(
    letters: Letters, name: str, language: str, channel: str
) -> None:
    """Whatever is missing, a letter has words and no placeholder is left in it."""
    words = letters.write(
        name, Facts(number="20261123-000001-0", channel=channel, language=language, text="답변", answer="답")
    )

    assert words.text
    assert "{" not in words.text + words.subject


def test_a_missing_letter_is_a_mistake() -> None:
    """Every letter has to be there; the mistake names the one that is not."""
    town = city()
    fewer = {name: letter for name, letter in town.words.letters.items() if name != "duty"}
    town = town.model_copy(update={"words": town.words.model_copy(update={"letters": fewer})})

    with pytest.raises(ConfigError, match=r"letters\.duty is missing"):
        Letters(town)


@pytest.mark.parametrize("written", ["{token}", "{number!r}", "{number:>10}", "{number.real}", "{0}", "{answer}", "{"])
def test_a_placeholder_that_cannot_be_filled_is_a_mistake(written: str) -> None:
    """A name that the letter does not have, or a trick with one, is named with its letter."""
    with pytest.raises(ConfigError, match=r"letters\.receipt\.text"):
        Letters(with_letter("receipt", text=f"접수 {written}"))


def test_all_mistakes_are_told_at_once() -> None:
    """Two wrong letters make two mistakes."""
    town = with_letter("receipt", text="{a}", text_en="{b}")

    with pytest.raises(ConfigError) as caught:
        Letters(town)
    assert 2 == len(caught.value.mistakes)


def test_an_answer_holds_only_while_nothing_changed(letters: Letters) -> None:
    """An FAQ that was mended, or taken back, answers no more with its old words."""
    today = FAQ.as_of

    assert letters.holds(FAQ.id, FAQ.version, today)
    assert not letters.holds(FAQ.id, "older", today)
    assert not letters.holds("unknown", FAQ.version, today)


def test_officers_names_are_shown_only_when_that_is_wanted() -> None:
    """Whether a letter names the officer is a setting."""
    named = msgspec.structs.replace(facts(), officer="박지훈")

    assert "박지훈" not in Letters(city()).write("assigned", named).text
    assert "박지훈" in Letters(city(), show_officers=True).write("assigned", named).text
