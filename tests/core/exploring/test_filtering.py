"""Filters as a person writes them: what they mean, and where they are wrong."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.exploring.fields import Field, Known, field_in
from core.exploring.filtering import read_filter
from core.exploring.ledger import Values
from core.exploring.suggesting import suggestions
from core.exploring.tokens import Misread
from core.store.answers import RunFacts

R10 = "selection/validation/R@10"
KNOWN = Known(
    settings=("batch_size", "vit", "vit.width", "text.width", "callbacks.ema", "seed"),
    scores=("loss", "loss/info_nce", R10, "retrieval/test/image_to_text/R@10", "retrieval/test/text_to_image/R@10",
            "retrieval/test/image_to_text/mean rank"),
)  # fmt: skip
RUN = RunFacts(
    id=1, uid="u1", name="mini-CLIP #3", status="finished", seed=7, step=100, steps=100, document_name="mini-CLIP", created=1_795_000_000.0,
    tags=("baseline", "paper"), last={"loss": 0.5, R10: 0.40, "retrieval/test/image_to_text/R@10": 0.3, "retrieval/test/text_to_image/R@10": 0.5},
    best={"loss": 0.25, R10: 0.45},
)  # fmt: skip
READ = Values(
    read={"batch_size": {1: 32.0}, "vit.width": {1: 64.0}, "callbacks.ema": {1: True}, "at(loss, 50)": {1: 0.75}}
)


def holds(text: str) -> bool:
    found = read_filter(text, KNOWN)
    assert found is not None
    return found.holds(lambda field: READ.value(field, RUN))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('r@10 > 0.4 and batch_size in (32, 64) and name ~ "clip"', True),
        ("r@10 > 45 %", False),
        ("R@10 >= 45%", True),
        ("last(r@10) = 0.4", True),
        ("best(loss) < last(loss)", None),
        ("at(loss, 50) = .75", True),
        ("retrieval/test/*/R@10 = 0.4", True),
        ("0.2 < loss <= 0.5", True),
        ("0.5 < loss", False),
        ("not (seed = 7)", False),
        ("seed != 7 or status = finished", True),
        ("seed = 7 and not seed = 7 or seed = 7", True),
        ("batch_size not in (16, 64)", True),
        ("callbacks.ema", True),
        ("callbacks.ema = off", False),
        ("tags = paper and tags !~ none", True),
        ("tags = pap", False),
        ("tags ~ pap", True),
        ("`vit.width` == 64", True),
        ("text.width is missing and vit.width is not missing", True),
        ("text.width = 3", False),
        ("text.width != 3", True),
        ('started > "2026-01-01" and started < "2036-01-01"', True),
        ("experiment = MINI-clip", True),
        ("batch_size in（32，64）", True),
    ],
)
def test_what_a_filter_means(text: str, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(Misread, match="compares numbers"):
            read_filter(text, KNOWN)
    else:
        assert holds(text) is expected


@pytest.mark.parametrize(
    ("text", "under", "what", "hint"),
    [
        ("r@10 > ", "", "ends where a value", "Write a number"),
        ("batchsize = 3", "batchsize", "No run has a setting or a figure 'batchsize'", "batch_size"),
        ("width > 3", "width", "may be “vit.width”, “text.width”", "block's name"),
        ("(seed = 7 and name ~ x", "(", "not closed", "Write “)”"),
        ("seed = 7 name = x", "name", "not expected here", "Join"),
        ("seed > 'x'", "'", "compares numbers", "Write a number"),
        ('name ~ "clip', '"', "quotation", "same mark"),
        ("seed = 7 & loss < 1", "&", "means nothing", "Known are"),
        ("last(batch_size) = 3", "batch_size", "No run says a figure", ""),
        ("at(loss) = 3", ")", "wants a figure and a step", "at(loss, 500)"),
        ("in = 3", "in", "No run has", ""),
        ('started > "soon"', '"soon"', "is no date", "2026-11-30"),
        ("seed in (1, 2", "", "This list is not closed", "Write “)”"),
    ],
)
def test_an_error_says_where_what_and_what_is_known(text: str, under: str, what: str, hint: str) -> None:
    with pytest.raises(Misread) as caught:
        read_filter(text, KNOWN)
    line, carets = caught.value.pointed.split("\n")
    assert line == text
    assert text[carets.index("^") :].startswith(under)
    problem = caught.value.problems[0]
    assert what in problem.what
    assert hint in problem.hint


def test_an_empty_filter_is_none_and_a_huge_or_deep_one_is_refused() -> None:
    assert read_filter("  ", KNOWN) is None
    with pytest.raises(Misread, match="longer than"):
        read_filter("seed = 1 or " * 500, KNOWN)
    with pytest.raises(Misread, match="nested too deep"):
        read_filter("(" * 100 + "seed = 1" + ")" * 100, KNOWN)


def misread(text: str) -> Misread | None:
    try:
        read_filter(text, KNOWN)
    except Misread as wrong:
        return wrong
    return None


COMPARED = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
leaves = st.tuples(
    st.sampled_from(["seed", "batch_size", "vit.width"]), st.sampled_from(sorted(COMPARED)), st.integers(0, 70)
)
trees = st.recursive(
    leaves, lambda part: st.tuples(st.sampled_from(["and", "or"]), part, part) | st.tuples(st.just("not"), part), max_leaves=12
)  # fmt: skip
ACTUAL = {"seed": 7, "batch_size": 32, "vit.width": 64}


def text_and_truth(tree: Any) -> tuple[str, bool]:
    if tree[0] == "not":
        text, truth = text_and_truth(tree[1])
        return f"not ({text})", not truth
    if tree[0] in ("and", "or"):
        (left, a), (right, b) = text_and_truth(tree[1]), text_and_truth(tree[2])
        return f"({left}) {tree[0]} ({right})", (a and b) if tree[0] == "and" else (a or b)
    name, sign, value = tree
    return f"{name} {sign} {value}", COMPARED[sign](ACTUAL[name], value)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_any_filter_agrees_with_python(tree: Any) -> None:
    text, truth = text_and_truth(tree)
    assert holds(text) is truth


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="seed lo=<>!~()'\"`,.5%andorti￼\n@/*", max_size=40))
def test_whatever_is_typed_is_read_or_said_to_be_wrong(text: str) -> None:
    wrong = misread(text)
    assert wrong is None or (0 <= wrong.at <= len(text) and "^" in wrong.pointed)


def test_a_field_is_found_again_by_its_key() -> None:
    for word in ("seed", "batch_size", "r@10", "retrieval/test/image_to_text/mean rank", "retrieval/test/*/R@10"):
        field = KNOWN.find(word)
        assert field_in(field.key) == field
    at = Field(kind="score", name="loss", which="at", step=500)
    assert field_in(at.key) == at
    assert field_in("at(loss, many)") is None


def test_suggestions_go_on_where_the_person_stands() -> None:
    def offered(text: str) -> list[str]:
        return [each.text for each in suggestions(text, len(text), KNOWN, lambda field: [32.0, 64.0, "a b"])]

    assert "batch_size" in offered("ba")[:1]
    assert set(offered("wid")) == {"vit.width", "text.width"}
    assert offered("batch_size ")[:2] == ["=", "!="]
    assert offered("batch_size = ") == ["32", "64", '"a b"']
    assert offered("batch_size in (32, 6") == ["64"]
    assert offered("batch_size = 32 ") == ["and", "or"]
    assert "name" in offered("batch_size = 32 and ")
    assert offered('name ~ "cl') == []
    begun = suggestions("seed = 7 and vit.w", 18, KNOWN, lambda field: [])[0]
    assert (begun.start, begun.end, begun.text) == (13, 18, "vit.width")
