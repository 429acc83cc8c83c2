"""A rule file that somebody got wrong in every way they could: all of it is told at once, each with its line."""

import re
import shutil
import textwrap
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from config.load import load_city
from config.rules import ABUSE, AUTO
from config.schema import Faq, Rule, When
from core.clock import parse_instant
from core.decision import Action, Kind
from core.errors import ConfigError
from pipeline.examine import examine

ROOT = Path(__file__).parents[1]
NOW = parse_instant("2026-11-23T10:00")
# What is wrong stands behind each line; «» holds what the sentence has to say.
ROWS = """
elsewhere = ["부산"]

[[rule]]
name = "queue"
when = { topic = ["illegal-parking"] }
then = "dispatch"
queue = "gangnm"                               # «Did you mean gangnam?»

[[rule]]
name = "Korean queue"
when = { district = ["gangnam"] }
then = "dispatch"
queue = "강남구청"                              # «Did you mean gangnam (강남구)?»

[[rule]]
name = "topic and kind"
when.topic = [
    "illegal-parking",
    "ilegal-parking",                          # «Did you mean illegal-parking?»
]
when.kind = ["corupption"]                     # «Did you mean corruption?»
then = "dispatch"

[[rule]]
name = "district"
when = { district = ["gangbuk", "seochoo"] }   # «Did you mean seocho?»
then = "dispatch"

[[rule]]
name = "unit"
when = { owner = ["district"], at_least = 0.99 }
then = "dispatch"
queue = "gangnam"
unit = "청쇼"                                   # «Did you mean 청소?»

[[rule]]
name = "question"
when = { faq = ["bus-fair"] }                  # «Did you mean bus-fare?»
then = "answer"

[[rule]]
name = "channel"
when = { channel = ["emial"] }                 # «Did you mean email?»
then = "hold"

[[rule]]
name = "account"
when = { account = ["Seoul_esd"] }             # «Did you mean Seoul_eds?»
then = "hold"

[[rule]]
name = "condition"
when = { topik = ["litter"] }                  # «Did you mean topic?»
then = "hold"

[[rule]]
name = "Korean condition"
"조건" = { demand = true }                      # «Did you mean when»
then = "hold"

[[rule]]
name = "action"
when = { demand = false }
then = "dispach"                               # «Did you mean dispatch?»

[[rule]]
name = "Korean action"
when = { threaded = true }
then = "보류"                                   # «Did you mean hold»

[[rule]]
name = "key"
when = { context = "reply" }
then = "hold"
exampels = ["안녕하세요"]                       # «Did you mean examples?»

[[rule]]
name = "context"
when = { context = "replay" }                  # «Did you mean reply?»
then = "hold"

[[rule]]
name = "number"
when = { topic = "*", at_least = 80 }          # «Write a number from 0 to 1.»
then = "hold"

[[rule]]
name = "days"
from = 2026-12-31
until = 2026-12-01                             # «lies before from»
when = { urgent = ["gas"] }
then = "hold"

[[rule]]
name = "day"
until = "31.12.2026"                           # «2026-12-01»
when = { rating = ["5"] }
then = "hold"

[[rule]]
name = "list"
when = { words = "벼룩시장" }                   # «should be a list»
then = "hold"

[[rule]]
name = "nothing"
when = { topic = [] }                          # «names nothing»
then = "hold"

[[rule]]
name = "answer"
when = { district = "one" }
then = "answer"                                # «needs when.faq»

[[rule]]
name = "key"                                   # «is already that of»
when = { district = "several" }
then = "hold"

[[rule]]
name = "text"
when = { text = "담당자" }
then = hold                                    # «Text stands in quotation marks: then = "hold".»

[[rule]]
name = "example"
when = { auto = ["report"] }
then = "ignore"
examples = [
    "Your message could not be delivered.",
]
not_examples = [
    "your message could not be delivered.",    # «also one of its examples»
]

[[rule]]
name = "decided by another"
when = { auto = ["bulk"], words = ["할인"] }
then = "ignore"
examples = [
    "할인 행사를 알려 드립니다",
    "안녕하세요, 반갑습니다",                     # «is decided by rule »
]

[[rule]]
name = "several at once"
when.topik = ["litter"]                        # «Did you mean topic?»
when.channel = ["naver"]                       # «There are: form, email.»
when.kind = ["corupption"]                     # «Did you mean corruption?»
quue = "gangnam"                               # «Did you mean queue?»
then = "dispatch"
unit = "청쇼"                                   # «Did you mean 청소?»
examples = ["이 줄이 정하지 않습니다"]

[[rule]]                                       # «then is missing»
name = "without then"
queue = "gangnm"                               # «Did you mean gangnam?»

[[rule]]
name = "truth"
when = { topic = ["illegal-parking"], channel = ["email"] }
shadow = True                                  # «It is written in small letters: shadow = true.»
then = "hold"

[[rule]]
name = "everything"
then = "hold"

[[rule]]
name = "never"
when = { kind = ["welfare"] }                  # «Move this row up»
then = "hold"

[[rul]]                                        # «Did you mean rule?»
name = "table"

[[kind]]
kind = "corruption"
queue = "hq.audti"                             # «Did you mean hq.audit?»
keywords = ["뇌물"]
patterns = [
    "돈봉투",
    "(금품+)+수수",                             # «may take too long»
]

[[urgent]]
id = "gas"
hint = "119"                                   # «hint_en is missing»
keywords = ["가스"]

[[urgent]]
id = "fire"
hint = "119"
hint_en = "119"
examples = [
    "옆 건물에 불이 났어요",
    "가스 밸브를 못 잠그겠어요",                   # «is also one of the not_examples of»
]

[[urgent]]
id = "rescue"
hint = "119"
hint_en = "119"
examples = [
    "옆 건물에 불이 났어요",                      # «is already that of»
]
not_examples = ["가스 밸브를 못 잠그겠어요"]
"""


@pytest.fixture
def told(tmp_path: Path) -> list[str]:
    """What is said of the rows, each sentence without the folder."""
    shutil.copytree(ROOT / "config", tmp_path / "config", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (tmp_path / "config" / "routing.toml").write_text(ROWS, "utf-8")
    (tmp_path / "pipeline.toml").write_text("[connectors.form]\n[connectors.email]\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        examine(tmp_path / "pipeline.toml", NOW, {})
    return [mistake.replace(f"{tmp_path}/config/", "") for mistake in caught.value.mistakes]


def expected() -> list[tuple[int, str]]:
    lines = enumerate(ROWS.split("\n"), start=1)
    return [(number, found[1]) for number, line in lines if (found := re.search(r"«(.*)»", line))]


def test_every_mistake_is_told_with_its_line_and_what_is_meant(told: list[str]) -> None:
    """Thirty different mistakes are thirty sentences: the line, what is wrong, and what is probably meant."""
    missing = [(line, says) for line, says in expected() if not any(_is_of(line, one) and says in one for one in told)]

    assert [] == missing


def test_nothing_else_is_told(told: list[str]) -> None:
    """No mistake is told twice, and none as the consequence of another."""
    lines = [line for line, _ in expected()]
    others = [one for one in told if not any(_is_of(line, one) for line in lines)]

    assert [] == others
    assert len(lines) == len(told)


def test_the_rows_that_are_explained_are_rows() -> None:
    """What docs/rules.md shows can be copied as it is."""
    shown = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "rules.md").read_text("utf-8"), re.DOTALL)
    city = load_city(ROOT / "config")
    queues = {district.id for district in city.districts} | {department.id for department in city.departments}
    tables = [tomllib.loads(textwrap.dedent(block)) for block in shown]
    rows = [Rule.model_validate(row) for table in tables for row in table.get("rule", ())]
    questions = [Faq.model_validate(row) for table in tables for row in table.get("faq", ())]

    assert {"flea market", "fireworks festival"} == {row.name for row in rows}
    assert {row.queue for row in rows} <= queues
    assert ["flea-market"] == [question.id for question in questions]


def test_every_condition_and_action_is_explained() -> None:
    """Whatever a row may say stands in docs/rules.md."""
    told = (ROOT / "docs" / "rules.md").read_text("utf-8")
    names = [*When.model_fields, *get_args(Action), *("from", "until", "shadow", "examples", "not_examples")]
    names += [*get_args(Kind), *AUTO, *ABUSE, *(row.id for row in load_city(ROOT / "config").routing.urgent)]
    names.remove("none")

    assert [] == [name for name in names if f"`{name}" not in told]


def _is_of(line: int, sentence: str) -> bool:
    # A setting that is missing has no line of its own: its table's is told.
    return sentence.startswith((f"routing.toml:{line}: ", f"routing.toml:{line - 2}: urgent"))
