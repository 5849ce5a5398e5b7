"""The field's lists of videos and subtitles, each as a few files made here: what is told is read, what is odd is counted and named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.data.film_lists import form_of
from core.data.sources.videos import Videos
from core.data.subtitles import cues
from core.problems import Problem
from core.telemetry.spans import Span
from tests.core.data.films import film


def films(root: Path, *names: str) -> Path:
    """Two seconds each; no two are equal."""
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        film(root / name, range(50 - number), g="25")
    return root


def told(root: Path, name: str, what: Any) -> Path:
    (root / name).write_text(json.dumps(what), encoding="utf-8")
    return root


def opened(root: Path, **knobs: Any) -> Videos:
    source = Videos(Videos.Config(folder=str(root), **knobs))
    source.open()
    return source


def events(source: Videos, index: int) -> list[tuple[float, float, str]]:
    marks, names = source.part(index, ("segments",))["segments"], source.code_names("segments")
    return [(span.start, span.end, names[code]) for span, code in zip(marks.spans, marks.classes)]


def parts(source: Videos) -> list[tuple[str, float, float | None, str]]:
    return [(row.name, row.told.start, row.told.end, row.caption) for row in source.rows]


def wrong(source: Videos) -> list[str]:
    return [problem.what for problem in source.problems()]


def splits(source: Videos) -> dict[str, list[str]]:
    return {split: [source.rows[index].name for index in some] for split, some in source.splits().items()}


NET = {
    "version": "1.3", "taxonomy": [],
    "database": {
        "abc": {"subset": "training", "annotations": [
            {"segment": [0.2, 0.8], "label": "Polishing shoes"}, {"segment": [1.5, 0.5], "label": "Polishing shoes"},
            {"segment": [1, 1.6], "label": "Archery"},
        ]},
        "d_2": {"subset": "validation", "annotations": [{"segment": [0.5, 1.0], "label": "Archery"}]},
        "gone": {"subset": "training", "annotations": []}, "odd": 3,
    },
}  # fmt: skip


def test_activity_net_is_events_by_film(tmp_path: Path) -> None:
    source = opened(told(films(tmp_path, "v_abc.mp4", "v_d_2.mp4"), "activity_net.v1-3.min.json", NET))
    assert splits(source) == {"train": ["v_abc.mp4"], "validation": ["v_d_2.mp4"], "test": []}
    assert events(source, 0) == [(0.2, 0.8, "Polishing shoes"), (1.0, 1.6, "Archery")]
    assert source.left_out() == 3
    assert "Annotation 2 of 'abc' has no start, end and label that can be read." in wrong(source)
    assert "The entry 'odd' is not written as the others are." in wrong(source)


def test_activity_net_captions_are_parts_and_their_files_are_splits(tmp_path: Path) -> None:
    films(tmp_path / "videos", "v_a.mp4", "v_b.mp4")
    told(tmp_path, "train.json", {
        "v_a": {"duration": 2.0, "timestamps": [[0, 0.8], [0.8, 2.0]], "sentences": ["A man waves.", " Then he runs."]},
        "v_c": {"duration": 2.0, "timestamps": [[0, 1]], "sentences": []},
    })  # fmt: skip
    told(
        tmp_path, "val_1.json", {"v_b": {"duration": 2.0, "timestamps": [[0.5, 1]], "sentences": ["A dog."]}}
    )  # fmt: skip
    source = opened(tmp_path)
    assert parts(source) == [
        ("videos/v_a.mp4", 0.0, 0.8, "A man waves."), ("videos/v_a.mp4", 0.8, 2.0, "Then he runs."),
        ("videos/v_b.mp4", 0.5, 1.0, "A dog."),
    ]  # fmt: skip
    assert splits(source)["validation"] == ["videos/v_b.mp4"]
    assert source.left_out() == 1


@pytest.mark.parametrize("form", ["csv", "json"])
def test_kinetics_names_its_files_by_film_and_part(tmp_path: Path, form: str) -> None:
    films(tmp_path / "dancing", "abc_000012_000022.mp4", "abc_000040_000050.mp4", "x-y.mp4")
    if form == "csv":
        rows = [
            "dancing,abc,12,22,train,0",
            "singing,abc,40,50,train,0",
            "dancing,x-y,3,13,validate,0",
            "dancing,no,1,2,train,0",
        ]
        (tmp_path / "kinetics.csv").write_text(
            "label,youtube_id,time_start,time_end,split,is_cc\n" + "\n".join(rows) + "\n"
        )
    else:
        entry = {
            "annotations": {"label": "dancing", "segment": [12.0, 22.0]},
            "duration": 10.0,
            "subset": "train",
            "url": "u",
        }
        late = {"annotations": {"label": "dancing", "segment": [3.0, 13.0]}, "subset": "validate"}
        told(tmp_path, "kinetics.json", {"abc": entry, "x-y": late, "no": entry})
    source = opened(tmp_path)
    found = [(row.name, row.told.labels[0], row.told.end) for row in source.rows]
    first = ("dancing/abc_000012_000022.mp4", "dancing", None)  # the file is the part already
    last = ("dancing/x-y.mp4", "dancing", None)
    second = [("dancing/abc_000040_000050.mp4", "singing", None)] if form == "csv" else []
    assert found == [first, *second, last]
    assert source.splits()["validation"] == [len(found) - 1]
    assert source.left_out() == 1
    assert wrong(source)[0].startswith("Line 5: " if form == "csv" else "Entry 3: ")


def test_something_something_has_templates_as_classes(tmp_path: Path) -> None:
    films(tmp_path / "20bn-something-something-v2", "78687.webm.mp4", "42326.mp4", "7.mp4")
    (tmp_path / "20bn-something-something-v2" / "78687.webm.mp4").rename(
        tmp_path / "20bn-something-something-v2" / "78687.mkv"
    )
    entry = {"label": "holding potato next to bottle", "template": "Holding [something] next to [something]"}
    names = [
        {"id": "78687", **entry, "placeholders": ["potato", "bottle"]},
        {"id": "42326", **entry, "label": "holding a"},
        5,
    ]
    told(tmp_path, "something-something-v2-train.json", names)
    told(tmp_path, "something-something-v2-validation.json", [{"id": "7", **entry, "label": "holding b"}])
    told(tmp_path, "something-something-v2-labels.json", {"Holding something next to something": "0"})
    source = opened(tmp_path)
    assert source.code_names("classes") == ("Holding something next to something",)
    assert [row.caption for row in source.rows] == ["holding potato next to bottle", "holding a", "holding b"]
    assert {split: len(some) for split, some in source.splits().items()} == {"train": 2, "validation": 1, "test": 0}
    assert wrong(source)[0] == "Entry 3 names no video."


def test_msr_vtt_gives_a_clip_for_each_sentence(tmp_path: Path) -> None:
    films(tmp_path, "TrainValVideo/video0.mp4", "TrainValVideo/video1.mp4")
    told(tmp_path, "train_val_videodatainfo.json", {
        "info": {}, "videos": [
            {"category": 9, "url": "u", "video_id": "video0", "start time": 137.72, "end time": 149.44, "split": "train", "id": 0},
            {"category": 3, "url": "u", "video_id": "video1", "start time": 0.0, "end time": 9.0, "split": "validate", "id": 1},
        ],
        "sentences": [
            {"caption": "a car is shown", "video_id": "video0", "sen_id": 0}, {"caption": "a man sings", "video_id": "video1", "sen_id": 1},
            {"caption": "the inside of a car", "video_id": "video0", "sen_id": 2}, {"caption": "x", "video_id": "video9", "sen_id": 3},
        ],
    })  # fmt: skip
    source = opened(tmp_path)
    assert parts(source) == [
        ("TrainValVideo/video0.mp4", 0.0, None, "a car is shown"), ("TrainValVideo/video0.mp4", 0.0, None, "the inside of a car"),
        ("TrainValVideo/video1.mp4", 0.0, None, "a man sings"),
    ]  # fmt: skip
    assert source.group(0) == source.group(1)
    assert source.code_names("classes") == ("3", "9")
    assert wrong(source)[0] == "Sentence 4 is of no video in the list."


def test_segments_in_the_form_of_coco(tmp_path: Path) -> None:
    films(tmp_path, "a.mp4", "b.mp4")
    told(tmp_path, "instances.json", {
        "videos": [{"id": 1, "file_name": "a.mp4"}, {"id": 2, "file_name": "b.mp4"}],
        "categories": [{"id": 5, "name": "jump"}, {"id": 7, "name": "run"}],
        "annotations": [
            {"id": 1, "video_id": 1, "category_id": 7, "segment": [0.5, 1.5]}, {"id": 2, "video_id": 1, "category_id": 5, "start": 0, "end": 0.5},
            {"id": 3, "video_id": 3, "category_id": 5, "segment": [0, 1]}, {"id": 4, "video_id": 2, "category_id": 9, "segment": [0, 1]},
            {"id": 5, "video_id": 2, "category_id": 5, "segment": ["0", 1]},
        ],
    })  # fmt: skip
    source = opened(tmp_path)
    assert events(source, 0) == [(0.5, 1.5, "run"), (0.0, 0.5, "jump")]
    assert events(source, 1) == []
    assert wrong(source)[:2] == [
        "Annotation 3 is of no video in the list.",
        "Annotation 4 has no start, end and category that can be read.",
    ]
    assert source.left_out() == 3


def test_json_that_is_no_list_of_videos_is_no_table(tmp_path: Path) -> None:
    films(tmp_path, "run/a.mp4", "jump/b.mp4")
    told(tmp_path, "settings.json", {"a": 1})
    (tmp_path / "broken.json").write_text('{"database": {')
    source = opened(tmp_path)
    assert source.code_names("classes") == ("jump", "run")
    assert source.left_out() == 0
    assert [problem.what for problem in source.problems() if problem.severity == "warning"] == [
        "The list 'broken.json' is not valid JSON.",
        "'settings.json' is no list of videos in a form that is known here; it is not read.",
    ]


KINETICS = {"annotations": {"label": "dancing", "segment": [0.0, 0.3]}, "subset": "train"}
FORMS: dict[str, Any] = {
    "activity_net": {"database": {
        name: {"subset": "training", "annotations": [{"segment": [0.1, 0.2], "label": name}]} for name in "ab"
    }},
    "captions": {name: {"timestamps": [[0, 0.2], [0.2, 0.4]], "sentences": ["one", "two"]} for name in "ab"},
    "kinetics": dict.fromkeys("ab", KINETICS),
    "something": [{"id": name, "label": f"hold {name}", "template": "hold [x]"} for name in "ab"],
    "msr_vtt": {
        "videos": [{"category": 1, "video_id": name, "split": "train"} for name in "ab"],
        "sentences": [{"caption": "c", "video_id": name} for name in "ab"],
    },
    "coco": {
        "videos": [{"id": n, "file_name": f"{name}.mp4"} for n, name in enumerate("ab")],
        "categories": [{"id": n, "name": name} for n, name in enumerate("xy")],
        "annotations": [{"video_id": n, "category_id": n, "segment": [0.1, 0.2]} for n in range(2)],
    },
}  # fmt: skip
ODD = (None, [], {}, [[]], "", "zz", -1, 10**400, True, [1], {"a": 1}, float("nan"), "\ud800")


def places_in(told: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    for key in told if isinstance(told, dict) else range(len(told)) if isinstance(told, list) else ():
        yield from places_in(told[key], (*way, key))


def with_odd(told: Any, way: tuple[Any, ...], value: Any) -> Any:
    if not way:
        return value
    made = dict(told) if isinstance(told, dict) else list(told)
    made[way[0]] = with_odd(told[way[0]], way[1:], value)
    return made


@pytest.mark.parametrize("form", FORMS)
def test_no_odd_value_anywhere_in_a_list_is_lost_without_a_word_or_raises(form: str) -> None:
    whole = FORMS[form]
    rows = list(form_of(whole)(whole))
    assert not any(isinstance(row, Problem) for row in rows)
    for way in places_in(whole):
        for value in ODD:
            odd = with_odd(whole, way, value)
            reader = form_of(odd)
            if reader is None:  # then it is told that the whole list is in no known form
                assert len(way) <= 1, way
                continue
            found = list(reader(odd))
            assert any(isinstance(row, Problem) for row in found) or all(map(is_whole, found)), (way, value)


def is_whole(row: Any) -> bool:
    """Whether it names a video, and every event in it has a time and a class."""
    return bool(row["file" if "file" in row else "youtube_id"]) and all(
        0 <= event["start"] < event["end"] and event["label"] for event in row.get("events", ())
    )


def test_one_bad_entry_at_the_head_does_not_cost_the_list(tmp_path: Path) -> None:
    films(tmp_path, "a.mp4", "b.mp4")
    source = opened(told(tmp_path, "kinetics.json", {"a": {}, "b": KINETICS}))
    assert source.code_names("classes") == ("dancing",)
    assert wrong(source) == ["The entry 'a' is not written as the others are."]


def test_who_is_told_of_twice_in_a_list_is_named(tmp_path: Path) -> None:
    films(tmp_path, "a.mp4")
    (tmp_path / "kinetics.json").write_text(f'{{"a": {json.dumps(KINETICS)}, "a": {json.dumps(KINETICS)}}}')
    source = opened(tmp_path)
    assert (len(source), wrong(source)) == (1, ["'a' is told more than once; what is said last is read."])
    twice = {**FORMS["coco"], "videos": [{"id": 0, "file_name": "a.mp4"}, {"id": 0, "file_name": "b.mp4"}]}
    found = [row.what for row in form_of(twice)(twice) if isinstance(row, Problem)]
    assert found[0] == "Entry 2 has the id '0' as one before has."


def test_a_table_of_other_text_is_told_where_it_is_passed_over(tmp_path: Path) -> None:
    films(tmp_path, "a.mp4")
    (tmp_path / "labels.csv").write_bytes("file,label\na.mp4,K\u00e4se\n".encode("cp1252"))
    assert wrong(opened(tmp_path)) == ["The table 'labels.csv' is not UTF-8 text."]


def test_an_event_without_a_class_is_not_one_of_the_first(tmp_path: Path) -> None:
    films(tmp_path, "a.mp4")
    rows = ["a.mp4,0,0.5,run", "a.mp4,0.5,1,", "a.mp4,1,1.5,jump"]
    (tmp_path / "events.csv").write_text("file,onset,offset,event_label\n" + "\n".join(rows) + "\n")
    source = opened(tmp_path)
    assert events(source, 0) == [(0.0, 0.5, "run"), (1.0, 1.5, "jump")]
    assert wrong(source) == ["a.mp4: the event from 0.5 to 1 s has no class, while others have one."]


def test_events_may_be_called_by_numbers(tmp_path: Path) -> None:
    films(tmp_path, "a.mp4")
    marks = [{"start": 0, "end": 0.5, "label": 3}, {"start": 0.5, "end": 1, "label": 4}]
    (tmp_path / "events.jsonl").write_text(json.dumps({"file": "a.mp4", "events": marks}))
    assert events(opened(tmp_path), 0) == [(0.0, 0.5, "3"), (0.5, 1.0, "4")]


SRT = (
    "\ufeff1\r\n00:00:00,200 --> 00:00:00,800\r\n<i>Hello</i> {\\an8}there &amp; you\r\nsecond line\r\n\r\n"
    "2\r\n00:00:01,000 --> 00:00:00,500\r\nbackwards\r\n\r\n3\r\n00:00:0x,000 --> 00:00:05,000\r\nno time\r\n\r\n"
    "00:00:01,000 --> 00:00:01,400\r\nno number, a < b\r\n4\r\n00:00:01,500 --> 00:00:01,900 X1:10\r\n42\r\n"
)
VTT = """WEBVTT - a title
X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000

NOTE 00:00:00.000 --> 00:00:01.000 is no cue

STYLE
::cue { color: red }

intro
00:00.200 --> 00:00.800 align:start position:10%
<v Ann>Hello <c.loud>there</c></v> &lt;you&gt; <00:00:00.500>now

00:00:01.000 --> 00:00:01,400
a comma

00:00:01.500-->00:00:01.900

"""


def test_cues_are_read_one_by_one_and_a_broken_one_costs_itself() -> None:
    found = cues(SRT)
    assert [(mark.span.start, mark.span.end, mark.label) for mark in found.marks] == [
        (0.2, 0.8, "Hello there & you second line"), (1.0, 1.4, "no number, a < b"), (1.5, 1.9, "42"),
    ]  # fmt: skip
    assert found.problems == tuple(f"line {number} has no start and end that can be read" for number in (7, 11))
    told_here = cues(VTT)
    assert [(mark.span.start, mark.label) for mark in told_here.marks] == [
        (0.2, "Hello there <you> now"),
        (1.0, "a comma"),
    ]
    assert told_here.problems == ()


def test_hours_count() -> None:
    (mark,) = cues("100:00:01.5 --> 100:00:02.25\nlate").marks
    assert mark.span == Span(start=360_001.5, end=360_002.25)


@pytest.mark.parametrize(("name", "text", "left_out"), [("a.srt", SRT, 2), ("a.vtt", VTT, 0)])
def test_subtitles_beside_a_film_are_timed_captions(tmp_path: Path, name: str, text: str, left_out: int) -> None:
    films(tmp_path, "talk/a.mp4")
    (tmp_path / "talk" / name).write_text(text, encoding="utf-8", newline="")
    source = opened(tmp_path)
    marks = cues(text.removeprefix("\ufeff")).marks
    assert parts(source) == [("talk/a.mp4", mark.span.start, mark.span.end, mark.label) for mark in marks]
    assert source.left_out() == left_out
    assert source.part(0, ("clip",))["clip"].shown().seconds == pytest.approx(0.6)
    assert len({source.group(index) for index in range(len(source))}) == 1, "the cues of one film stay in one split"
    whole = opened(tmp_path, subtitles="events")
    assert len(whole) == 1
    assert events(whole, 0) == [(mark.span.start, mark.span.end, mark.label) for mark in marks]
    assert whole.sample(0)["transcript"] == " ".join(mark.label for mark in marks)


def test_subtitles_that_are_no_text_are_told(tmp_path: Path) -> None:
    films(tmp_path, "a.mp4")
    (tmp_path / "a.srt").write_bytes("1\n00:00:00,000 --> 00:00:01,000\nÄ\n".encode("cp1252"))
    source = opened(tmp_path)
    assert len(source) == 1
    assert "a.srt beside it cannot be read" in wrong(source)[0]
