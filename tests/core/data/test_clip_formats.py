"""The field's own formats, each as a few files made here: ESC-50, AudioSet, AudioCaps, Clotho, RAVDESS, EmoDB, TextGrid, GRID, MIDI."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from tests.conftest import SHARED_DATA
from tests.core.data.clips import jsonl, opened, sizes, spans, text, tones


def test_esc50_with_its_table_in_meta_and_its_folds(tmp_path: Path) -> None:
    names = [f"{fold}-{take}-A-{fold}.wav" for fold in range(1, 6) for take in range(2)]
    tones(tmp_path / "audio", *names)
    lines = [f"{name},{name[0]},{n % 2},{('dog', 'rain')[n % 2]},True,{n // 2},A" for n, name in enumerate(names)]
    text(tmp_path, "meta/esc50.csv", "filename,fold,target,category,esc10,src_file,take\n" + "\n".join(lines) + "\n")
    source = opened(tmp_path)
    assert source.code_names("classes") == ("dog", "rain")
    assert sizes(source) == {"train": 6, "validation": 2, "test": 2}
    assert {source.rows[index].told.fold for index in source.splits()["test"]} == {"5"}
    assert source.group(0) == source.group(1)  # of one source file


def test_audioset_with_codes_names_and_clips_called_by_id(tmp_path: Path) -> None:
    tones(tmp_path / "wavs", "--PJHxphWEs_30000_40000.wav", "Y--ZhevVpy1s.wav", seconds=1)
    text(
        tmp_path, "balanced_train_segments.csv",
        "# Segments csv created Sun Mar  5 10:54:31 2017\n# num_ytids=2, num_segs=2\n"
        "# YTID, start_seconds, end_seconds, positive_labels\n"
        '--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"\n--ZhevVpy1s, 50.000, 60.000, "/m/012xff"\n',
    )  # fmt: skip
    text(
        tmp_path, "class_labels_indices.csv",
        'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/t/dd00088,"Gush"\n2,/m/012xff,"Toothbrush"\n',
    )  # fmt: skip
    source = opened(tmp_path)
    assert [row.told.labels for row in source.rows] == [("Speech", "Gush"), ("Toothbrush",)]
    assert spans(source, 0) == [(0.0, 1.0, "Speech"), (0.0, 1.0, "Gush")]  # the file is the part already
    assert source.sample(0)["classes"].tolist() == [-1]
    assert source.sample(1)["classes"].tolist() == [0]


def test_audioset_strong_labels_are_events(tmp_path: Path) -> None:
    tones(tmp_path, "b0RFKhbpFJA_30000.wav", seconds=3)
    text(
        tmp_path, "audioset_train_strong.tsv",
        "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\nb0RFKhbpFJA_30000\t0.0\t2.5\t/m/03m9d0z\nb0RFKhbpFJA_30000\t1.0\t1.5\t/m/05zppz\n",
    )  # fmt: skip
    assert spans(opened(tmp_path), 0) == [(0.0, 2.5, "/m/03m9d0z"), (1.0, 1.5, "/m/05zppz")]


def test_audiocaps_tables_are_splits(tmp_path: Path) -> None:
    tones(tmp_path / "audio", *(f"vid{n:08d}.wav" for n in range(6)))
    for number, split in enumerate(("train", "val", "test")):
        rows = [f"{n},vid{n:08d},30,a sound number {n}" for n in (2 * number, 2 * number + 1)]
        text(tmp_path, f"{split}.csv", "audiocap_id,youtube_id,start_time,caption\n" + "\n".join(rows) + "\n")
    source = opened(tmp_path)
    assert sizes(source) == {"train": 2, "validation": 2, "test": 2}
    assert source.sample(source.splits()["test"][0])["sentence"] == "a sound number 4"
    assert source.sample(0)["waveform"].real > 0  # from its beginning, not from the film's 30th second


def test_clotho_gives_a_sample_for_each_caption_and_knows_its_folders(tmp_path: Path) -> None:
    head = "file_name,caption_1,caption_2,caption_3,caption_4,caption_5\n"
    for split, name in (("development", "rain drum.wav"), ("evaluation", "door.wav")):
        tones(tmp_path / split, name)
        captions = ",".join(f"{name[:4]} heard {n}" for n in range(5))
        text(tmp_path, f"clotho_captions_{split}.csv", f"{head}{name},{captions}\n")
    source = opened(tmp_path)
    assert sizes(source) == {"train": 5, "validation": 0, "test": 5}
    assert [source.sample(n)["sentence"] for n in (0, 4)] == ["rain heard 0", "rain heard 4"]


def test_ravdess_names_tell_emotion_statement_and_actor(tmp_path: Path) -> None:
    names = [
        f"Actor_{actor:02d}/03-01-{feeling:02d}-01-02-01-{actor:02d}.wav"
        for actor in range(1, 5)
        for feeling in (1, 5, 8)
    ]
    source = opened(tones(tmp_path, *names))
    assert source.code_names("classes") == ("angry", "neutral", "surprised")
    sample = source.sample(1)
    assert source.class_names(1) == ("angry",)
    assert sample["transcript"] == "Dogs are sitting by the door."
    assert source.code_names("speaker") == ("01", "02", "03", "04")
    assert source.facts()["test"] == "unseen speakers"


def test_emodb_names_tell_emotion_sentence_and_speaker(tmp_path: Path) -> None:
    source = opened(tones(tmp_path / "wav", "03a01Fa.wav", "08b10Wb.wav", "16a05Td.wav"))
    assert [row.told.labels[0] for row in source.rows] == ["happiness", "anger", "sadness"]
    assert source.rows[0].told.transcript == "Der Lappen liegt auf dem Eisschrank."
    assert [row.told.speaker for row in source.rows] == ["03", "08", "16"]


LONG = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 0.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "phones 2"
        xmin = 0
        xmax = 0.5
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = "ah"
    item [2]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 0.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.1
            text = ""
        intervals [2]:
            xmin = 0.1
            xmax = 0.25
            text = "say ""a"""
        intervals [3]:
            xmin = 0.25
            xmax = 0.5
            text = "two 2"
'''
SHORT = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n0.5\n<exists>\n2\n"TextTier"\n"clicks"\n0\n0.5\n1\n0.2\n"x"\n'
    '"IntervalTier"\n"Wörter"\n0\n0.5\n2\n0\n0.25\n"eins"\n0.25\n0.5\n"zwei"\n'
)


def test_a_textgrid_beside_a_clip_gives_its_words_with_times(tmp_path: Path) -> None:
    tones(tmp_path, "a.wav", "b.wav", "c.wav")
    text(tmp_path, "a.TextGrid", LONG)
    (tmp_path / "b.TextGrid").write_bytes(SHORT.encode("utf-16"))
    text(tmp_path, "c.TextGrid", LONG[:400])
    source = opened(tmp_path)
    assert spans(source, 0) == [(0.1, 0.25, 'say "a"'), (0.25, 0.5, "two 2")]
    assert source.sample(0)["transcript"] == 'say "a" two 2'
    assert spans(source, 1) == [(0.0, 0.25, "eins"), (0.25, 0.5, "zwei")]
    assert [problem.what for problem in source.problems()] == [
        "c.wav: c.TextGrid beside it cannot be read: a number is missing."
    ]
    assert source.left_out() == 0
    assert spans(opened(tmp_path, tier="phones 2"), 0) == [(0.0, 0.5, "ah")]


def test_grid_times_are_of_25_000_a_second(tmp_path: Path) -> None:
    tones(tmp_path / "s1", "bbaf2n.wav", seconds=3)
    text(tmp_path, "align/s1/bbaf2n.align", "0 23750 sil\n23750 29500 bin\n29500 34000 blue\n34000 74500 sil\n")
    source = opened(tmp_path)
    assert spans(source, 0) == [(0.95, 1.18, "bin"), (1.18, 1.36, "blue")]
    assert source.sample(0)["transcript"] == "bin blue"


def melody(file: Path) -> None:
    """C4 from 0 to 0.5 s, E4 from 0.5 to 1.0 s, at 120 beats a minute."""
    song = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    song.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(120)))
    for note in (60, 64):
        track.append(mido.Message("note_on", note=note, velocity=64, time=0))
        track.append(mido.Message("note_off", note=note, time=480))
    song.save(file)


def test_midi_beside_audio_gives_notes_and_tempo(tmp_path: Path) -> None:
    jsonl(tmp_path / "whole", [{"file": "a.wav", "label": "x"}])
    melody(tmp_path / "whole" / "a.mid")
    assert spans(opened(tmp_path / "whole"), 0) == [(0.0, 0.5, "C4")]  # the clip is half a second
    source = opened(tmp_path / "whole")
    assert source.sample(0)["number"] == 120.0
    assert source.code_names("segments") == ("C4", "E4")
    jsonl(tmp_path / "part", [{"file": "a.wav", "label": "x", "start_s": 0.75}])
    melody(tmp_path / "part" / "a.mid")
    assert spans(opened(tmp_path / "part"), 0) == [(0.0, 0.25, "E4")]
    (tmp_path / "part" / "a.mid").write_bytes(b"no music")
    broken = opened(tmp_path / "part")
    assert "a.mid beside it cannot be read" in broken.problems()[0].what
    assert len(broken) == 1


def test_a_transcript_beside_a_clip(tmp_path: Path) -> None:
    tones(tmp_path, "a.wav")
    text(tmp_path, "a.lab", "in sieben\n Stunden\n")
    assert opened(tmp_path).sample(0)["transcript"] == "in sieben Stunden"


@pytest.mark.long
@pytest.mark.skipif(not (SHARED_DATA / "pop909_subset").is_dir(), reason="the songs are not here")
def test_the_midi_of_real_songs_lies_where_the_audio_does() -> None:
    source = opened(SHARED_DATA / "pop909_subset", number_column="tempo_bpm", seconds=8.0)
    assert len(source) == 150
    assert source.problems() == ()
    assert len(source.code_names("classes")) == 24
