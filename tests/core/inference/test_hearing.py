"""A sound that a person brings: what is told of it is what the objective itself says of the same clip in the data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from core.blocks.alignment import best_path, frames_of_pieces
from core.blocks.objectives.ctc import CTC
from core.compiler.answers.answerable import answerable, answerable_of_sound
from core.compiler.answers.writing import tokenizer_of
from core.compiler.compile import compile
from core.graph import edits
from core.graph.document import Document
from core.inference.caption import caption
from core.inference.localise import localise
from core.inference.recognise import recognise
from core.inference.retrieve import retrieve
from core.inference.trained import Trained
from core.inference.transcribe import align, transcribe
from core.problems import Refused
from core.store.database import Store
from tests.core.data.clips import jsonl, tone
from tests.core.inference.test_questions import checkpoint_of, spoken
from tests.documents import Drawing, tiny_clip


def listener(folder: Path) -> Document:
    """One tower over tones; every objective that tells something of a sound, a text tower, and a decoder."""
    draw = Drawing("listener")
    draw.add("sources.sounds", folder=str(folder), hertz=8000, seconds=0.5)
    draw.add("transforms.sound_length", seconds=0.5)
    draw.add("transforms.log_mel", n_fft=256, hop=64, mels=16)
    draw.add("encoders.audio_cnn", width=8, stages=2)
    draw.add("connectors.frequency_merge", width=16)
    draw.add("connectors.pool", how="mean")
    draw.add("connectors.projection", width=8)
    draw.add("objectives.classification", classes=4)
    draw.add("objectives.event_detection", classes=4, threshold=0.2)
    draw.add("transforms.tokenizer", method="characters", vocabulary=300, length=8)
    draw.add("transforms.tokenizer", method="characters", vocabulary=300, length=12)
    draw.add("objectives.ctc")
    draw.add("encoders.text_transformer", width=16, depth=1, heads=2)
    draw.add("connectors.pool")
    draw.add("connectors.projection", width=8)
    draw.add("objectives.info_nce")
    draw.add("generators.language_decoder", width=16, depth=1, heads=2)
    draw.add("objectives.next_word")
    for source, target in (
        ("sounds.waveform", "sound_length.waveform"), ("sound_length.waveform", "log_mel.waveform"),
        ("log_mel.spectrogram", "audio_cnn.spectrogram"), ("audio_cnn.tokens", "frequency_merge.tokens"),
        ("frequency_merge.tokens", "pool.tokens"), ("pool.embedding", "classification.embedding"),
        ("sounds.classes", "classification.classes"), ("frequency_merge.tokens", "event_detection.tokens"),
        ("sounds.segments", "event_detection.segments"), ("sounds.transcript", "tokenizer.sentence"),
        ("frequency_merge.tokens", "ctc.tokens"), ("tokenizer.text", "ctc.text"), ("pool.embedding", "projection.embedding"),
        ("sounds.sentence", "tokenizer_2.sentence"), ("tokenizer_2.text", "text_transformer.text"),
        ("text_transformer.tokens", "pool_2.tokens"), ("pool_2.embedding", "projection_2.embedding"),
        ("projection.embedding", "info_nce.left"), ("projection_2.embedding", "info_nce.right"),
        ("frequency_merge.tokens", "language_decoder.tokens"), ("tokenizer_2.text", "language_decoder.text"),
        ("language_decoder.logits", "next_word.logits"), ("tokenizer_2.text", "next_word.text"),
    ):  # fmt: skip
        draw.wire(source, target)
    return edits.set_recipe(
        draw.document, steps=3, batch_size=8, threads=1, callbacks={"checkpointing": {}}, diagnostics={}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return spoken(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    document = listener(folder)
    with Store.open(tmp_path_factory.mktemp("runs") / "runs.db") as store:
        trained = Trained(document, checkpoint_of(store, document))
    yield trained
    trained.close()


def of_sample(model: Trained, index: int) -> tuple[Path, dict]:
    """A clip's file, and its batch as the data has it."""
    task = model.plan.tasks[0]
    source = model.graphs[task.source].source
    return source.rows[index].file, model.batch(source.sample(index), task)


def test_everything_can_be_asked_of_a_sound(model: Trained) -> None:
    assert {kind: why for kind, why in answerable_of_sound(model.plan).items() if why is not None} == {}
    kinds = answerable(model.plan)
    assert {kind for kind in kinds if kinds[kind] is None} == {
        "retrieve", "classify", "caption", "transcribe", "localise", "align",
    }  # fmt: skip


def test_what_cannot_be_asked_of_a_sound_says_why(tmp_path: Path) -> None:
    found = answerable_of_sound(compile(tiny_clip()))
    assert all(why is not None and why.what.endswith(".") for why in found.values())
    assert len({why.what for why in found.values() if why is not None}) == 5  # spelling is said once for two


def test_classes_are_the_head_s_own_probabilities(model: Trained) -> None:
    file, batch = of_sample(model, 7)
    told = next(one for one in model.tellers if one.answers == "classify")
    head = model.experiment.node(told.node)
    with torch.no_grad():
        wanted = head.scores(model.experiment.run(batch, [told.told.node])[told.told])[0].softmax(-1)
    found = dict(recognise(model, "sound", file))
    assert set(found) == {"tone0", "tone1", "tone2", "tone3"}
    assert [found[f"tone{n}"] for n in range(4)] == pytest.approx(wanted.tolist(), abs=1e-6)
    assert sum(found.values()) == pytest.approx(1)


def test_events_are_those_that_the_objective_marks(model: Trained) -> None:
    file, batch = of_sample(model, 7)
    node = next(one.node for one in model.tellers if one.answers == "localise")
    marks = model.experiment.marked(node, batch)[""][0]
    events = localise(model, "sound", file)
    assert events
    assert {(event.span, event.name) for event in events} == {(mark.span, f"tone{mark.code}") for mark in marks}
    assert [event.span.start for event in events] == sorted(event.span.start for event in events)


def test_a_step_that_moves_key_and_chords_in_training_lets_a_sound_be_asked(tmp_path: Path) -> None:
    """What a person brings has no key to be moved: the chroma hangs on the sound alone, and passes as it is."""
    keys = ("C:maj", "A:min")
    rows = [{"file": f"{n}.wav", "key": keys[n % 2], "split": ("train", "test")[n // 8]} for n in range(12)]
    draw = Drawing("harmony")
    draw.add(
        "sources.sounds", folder=str(jsonl(tmp_path / "songs", rows)), hertz=8000, seconds=0.5, names="keys and chords"
    )
    draw.add("transforms.sound_length", seconds=0.5)
    draw.add("transforms.chroma", n_fft=1024, hop=400)
    draw.add("transforms.transpose")
    draw.add("encoders.frame_cnn", width=8, depth=1)
    draw.add("connectors.pool")
    draw.add("objectives.classification", classes=24)
    for source, target in (
        ("sounds.waveform", "sound_length.waveform"), ("sound_length.waveform", "chroma.waveform"),
        ("chroma.spectrogram", "transpose.spectrogram"), ("sounds.classes", "transpose.classes"),
        ("transpose.spectrogram", "frame_cnn.spectrogram"), ("frame_cnn.tokens", "pool.tokens"),
        ("pool.embedding", "classification.embedding"), ("transpose.classes", "classification.classes"),
    ):  # fmt: skip
        draw.wire(source, target)
    document = edits.set_recipe(
        draw.document, steps=2, batch_size=4, threads=1, callbacks={"checkpointing": {}}, diagnostics={}
    )
    with Store.open(tmp_path / "runs.db") as store:
        trained = Trained(document, checkpoint_of(store, document))
    (told,) = trained.tellers
    file, batch = of_sample(trained, 9)
    head = trained.experiment.node(told.node)
    with torch.no_grad():
        wanted = head.scores(trained.experiment.run(batch, [told.told.node])[told.told])[0].softmax(-1)
    found = dict(recognise(trained, "sound", file))
    trained.close()
    assert found["A minor"] == pytest.approx(float(wanted[21]), abs=1e-6)


def test_an_alignment_is_the_likeliest_path(model: Trained) -> None:
    file, batch = of_sample(model, 4)
    made = align(model, file, "one")
    told = next(one for one in model.tellers if one.answers == "transcribe")
    head = model.experiment.node(told.node)
    assert isinstance(head, CTC)
    with torch.no_grad():
        log_BTV, frames_B, when = head.emitted(model.experiment.run(batch, [told.told.node])[told.told])
    log_BTV = log_BTV[:, : int(frames_B[0])]
    text = batch[told.learned]
    pieces = text.ids_BL[0, : int(text.mask_BL.sum())].tolist()[1:-1]
    found = frames_of_pieces(best_path(log_BTV[0], pieces), len(pieces))
    assert [piece.text for piece in made.pieces] == list("one")
    assert [piece.span for piece in made.pieces] == [when.span(frames) for frames in found]
    assert made.chance_LT.shape == (3, len(made.frames)) == (3, log_BTV.shape[1])


def test_a_transcript_is_what_the_objective_hears(model: Trained) -> None:
    file, batch = of_sample(model, 4)
    node = next(one.node for one in model.tellers if one.answers == "transcribe")
    marks = model.experiment.marked(node, batch)[""][0]
    made = transcribe(model, file)
    assert [piece.span for piece in made.pieces] == [mark.span for mark in marks]
    assert [piece.score for piece in made.pieces] == pytest.approx([mark.score for mark in marks], abs=1e-6)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("", "no sentence"), (" \n ", "no sentence"), ("o" * 40, "longer than the 6 subwords"),
        ("zoom", "never learned “z”, “m”,"), ("一", "never learned “一”,"),
    ],
)  # fmt: skip
def test_what_cannot_be_aligned_is_refused(model: Trained, sentence: str, words: str) -> None:
    file, _ = of_sample(model, 4)
    with pytest.raises(Refused, match=words):
        align(model, file, sentence)


def test_a_clip_too_short_for_its_sentence_is_refused(model: Trained, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="The sentence needs 3 frames; the audio has"):
        align(model, tone(tmp_path / "click.wav", 0.005), "one")


def test_a_sound_finds_captions_and_a_caption_sounds(model: Trained) -> None:
    """Both ways the score is the cosine of the same two vectors."""
    file, _ = of_sample(model, 20)
    kind, answers = retrieve(model, "test", sound=file, count=8)
    assert kind == "sentences"
    kind, back = retrieve(model, "test", sentence=answers[0].sentence, count=8)
    assert kind == "sounds"
    assert all(answer.sound is not None and answer.sound.hertz == 8000 for answer in back)
    own = next(answer for answer in back if answer.index == 20)
    assert own.score == pytest.approx(answers[0].score, abs=1e-5)


def test_a_sound_is_written_about_and_each_word_looks_at_times(model: Trained) -> None:
    file, _ = of_sample(model, 4)
    made = caption(model, sound=file)
    looks = [word.look_HW for word in made.words if word.look_HW is not None]
    assert len(looks) == len(made.words)
    assert all(look.shape[0] == 1 and look.sum() == pytest.approx(1, abs=1e-5) for look in looks)
    with pytest.raises(Refused, match="No block here writes text"):
        caption(model, file)


def test_a_long_file_is_cut_as_the_data_cuts_it(model: Trained, tmp_path: Path) -> None:
    long, short = tone(tmp_path / "long.wav", 3.0, 300.0), tone(tmp_path / "short.wav", 0.5, 300.0)
    assert recognise(model, "sound", long) == recognise(model, "sound", short)
    with pytest.raises(Refused, match="is not there"):
        recognise(model, "sound", tmp_path / "none.wav")
    assert np.isfinite([score for _, score in recognise(model, "sound", tone(tmp_path / "brief.wav", 0.05))]).all()


def test_signs_that_are_heard_have_their_names(model: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """An end is not called a start, and neither is part of what is said."""
    file, _ = of_sample(model, 4)
    one = align(model, file, "o").pieces[0]
    teller = next(each for each in model.tellers if each.answers == "transcribe")
    tokenizer = tokenizer_of(teller.tokenizer, model.graphs.first)
    number = next(n for n in range(4, 20) if tokenizer.decode([n]) == "o")
    heard = [(2, range(0, 1)), (number, range(1, 2)), (3, range(2, 3))]
    monkeypatch.setattr("core.inference.transcribe.said", lambda log_TV: heard)
    made = transcribe(model, file)
    assert [piece.text for piece in made.pieces] == ["⟨start⟩", one.text, "⟨end⟩"]
    assert made.sentence == "o"


@pytest.mark.parametrize(
    ("bytes_", "sentence"),
    [
        (b"no audio", "asked.wav is not audio that can be read: Format not recognised."),
        (b"", "asked.wav is not audio that can be read: Format not recognised."),
        (None, "asked.wav is a folder, not an audio file."),
    ],
)
def test_a_file_that_is_no_audio_is_told_in_one_sentence(
    model: Trained, tmp_path: Path, bytes_: bytes | None, sentence: str
) -> None:
    file = tmp_path / "asked.wav"
    if bytes_ is None:
        file.mkdir()
    else:
        file.write_bytes(bytes_)
    with pytest.raises(Refused) as refused:
        recognise(model, "sound", file)
    assert [problem.sentence() for problem in refused.value.problems] == [sentence]
