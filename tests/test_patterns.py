"""No pattern that an admin writes can hang the pipeline, whatever a citizen writes against it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers._patterns import Patterns
from classifiers._text import read
from config.patterns import MOST_STEPS, refusal, steps


@pytest.mark.parametrize(
    "pattern",
    [
        # What hangs engines everywhere.
        "(a+)+b",
        "(a|aa)*b",
        "(.*)(.*)(.*)x",
        r"(\w{1,9}){1,9}x",
        r"(불)\1{2,900}",
        # Two branches that are one, capitals or not, the long s and the sign for Kelvin among them.
        "(?:ab|Ab){30}c",
        "(?:\u017fx|sx){30}c",
        "(?:\u212ax|kx){30}c",
        "(?:\u0130a|ia|xa){30}c",
        # What repeats nothing, again and again.
        "(?:(?:(?=a)){60000}){60000}",
        "(?:){60000}",
        r"(?:\b){50000}",
        # Looking ahead from everywhere, and from there again.
        "(?:a(?=.{900}x)){0,400}",
        "(?:a(?=(?:a(?=(?:a(?=.{300})){300})){300}))",
        "(?>a{1,900}){1,900}",
        "(" * 100 + "a" + ")" * 100,
    ],
)
def test_what_could_take_too_long_is_refused(pattern: str) -> None:
    """By looking at the pattern alone, before it meets a text; told with what to write instead."""
    assert "may take too long" in refusal(pattern)


@pytest.mark.parametrize(
    "pattern", ["(불", "a{99999999999}", "[[a]", "(?P<n>a)(?P<n>b)", "(" * 400, "*", r"\8", "불|" * 300]
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    """A slip is a sentence, and never an error of ours."""
    assert refusal(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^(제발 ?|저 ?좀 ?)?살려 ?(주세요|줘요|줘|주십시오).{0,6}$",
        "불이.{0,20}(붙|번지|났).{0,20}(빨리|지금)",
        r"칼\s*을\s*(들|휘두르)",
        "(?:K|k)개",
        "[가-힣]{2,4}(동|구|로) ?.{0,15}(불|화재)",
    ],
)
def test_what_people_need_is_allowed(pattern: str) -> None:
    """Alternatives, blanks that may be missing, and some letters between words cost little."""
    assert "" == refusal(pattern)


_PIECES = ["a", "A", "b", ".", "[ab]", r"\w", r"\s*", r"\b", "^", "$", "ab", "(?=a)", "(?!b)"]
_TREES = st.recursive(
    st.sampled_from(_PIECES),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["?", "{0,3}", "{2,9}", "{1,40}?", "{0,90}", "{0,3}+"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)


@given(pattern=_TREES, text=st.sampled_from(["a" * 300, "ab" * 150, "aA" * 150, "b" * 299 + "a"]))
@settings(max_examples=150, deadline=None)
def test_whatever_is_allowed_ends(pattern: str, text: str) -> None:
    """Patterns of every shape are refused, or done with a text that almost fits from every place."""
    if not refusal(pattern):
        found = re.compile(f"(?:{pattern})(?!)", re.IGNORECASE).search(text)

        assert steps(pattern) <= MOST_STEPS
        assert found is None


def test_a_long_text_against_many_patterns_is_read_as_far_as_it_may() -> None:
    """However costly all patterns together are, one message takes a bounded number of steps, counted and not timed."""
    costly = [(f"a{{0,40}}.{{0,{place % 9}}}[cd]", place) for place in range(200)]
    hostile = read("a" * 20_000)

    assert [] == Patterns(costly, where="test").hits(hostile)
