"""Reports: what is written and pinned comes back, leaves whole, and brings nothing of a stranger's along."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.exploring.pages import as_html, as_markdown, markdown_as_html
from core.exploring.report import PNG, Figure, Report, Source, Text, dumped, loaded
from core.problems import Refused

ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "h4", "h5", "p", "ul", "ol", "li", "b", "i", "code", "pre", "figure", "img", "figcaption",
    "div", "br",
}  # fmt: skip
SOURCE = Source(run="261130-ab", name="mini <b>CLIP</b>", step=1200, data="81f0")
FIGURE = Figure(
    caption='batch 32 "beats" 16', png=PNG + b"pixels", sources=(SOURCE,), more=3, pinned="2026-11-30 17:00"
)
REPORT = Report(
    title="What <script> helps", parts=(Text(markdown="# Found\n\n- one\n- **two**"), FIGURE, Text(markdown="done"))
)


class Tags(HTMLParser):
    """What a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags_of(text: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Tags()
    reader.feed(text)
    return reader.tags


def test_a_report_comes_back_as_it_was() -> None:
    assert loaded(dumped(REPORT)) == REPORT


def test_it_leaves_as_one_file_that_fetches_nothing() -> None:
    made = as_html(REPORT)
    tags = tags_of(made)
    assert {tag for tag, _ in tags} <= ALLOWED
    sources = [attributes["src"] for tag, attributes in tags if tag == "img"]
    assert [str(source)[:22] for source in sources] == ["data:image/png;base64,"]
    assert "mini &lt;b&gt;CLIP&lt;/b&gt; (261130-ab), step 1,200, data 81f0" in made
    assert "<li><b>two</b></li>" in made


def test_it_leaves_as_markdown_with_its_figures() -> None:
    text, files = as_markdown(REPORT, "paper")
    assert files == {"paper-1.png": FIGURE.png}
    assert re.search(r"!\[batch 32 \"beats\" 16\]\(paper-1\.png\)", text)
    assert "step 1,200, data 81f0" in text
    assert "\\<b\\>" in text


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<img src=http://x/y>",
                "![a](http://x)",
                "[a](javascript:b)",
                "<script>",
                "# h",
                "- a",
                "**b",
                "`",
                "```",
                "*i*",
                "\n\n",
                "\n",
                "&lt;",
                '"',
                " ",
            ]
        ),
        max_size=12,
    )
)
def test_whatever_is_written_is_only_text_and_form(pieces: list[str]) -> None:
    tags = tags_of(markdown_as_html("".join(pieces)))
    assert {tag for tag, _ in tags} <= ALLOWED - {"img", "div", "meta", "style"}
    assert not any(attributes for _, attributes in tags)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "crossmodal-studio report", "parts": 3}', "[" * 9999])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="no report"):
        loaded(text)


def test_a_figure_that_is_no_png_is_refused() -> None:
    with pytest.raises(Refused, match="damaged"):
        loaded('{"format": "crossmodal-studio report", "parts": [{"figure": "PHN2Zz4="}]}')
