"""Reading the city's files: what is right is read whole, what is wrong is told all at once, each with its place."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.boxes import past
from config.load import explain, load_city, read_city, read_toml
from config.schema import Faq, When
from core.clock import parse_instant
from core.errors import ConfigError
from core.settings import SecretRef, Settings

DISTRICT = """
[[district]]
id = "jongno"
name = "종로구"
english = "Jongno-gu"
code = "11110"
address = "종로구 삼봉로 43"
phone = "02-2148-1114"
lat = 37.57
lon = 126.97
legal_dongs = ["청운동"]
admin_dongs = ["청운효자동"]
"""
FAQ = """
[[faq]]
id = "bus-fare"
category = "교통"
question = "시내버스 요금이 얼마예요?"
variants = ["버스 요금", "버스비 얼마", "버스 타는 데 얼마", "버스 요금 알려줘", "시내버스 성인 요금", "버스 카드 요금"]
answer = "간·지선버스는 교통카드로 1,500원입니다."
short = "간선·지선버스 1,500원"
as_of = 2026-01-01
source = "서울특별시"
verified = true
"""
FILES = {
    "districts.toml": DISTRICT + '\n[[place]]\nname = "광화문광장"\ndistricts = ["jongno"]\nowner = "hq.road"\n',
    "departments.toml": '[[department]]\nid = "hq.road"\nname = "도로관리과"\nenglish = "Road Management"\n',
    "topics.toml": '[[topic]]\nid = "litter"\nname = "쓰레기"\nenglish = "Litter"\nowner = "district"\nunit = "청소"\n',
    "faq/traffic.toml": FAQ,
    "routing.toml": (
        'elsewhere = ["부산"]\n[[rule]]\nname = "answer"\nwhen = { faq = "*" }\nthen = "answer"\n'
        '[[kind]]\nkind = "corruption"\nqueue = "hq.road"\nkeywords = ["뇌물"]\n'
        '[[urgent]]\nid = "fire"\nhint = "119"\nhint_en = "119"\n'
    ),
    "words.toml": (
        '[letters.answer]\ntext = "{answer}"\ntext_en = "{answer}"\n[states]\nopen = "접수"\n[kinds]\nother = "기타"\n'
    ),
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a city's folder; `changes` replace files, keys are names with `/` and `.` as they are."""

    def _write(changes: dict[str, str] | None = None) -> Path:
        for name, text in {**FILES, **(changes or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        return tmp_path

    return _write


def mistakes_in(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_city(folder)
    return [mistake.replace(f"{folder}/", "") for mistake in caught.value.mistakes]


def test_a_city_is_read_whole(write: Write) -> None:
    """Every table of every file is in the city."""
    city = load_city(write())

    assert ("jongno", "광화문광장", "hq.road", "litter", "bus-fare") == (
        city.districts[0].id,
        city.places[0].name,
        city.departments[0].id,
        city.topics[0].id,
        city.faqs[0].id,
    )
    assert ("answer", "corruption", "fire", ("부산",), "접수") == (
        city.routing.rules[0].name,
        city.routing.kinds[0].kind,
        city.routing.urgent[0].id,
        city.routing.elsewhere,
        city.words.states["open"],
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        (
            "faq/traffic.toml",
            "as_of =",
            "as_off =",
            "faq/traffic.toml:9: faq 1 (bus-fare): as_off is not a setting. Did you mean as_of?",
        ),
        (
            "faq/traffic.toml",
            ', "버스 카드 요금"',
            "",
            "faq/traffic.toml:6: faq 1 (bus-fare): variants: has 5 entries, at least 6 are needed. Add some.",
        ),
        (
            "faq/traffic.toml",
            '1,500원"\nas',
            '1,500원 😀"\nas',
            "short: '😀' (U+1F600) cannot go into an SMS. Write it in other characters.",
        ),
        ("faq/traffic.toml", 'id = "bus-fare"\n', "", "faq/traffic.toml:2: faq 1: id is missing. Add it"),
        (
            "topics.toml",
            '"district"',
            '"hq.raod"',
            'topic 1 (litter): owner "hq.raod" is neither "district" nor a department. Did you mean hq.road?',
        ),
        ("topics.toml", '"청소"', '"청소과"', 'unit "청소과" is no unit of any district. Did you mean 청소?'),
        (
            "districts.toml",
            '["jongno"]',
            '["jong"]',
            'districts.toml:16: place 1 (광화문광장): districts "jong" is no district. Did you mean jongno?',
        ),
        ("districts.toml", '"hq.road"', '"hq.rod"', 'owner "hq.rod" is no department. Did you mean hq.road?'),
        ("districts.toml", "lat = 37.57", "lat = 126.97", "Are they exchanged?"),
        (
            "districts.toml",
            "[[place]]",
            "[[plaec]]",
            "districts.toml:14: plaec is not a table of this file. Did you mean place?",
        ),
        ("departments.toml", '"hq.road"', '"jongno"', 'id "jongno" is already that of'),
        (
            "departments.toml",
            "[[department]]",
            "[department]",
            "departments.toml:1: there are several of these. Write each as [[department]], with two brackets.",
        ),
        (
            "routing.toml",
            '{ faq = "*" }',
            '{ faq = ["bus-fair"] }',
            'routing.toml:4: rule 1 (answer): when.faq "bus-fair" is no question. Did you mean bus-fare?',
        ),
        ("routing.toml", '{ faq = "*" }', '{ owner = ["agency.*"] }', 'when.owner "agency.*" is no owner.'),
        ("routing.toml", '{ faq = "*" }', "{ demand = false }", "a row that answers needs when.faq."),
        (
            "routing.toml",
            'then = "answer"',
            'then = "anser"',
            'routing.toml:5: rule 1 (answer): then cannot be "anser". Did you mean answer?',
        ),
        (
            "routing.toml",
            'queue = "hq.road"',
            'queue = "hq.audit"',
            'routing.toml:8: kind 1 (corruption): queue "hq.audit" is no queue.',
        ),
        ("routing.toml", '["뇌물"]', '["뇌물"]\npatterns = ["(돈"]', "is no regular expression"),
        ("routing.toml", 'when = { faq = "*" }', 'when = "demand"', "when: should be a table"),
        ("routing.toml", '["부산"]', '"부산"', "routing.toml:1: elsewhere should be a list of names"),
        (
            "topics.toml",
            "[[topic]]",
            'no_topic = "안녕하세요"\n[[topic]]',
            "topics.toml:1: no_topic should be a list of messages",
        ),
        (
            "routing.toml",
            'hint = "119"',
            'hint = ""',
            "routing.toml:12: urgent 1 (fire): hint: is empty. Write something, or remove it.",
        ),
        (
            "words.toml",
            "text_en",
            "texten",
            "words.toml:3: letters.answer.texten is not a setting. Did you mean text_en?",
        ),
        (
            "words.toml",
            "[states]",
            "[statse]",
            "words.toml:4: statse is not a table of this file. Did you mean states?",
        ),
        (
            "topics.toml",
            'name = "쓰레기"',
            "name = 쓰레기",
            'topics.toml:3: is no TOML: Invalid value. Text stands in quotation marks: name = "쓰레기".',
        ),
    ],
)
def test_a_mistake_is_told(write: Write, file: str, old: str, new: str, sentence: str) -> None:
    """Each mistake is told with its file, its line, its table, what is wrong and what now."""
    found = mistakes_in(write({file: FILES[file].replace(old, new)}))

    assert sentence in "\n".join(found)


def test_two_questions_are_never_asked_alike(write: Write) -> None:
    """Words that two questions claim are a mistake: nobody could tell which one is meant."""
    twin = FAQ.replace('"bus-fare"', '"taxi-fare"').replace("시내버스 요금이 얼마예요?", "택시 요금")
    told = mistakes_in(write({"faq/taxi.toml": twin}))

    assert 'faq/traffic.toml:6: faq 1 (bus-fare): question "버스 요금" is already that of' in told[0]


def test_all_mistakes_are_told_at_once(write: Write) -> None:
    """Mistakes in several files are one report."""
    found = mistakes_in(
        write(
            {
                "topics.toml": FILES["topics.toml"].replace('"district"', '"x"'),
                "faq/traffic.toml": FAQ.replace("id", "idd"),
            }
        )
    )

    assert ["faq/traffic.toml", "faq/traffic.toml", "topics.toml"] == sorted(text.split(":")[0] for text in found)


def test_a_broken_table_is_one_mistake(write: Write) -> None:
    """What refers to a table that has a mistake of its own is not told as a second mistake."""
    found = mistakes_in(write({"departments.toml": FILES["departments.toml"].replace("english", "englsh")}))

    assert ["department 1 (hq.road)"] * 2 == [text.split(": ")[1] for text in found]


def test_a_row_whose_time_is_over_is_noted(write: Write) -> None:
    """It is no mistake; where it stands is told, so that somebody removes it."""
    row = '[[rule]]\nname = "fair"\nuntil = 2026-11-22\nwhen = { demand = true }\nthen = "hold"\n'
    rules = read_city(write({"routing.toml": FILES["routing.toml"] + row})).tables
    (note,) = past(rules, parse_instant("2026-11-23T00:00"))

    assert "routing.toml:16: rule 2 (fair): was until 2026-11-22 and applies no more." in note
    assert [] == past(rules, parse_instant("2026-11-22T23:59"))


def test_an_answer_whose_time_is_over_is_noted(write: Write) -> None:
    """Nobody is answered with it any more, and nothing else says so."""
    old = FAQ + "valid_until = 2026-11-22\n"
    tables = read_city(write({"faq/traffic.toml": old})).tables

    assert [] == past(tables, parse_instant("2026-11-22T23:59"))
    assert "faq 1 (bus-fare): held until 2026-11-22" in past(tables, parse_instant("2026-11-23T00:00"))[0]


TOPIC = """
[[topic]]
id = "bulky"
name = "대형폐기물"
english = "Bulky waste"
owner = "district"
unit = "청소"
"""


@pytest.mark.parametrize(
    ("first", "second", "no_topic", "sentence"),
    [
        ('examples = ["몰래 버려요"]', 'sayings = ["몰래 버려요"]', "", "topics.toml:16: topic 2 (bulky): sentence"),
        ('sayings = ["네"]', "", 'no_topic = ["네"]', "topics.toml:1: no_topic: sentence"),
        ('keywords = ["무단투기"]', 'keywords = ["무단투기"]', "", "topics.toml:16: topic 2 (bulky): keyword"),
    ],
)
def test_a_sentence_speaks_for_one_topic(write: Write, first: str, second: str, no_topic: str, sentence: str) -> None:
    """The same in two topics teaches nothing: both lines are told."""
    text = f"{no_topic}\n{FILES['topics.toml']}{first}\n{TOPIC}{second}\n"
    (told,) = read_city(write({"topics.toml": text})).mistakes

    assert sentence in told
    assert "topics.toml:8: topic 1 (litter)" in told


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("topics.toml", '"district"', '"종로구"', 'Write owner = "district"'),
        ("topics.toml", '"litter"', '"Litter!"', 'should begin with a small letter'),
        ("topics.toml", 'unit = "청소"', 'unit = "청소"\nkeywords = ["쓰레기", " "]', "keywords no. 2 is empty"),
        ("departments.toml", 'english', 'duty_contact = "010-1234-5678"\nenglish', "a channel and an address"),
        ("departments.toml", 'english', 'duty_contact = "smss:+821012345678"\nenglish', "Did you mean sms?"),
        ("routing.toml", 'then = "answer"', 'then = "answer"\npriority = 1', "Rows are read from top to bottom"),
        ("routing.toml", 'then = "answer"', 'then = "answer"\ntopic = ["litter"]', "Write it in when"),
        ("routing.toml", '{ faq = "*" }', '{ faq = ["*"] }', 'stands without brackets and alone: faq = "*"'),
        ("routing.toml", '{ faq = "*" }', '{ faq = "*", words = ["가 | 나"] }', 'Write words = ["가", "나"].'),
        ("routing.toml", '{ faq = "*" }', '{ faq = "*", not_topic = ["litter"] }', "No condition can be turned round"),
        ("routing.toml", '{ faq = "*" }', '{ faq = "*", rating = [1] }', "should be text in quotation marks"),
        ("routing.toml", 'then = "answer"', 'then = "answer"\nuntil = 2027-02-30', "There is no such day or time"),
    ],
)  # fmt: skip
def test_what_a_new_administrator_writes_is_told(write: Write, file: str, old: str, new: str, sentence: str) -> None:
    """One mistake is one sentence, which says what to write instead."""
    draft = read_city(write({file: FILES[file].replace(old, new, 1)}), channels={"sms": "sms"})
    (told,) = draft.mistakes

    assert sentence in told


def test_a_row_of_which_a_line_is_lost_has_no_consequences(write: Write) -> None:
    """Without its condition it would apply to everything, and every row behind it never."""
    broken = '[[rule]]\nname = "fair"\nwhen.words = ["벼룩시장]\nthen = "hold"\n'
    (told,) = read_city(
        write(
            {
                "routing.toml": broken.join(FILES["routing.toml"].split("[[rule]]", 1)[:1])
                + broken
                + "[[rule]]"
                + FILES["routing.toml"].split("[[rule]]", 1)[1]
            }
        )
    ).mistakes

    assert "routing.toml:4: is no TOML" in told


def test_mistakes_stand_in_the_order_of_the_file(write: Write) -> None:
    """Whoever mends them goes through a file once."""
    rows = '[[rule]]\nname = "a"\nqueue = "hq.raod"\nthen = "dispatch"\n[[rule]]\nname = "b"\nthen = "hodl"\n'
    told = read_city(write({"routing.toml": FILES["routing.toml"] + rows})).mistakes

    assert ["rule 2 (a)", "rule 3 (b)"] == [one.split(": ")[1] for one in told]


def test_a_channel_that_is_none_is_told(write: Write) -> None:
    """Rules may name the channels that there are; which these are, others say."""
    row = '[[rule]]\nname = "fax"\nwhen = { channel = ["smss"] }\nthen = "hold"\n'
    draft = read_city(write({"routing.toml": FILES["routing.toml"] + row}), channels={"sms": "sms", "email": "email"})

    assert 'when.channel "smss" is no channel of pipeline.toml. Did you mean sms?' in draft.mistakes[0]


def test_syllables_that_were_taken_apart_are_the_same_name(write: Write) -> None:
    """Some editors write 청소 as its letters: it looks the same and is meant the same."""
    apart = unicodedata.normalize("NFD", FILES["topics.toml"])

    assert "청소" == load_city(write({"topics.toml": apart})).topics[0].unit


def test_a_missing_file_is_a_mistake(write: Write) -> None:
    """A file that is not there is told by its name."""
    folder = write()
    (folder / "topics.toml").unlink()

    assert ["topics.toml: there is no such file. Add it, or name another."] == mistakes_in(folder)


def test_a_city_without_emergencies_is_a_mistake(write: Write) -> None:
    """An empty file of rules decides nothing and rings nobody."""
    told = " ".join(mistakes_in(write({"routing.toml": ""})))

    assert ["rule", "kind", "urgent"] == [name for name in ("rule", "kind", "urgent") if f"[[{name}]]" in told]


def test_a_file_in_another_charset_is_a_mistake(write: Write) -> None:
    """A file that is not UTF-8 is told, not guessed."""
    folder = write()
    (folder / "topics.toml").write_bytes(FILES["topics.toml"].encode("cp949"))

    assert ["topics.toml: is not UTF-8 (byte 32). Save it as UTF-8."] == mistakes_in(folder)


def test_toml_of_windows_editors_is_read(tmp_path: Path) -> None:
    """A byte order mark and CRLF, as some editors write them, do no harm."""
    path = tmp_path / "a.toml"
    path.write_bytes(b'\xef\xbb\xbfname = "a"\r\n')

    assert {"name": "a"} == read_toml(path)


class Channel(Settings):
    """[connectors.telegram]"""

    token: SecretRef | None = None
    """Bot token."""
    poll_seconds: int = 5


def explained(given: dict[str, object]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Channel.model_validate(given)
    return explain(caught.value, "pipeline.toml", Channel, prefix=("connectors", "telegram"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"tokn": {"env": "A"}}, "pipeline.toml: connectors.telegram.tokn is not a setting. Did you mean token?"),
        ({"token": {"evn": "A"}}, "pipeline.toml: connectors.telegram.token.env is missing. Add it."),
        ({"poll_seconds": "soon"}, "pipeline.toml: connectors.telegram.poll_seconds: should be a valid integer"),
    ],
)
def test_a_setting_is_explained(given: dict[str, object], sentence: str) -> None:
    """A mistake in a part's table is a sentence of ours."""
    assert explained(given)[0].startswith(sentence)


def test_a_secret_is_never_shown() -> None:
    """A secret written out in a file is refused without being repeated."""
    told = "\n".join(explained({"token": "123:geheim", "poll_seconds": "geheim"}))

    assert "a secret never stands in a file" in told
    assert "geheim" not in told


def test_one_sentence_for_a_union() -> None:
    """A value that fits no form of a union is one mistake."""
    with pytest.raises(ValidationError) as caught:
        When.model_validate({"topic": 3})

    assert ['a: topic: should be a list: ["…", "…"].'] == explain(caught.value, "a", When)


def test_missing_settings_tell_their_meaning() -> None:
    """A missing setting is told with what it means, where that is written."""
    with pytest.raises(ValidationError) as caught:
        Faq.model_validate({})

    assert "a: verified is missing. Add it: Whether somebody of the city has checked the answer" in "\n".join(
        explain(caught.value, "a", Faq)
    )


@pytest.mark.parametrize(
    ("sign", "told"),
    [
        (r"\u001b[2J", "holds a sign that nobody sees (U+001B). Write it without."),
        (r"\u0000", "holds a sign that nobody sees (U+0000). Write it without."),
        (r"\u202e", "holds a sign that nobody sees (U+202E). Write it without."),
        (r"\nqueue", "goes on in another line. Write it in one."),
    ],
)
def test_names_and_ids_command_no_terminal(write: Write, sign: str, told: str) -> None:
    """They stand in terminals, logs and pages: what nobody sees is refused, and not even repeated."""
    files = {
        "routing.toml": FILES["routing.toml"].replace('name = "answer', f'name = "answer{sign}'),
        "faq/traffic.toml": FAQ.replace('id = "bus-fare', f'id = "bus-fare{sign}'),
        "topics.toml": FILES["topics.toml"].replace('id = "litter', f'id = "litter{sign}'),
        "departments.toml": FILES["departments.toml"].replace('id = "hq.road', f'id = "hq.road{sign}'),
    }
    mistakes = read_city(write(files)).mistakes
    refused = [mistake for mistake in mistakes if "should begin with a small letter" in mistake]

    assert [f"name: {told}"] == [mistake.split("): ", 1)[1] for mistake in mistakes if "routing.toml:3:" in mistake]
    assert 3 == len(refused)
    assert "".join(mistakes).isprintable()
