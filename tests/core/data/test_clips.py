"""A person's own recordings: class folders and tables, what is held out, events in seconds, what is left out and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from core.data.batch import collate
from core.data.pipeline import SampleGraph
from core.data.sources.sounds import Sounds
from core.data.splitting import held_out_words
from core.problems import Refused
from tests.core.data.clips import HERTZ, jsonl, opened, sizes, spans, text, tone, tones


def test_folders_are_classes_and_train_and_test_are_obeyed(tmp_path: Path) -> None:
    names = [
        f"{split}/{kind}/{number}.wav"
        for split in ("train", "test")
        for kind in ("dog_bark", "rain")
        for number in range(3)
    ]
    source = opened(tones(tmp_path, *names, "train/loose.wav"))
    assert source.code_names("classes") == ("dog bark", "rain")
    assert sizes(source) == {"train": 6, "validation": 0, "test": 6}
    assert [row.told.labels for row in source.rows[:4]] == [("dog bark",)] * 3 + [("rain",)]
    sample = source.sample(0)
    assert sample["classes"].tolist() == [0]
    assert (sample["waveform"].real, sample["waveform"].hertz) == (HERTZ // 2, HERTZ)
    assert sample["sentence"] == "dog bark"
    assert spans(source, 0) == [(0.0, 0.5, "dog bark")]
    assert source.left_out() == 1
    assert source.problems()[0].what == "Files outside the class folders were left out: 1, such as 'train/loose.wav'."


def test_a_table_gives_classes_captions_speakers_and_what_is_said(tmp_path: Path) -> None:
    rows = [
        {"file": f"a/{n}.wav", "emotion": ("calm", "anger")[n % 2], "speaker": f"{n % 4}", "text": f"word {n}", "split": "train"}
        for n in range(8)
    ]  # fmt: skip
    source = opened(jsonl(tmp_path, rows))
    sample = source.sample(3)
    assert source.code_names("classes") == ("anger", "calm")
    assert (sample["classes"].tolist(), sample["speaker"].tolist()) == ([0], [3])
    assert (sample["sentence"], sample["transcript"]) == ("anger", "word 3")
    assert source.class_names(3) == ("anger",)


def test_codes_follow_the_numbers_in_names(tmp_path: Path) -> None:
    source = opened(jsonl(tmp_path, [{"file": f"{n}.wav", "label": f"class {n}"} for n in (10, 9, 2)]))
    assert source.code_names("classes") == ("class 2", "class 9", "class 10")


def folds(root: Path, count: int = 4) -> Path:
    return jsonl(
        root, [{"file": f"{n}.wav", "label": "x", "fold": n % count + 1, "freesound_id": n // count} for n in range(24)]
    )


@pytest.mark.parametrize(
    ("knobs", "held"),
    [({}, {"test": {"4"}, "validation": {"3"}}), ({"test": "1, 2"}, {"test": {"1", "2"}, "validation": set()}),
     ({"test": "1", "validation": "4"}, {"test": {"1"}, "validation": {"4"}})],
)  # fmt: skip
def test_official_folds(tmp_path: Path, knobs: dict[str, str], held: dict[str, set[str]]) -> None:
    source = opened(folds(tmp_path), **knobs)
    for split, wanted in held.items():
        assert {source.rows[index].told.fold for index in source.splits()[split]} == wanted


def test_a_fold_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no fold called '5'.*1, 2, 3, 4"):
        opened(folds(tmp_path), hold_out="fold", test="5")


def spoken(root: Path, speakers: int = 6) -> Path:
    return jsonl(root, [{"file": f"{n}.wav", "digit": n % 3, "speaker": f"s{n % speakers}"} for n in range(36)])


def test_no_speaker_is_in_two_splits(tmp_path: Path) -> None:
    source = opened(spoken(tmp_path))
    homes = {
        split: {source.rows[index].told.speaker for index in indices} for split, indices in source.splits().items()
    }
    assert all(homes.values())
    assert sum(map(len, homes.values())) == 6
    assert source.report().shared_groups == ()
    assert source.facts()["test"] == "unseen speakers"


def test_the_speaker_who_tests_is_chosen(tmp_path: Path) -> None:
    source = opened(spoken(tmp_path, 2), test="s1")
    assert sizes(source) == {"train": 18, "validation": 0, "test": 18}
    assert {source.rows[index].told.speaker for index in source.splits()["test"]} == {"s1"}


def test_clips_of_one_recording_fall_together_and_a_table_that_parts_them_is_told(tmp_path: Path) -> None:
    rows = [{"file": f"{n}.wav", "label": "x", "recording": f"r{n // 3}"} for n in range(60)]
    source = opened(jsonl(tmp_path / "one", rows))
    homes = {index: split for split, indices in source.splits().items() for index in indices}
    assert all(len({homes[3 * n], homes[3 * n + 1], homes[3 * n + 2]}) == 1 for n in range(20))
    parted = [{**row, "split": "test" if number % 3 == 0 else "train"} for number, row in enumerate(rows)]
    told = opened(jsonl(tmp_path / "two", parted))
    assert told.facts()["groups in more than one split"] == "20"


def test_speakers_on_both_sides_of_a_given_split_are_counted(tmp_path: Path) -> None:
    rows = [
        {"file": f"{n}.wav", "digit": 1, "speaker": f"s{n % 2}", "split": ("train", "test")[n // 4]} for n in range(8)
    ]
    assert opened(jsonl(tmp_path, rows)).facts()["speakers in more than one split"] == "2"


def test_equal_files_are_one_recording(tmp_path: Path) -> None:
    jsonl(tmp_path, [{"file": f"{n}.wav", "label": "x"} for n in range(30)])
    for number in range(30):
        tone(tmp_path / f"{number}.wav", hertz=200 + 10 * (number // 2))
    source = opened(tmp_path)
    homes = {index: split for split, indices in source.splits().items() for index in indices}
    assert all(homes[2 * n] == homes[2 * n + 1] for n in range(15))


def test_lines_of_events_become_one_clip_each(tmp_path: Path) -> None:
    tones(tmp_path, "street.wav", "yard.wav", seconds=2)
    text(
        tmp_path,
        "events.tsv",
        "filename\tonset\toffset\tevent_label\nstreet.wav\t0.5\t1.0\tcar\nyard.wav\t0\t0.25\tdog\nstreet.wav\t0.1\t1.9\train\n",
    )
    source = opened(tmp_path)
    assert len(source) == 2
    assert spans(source, 0) == [(0.1, 1.9, "rain"), (0.5, 1.0, "car")]
    assert spans(source, 1) == [(0.0, 0.25, "dog")]


def test_parts_of_a_long_file_are_read_alone_and_their_events_move_along(tmp_path: Path) -> None:
    tone(tmp_path / "long.wav", 4.0)
    events = [{"start": 1.25, "end": 1.5, "what": "click"}, {"start": 3.0, "end": 3.5, "what": "late"}]
    text(
        tmp_path, "parts.jsonl",
        f'{{"file": "long.wav", "start": 1.0, "end": 2.0, "text": "a", "events": {str(events).replace(chr(39), chr(34))}}}\n'
        '{"file": "long.wav", "start": 2.0, "end": 2.5, "text": "b"}\n',
    )  # fmt: skip
    source = opened(tmp_path)
    assert [source.sample(n)["waveform"].real for n in (0, 1)] == [HERTZ, HERTZ // 2]
    assert spans(source, 0) == [(0.25, 0.5, "click")]
    assert source.group(0) == source.group(1)


def test_a_batch_of_clips_carries_events_of_each(tmp_path: Path) -> None:
    tones(tmp_path, "a.wav", "b.wav")
    text(tmp_path, "events.csv", "file,onset,offset,label\na.wav,0,0.2,x\na.wav,0.1,0.3,y\nb.wav,0.2,0.4,y\n")
    source = opened(tmp_path)
    graph = SampleGraph(parts=(("s", source, {}),), wanted=(("s", "segments"),))
    made = collate([graph.sample(n, 0, 0, training=True) for n in (0, 1)], [0, 1])["s", "segments"]
    assert made.class_BN.tolist() == [[0, 1], [1, -1]]
    assert torch.equal(made.mask_BN, torch.tensor([[True, True], [True, False]]))
    assert made.times_BN2[0].tolist() == [[0.0, 0.2], [0.1, 0.3]]


def test_rows_that_cannot_be_used_are_told_by_line(tmp_path: Path) -> None:
    tones(tmp_path, "good.wav", "old.amr.wav")
    tone(tmp_path / "x.wav").rename(tmp_path / "old.amr")
    text(
        tmp_path,
        "clips.csv",
        "file,label,start,end\ngood.wav,a,0,0.5\ngone.wav,a,,\nold.amr,b,,\ngood.wav,a,2,1\ngood.wav,a,x,1\n../good.wav,a,,\n",
    )
    source = opened(tmp_path)
    assert len(source) == 1
    assert [problem.what for problem in source.problems()] == [
        "Files ending in .amr were left out (1); this kind is not read here.",
        "Line 3: 'gone.wav' is not there.",
        "Line 5 has times that cannot be read: a span ends where it starts or later, not [2.0, 1.0).",
        "Line 6 has times that cannot be read: could not convert string to float: 'x'.",
        "Line 7: '../good.wav' leads out of the folder.",
    ]
    assert source.left_out() == 5


def test_without_a_folder_it_says_what_to_choose(tmp_path: Path) -> None:
    source = Sounds(Sounds.Config())
    problem = source.unready()
    assert problem is not None
    assert "No folder of audio is chosen." in problem.sentence()
    with pytest.raises(Refused, match="no audio that can be used"):
        opened(tmp_path)
    missing = Sounds(Sounds.Config(folder=str(spoken(tmp_path / "a")), speaker_column="who")).missing()
    assert missing is not None
    assert "'who'" in missing.what


def test_the_fingerprint_is_of_contents_and_of_what_is_said(tmp_path: Path) -> None:
    one, two = spoken(tmp_path / "one"), spoken(tmp_path / "two")
    assert opened(one).fingerprint() == opened(two).fingerprint()
    tone(two / "0.wav", hertz=999)
    assert opened(one).fingerprint() != opened(two).fingerprint()
    assert opened(one).fingerprint() != opened(one, test="s1").fingerprint()


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"hold_out": "speaker", "test": "b"}, "unseen speakers"),
        ({"hold_out": "fold", "test": "1"}, "other folds"),
        ({"hold_out": "as given"}, "unseen speakers"),  # the table's own split happens to be by speaker
    ],
)
def test_a_test_split_of_sound_is_called_what_it_holds(tmp_path: Path, knobs: dict, words: str) -> None:
    rows = [
        {"file": f"{n}.wav", "label": "ab"[n % 2], "speaker": "ab"[n // 10], "fold": n % 3, "split": ("train", "test")[n // 10]}
        for n in range(20)
    ]  # fmt: skip
    assert held_out_words(opened(jsonl(tmp_path, rows), **knobs)) == words


def test_without_speakers_clips_are_unseen_and_copies_are_not(tmp_path: Path) -> None:
    rows = [{"file": f"{n}.wav", "label": "ab"[n % 2], "split": ("train", "test")[n // 10]} for n in range(20)]
    assert held_out_words(opened(jsonl(tmp_path, rows))) == "unseen clips"
    rows.append({"file": "0.wav", "label": "a", "split": "test"})
    leaky = opened(jsonl(tmp_path / "leaky", rows))
    assert held_out_words(leaky) == "clips of which some are trained on"


def test_of_a_named_column_rows_without_a_file_do_not_belong_to_the_set(tmp_path: Path) -> None:
    """A table of images with audio for some of them is a table of that audio; unnamed, an empty file name is a fault."""
    rows = [
        {"file": f"{n}.wav", "caption": f"thing {n}", "sound": f"{n}.wav" if n % 4 == 0 else "", "split": "train"}
        for n in range(20)
    ]
    source = opened(jsonl(tmp_path, rows), file_column="sound")
    assert [row.caption for row in source.rows] == [f"thing {n}" for n in range(0, 20, 4)]
    assert source.problems()[0].what == "Rows without a file in the column 'sound' were left out: 15."
    rows[3]["file"] = ""
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    whole = opened(tmp_path)
    assert (len(whole.rows), whole.problems()[0].what) == (19, "Line 4: '' is not a file name.")
