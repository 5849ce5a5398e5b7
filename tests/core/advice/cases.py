"""Drawings of the gallery with data made up for them: each makes one rule speak."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

from core.advice.case import Case
from core.advice.machine import Machine
from core.compiler.compile import analyse
from core.graph import edits
from core.graph.dataset import DataReading, Lengths, Tells
from core.graph.document import Document
from core.graph.vocabulary import Vocabulary
from core.problems import Fix, Problem
from core.runs.declared import declared_vocabulary
from studio.open.documents import find_document, turned
from tests.documents import Drawing, captions


@cache
def words() -> Vocabulary:
    return declared_vocabulary()


def read(training: int = 2000, **fields: object) -> DataReading:
    """What was counted of a source with so many training samples."""
    return DataReading(title="Made up", modality="any", counts={"train": training, "test": 100}, **fields)  # type: ignore[arg-type]


def heard(clips: int, **shares: float) -> DataReading:
    return read(clips, tells=Tells(clips=clips, **shares))


def seen(clip: float, event: float = 0.0, rate: float = 25.0, training: int = 9000) -> DataReading:
    """Videos of so many seconds, with events of so many."""
    events = Lengths(shortest=event, median=event, longest=event) if event else None
    return read(training, clips=Lengths(shortest=clip, median=clip, longest=clip), events=events, frames_a_second=rate)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A rule, an example, what is turned in it, what its source holds."""

    rule: str
    example: str
    turned: tuple[str, ...] = ()
    reading: DataReading = field(default_factory=read)
    packages: frozenset[str] = frozenset()
    after: DataReading | None = None  # what is counted once it is followed, where that is something else

    def document(self) -> Document:
        return turned(
            DRAWN[self.example]() if self.example in DRAWN else find_document(self.example), list(self.turned), words()
        )

    def case(self, document: Document | None = None) -> Case:
        """The document, or another one, analysed, with this one's data."""
        reading = self.after if document is not None and self.after is not None else self.reading
        document = document or self.document()
        sources = [key for key, node in document.nodes.items() if words().spec(node.block).role == "source"]
        return Case(
            document=document, words=words(), analysis=analyse(document, words()), readings=dict.fromkeys(sources, reading),
            machine=Machine(mebibytes=16_000, packages=self.packages),
        )  # fmt: skip


def waves(encoder: str) -> Document:
    """A tower over waveforms that says a class."""
    draw = Drawing("waves")
    for block in ("sources.sounds", "transforms.sound_length", encoder, "connectors.pool", "objectives.classification"):
        draw.add(block)
    tower = encoder.split(".")[1]
    for source, target in (
        ("sounds.waveform", "sound_length.waveform"), ("sound_length.waveform", f"{tower}.waveform"), (f"{tower}.tokens", "pool.tokens"),
        ("pool.embedding", "classification.embedding"), ("sounds.classes", "classification.classes"),
    ):  # fmt: skip
        draw.wire(source, target)
    return draw.document


def spectrogram_tower() -> Document:
    """Sound events with a transformer over the spectrogram."""
    draw = Drawing("bands")
    for block in (
        "sources.sounds", "transforms.sound_length", "transforms.log_mel", "encoders.spectrogram_transformer", "connectors.pool",
        "objectives.classification",
    ):  # fmt: skip
        draw.add(block)
    for source, target in (
        ("sounds.waveform", "sound_length.waveform"), ("sound_length.waveform", "log_mel.waveform"),
        ("log_mel.spectrogram", "spectrogram_transformer.spectrogram"), ("spectrogram_transformer.tokens", "pool.tokens"),
        ("pool.embedding", "classification.embedding"), ("sounds.classes", "classification.classes"),
    ):  # fmt: skip
        draw.wire(source, target)
    return draw.document


def thawed() -> Document:
    """Two towers with weights, of which the one that sees is trained as if it had none."""
    return edits.set_rule(find_document("frozen_pair"), "efficientnet_lite", frozen=None)


def two_towers() -> Document:
    """Image and words joined before one classification."""
    draw = Drawing("two towers")
    for block in (
        "sources.emoji", "transforms.tokenizer", "encoders.resnet", "encoders.text_transformer", "connectors.pool", "connectors.pool",
        "fusion.late", "objectives.classification",
    ):  # fmt: skip
        draw.add(block)
    for source, target in (
        ("emoji.image", "resnet.image"), ("emoji.sentence", "tokenizer.sentence"), ("tokenizer.text", "text_transformer.text"),
        ("resnet.tokens", "pool.tokens"), ("text_transformer.tokens", "pool_2.tokens"), ("pool.embedding", "late.left"),
        ("pool_2.embedding", "late.right"), ("late.embedding", "classification.embedding"), ("emoji.classes", "classification.classes"),
    ):  # fmt: skip
        draw.wire(source, target)
    return draw.document


def video_tower() -> Document:
    """Actions with joint attention over frames."""
    draw = Drawing("frames")
    for block in (
        "sources.emoji_videos",
        "transforms.sample_frames",
        "encoders.video_transformer",
        "connectors.pool",
        "objectives.classification",
    ):
        draw.add(block)
    for source, target in (
        ("emoji_videos.clip", "sample_frames.clip"), ("sample_frames.video", "video_transformer.video"),
        ("video_transformer.tokens", "pool.tokens"), ("pool.embedding", "classification.embedding"),
        ("emoji_videos.classes", "classification.classes"),
    ):  # fmt: skip
        draw.wire(source, target)
    return draw.document


DRAWN = {
    "waves": lambda: waves("encoders.ast_hub"), "english": lambda: waves("encoders.hubert"), "bands": spectrogram_tower,
    "two_towers": two_towers, "frames": video_tower, "captions": captions,
    "thawed": thawed,
}  # fmt: skip

LEAK = Problem(
    what="leaks",
    fix=Fix(
        text="Hold out orders", edit="set_knob", arguments={"node": "videos", "name": "hold_out", "value": "orders"}
    ),
)
NAMED = {"labels": 1.0}
CASES = (
    Made(rule="audio_encoder.chroma", example="sound_events", reading=heard(400, notes=1.0, **NAMED)),
    Made(rule="audio_encoder.tower", example="waves", reading=heard(400, speakers=1.0, **NAMED)),
    Made(rule="audio_encoder.tower", example="waves", reading=heard(400, captions=1.0, **NAMED)),
    Made(rule="audio_encoder.tower", example="english", reading=heard(400, transcripts=1.0, english=0.1)),
    Made(rule="audio_encoder.few", example="bands", reading=heard(400, **NAMED)),
    Made(rule="audio_encoder.effects", example="sound_events", reading=heard(240, **NAMED), packages=frozenset({"aisfx"})),
    Made(rule="audio_encoder.many", example="sound_events", reading=heard(9000, **NAMED)),
    Made(rule="frames.events", example="video_localisation", turned=("sample_frames.frames=8",), reading=seen(6, event=1)),
    Made(rule="frames.too_few", example="frames", turned=("sample_frames.frames=2",), reading=seen(2)),
    Made(rule="frames.repeated", example="video_actions", turned=("sample_frames.frames=64",), reading=seen(1)),
    Made(rule="frames.stretch", example="video_actions", turned=("sample_frames.way=stretches",), reading=seen(60)),
    Made(rule="frames.joint", example="frames", turned=("sample_frames.frames=16", "video_transformer.pattern=joint"), reading=seen(4)),
    Made(rule="frames.few", example="frames", reading=seen(2, training=400)),
    Made(rule="fusion.late", example="early_late_cost_sweep"),
    Made(rule="fusion.gate", example="fusion_sweep"),
    Made(rule="fusion.sparse", example="cross_attention_matching", turned=("cross_attention.attention=block-sparse",)),
    Made(rule="connector.reading", example="captions", turned=("emoji.image_size=64",)),
    Made(rule="connector.meeting", example="cross_attention_memory_sweep"),
    Made(rule="connector.scales", example="pooling_sweep"),
    Made(rule="negatives.queue", example="mini_clip", turned=("recipe.batch_size=16",)),
    Made(rule="negatives.larger", example="mini_clip", turned=("recipe.batch_size=16",)),
    Made(rule="negatives.alike", example="mini_clip", reading=read(repeats=0.05)),
    Made(rule="negatives.temperature", example="mini_clip", turned=("info_nce.temperature=1",)),
    Made(rule="negatives.curriculum", example="hard_curriculum", turned=("mix.schedule=constant", "mix.hard=0.9")),
    Made(rule="freezing.freeze", example="thawed", reading=read(800)),
    Made(rule="freezing.slow", example="thawed", reading=read(80_000)),
    Made(rule="freezing.cache", example="frozen_pair", turned=("callbacks.frozen_cache.on=false",)),
    Made(rule="balance.leaks", example="video_actions", reading=replace(seen(2), leaks=3, mend=LEAK), after=seen(2)),
    Made(rule="balance.rare", example="video_actions", reading=read(classes={"run": 500, "fall": 12})),
    Made(rule="balance.unheard", example="two_towers"),
)  # fmt: skip
