"""Which encoder hears best: what there is to learn and how much of it decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.advice.case import Case
from core.advice.catalog import trees
from core.advice.hearing import FEW, TABLE, Hearing, hearing_for
from core.advice.proposal import Evidence, Proposal, Tree
from core.advice.rewiring import at_rate, hearing_waves, turned, wave_end
from core.graph import edits
from core.graph.dataset import Tells
from core.graph.document import Node
from core.graph.exchanging import candidates, exchanged

FROM_SCRATCH: Final = ("encoders.spectrogram_transformer", "encoders.axial_transformer")
BANDS: Final = ("transforms.log_mel", "transforms.mfcc")
SPEECH: Final = ("encoders.wav2vec2", "encoders.hubert", "encoders.wavlm", "encoders.whisper")
CHROMA, CNN, EFFECTS, TRANSFORMER, WAVLM = (
    "transforms.chroma", "encoders.audio_cnn", "encoders.ai_sfx", "encoders.spectrogram_transformer", "encoders.wavlm",
)  # fmt: skip
RATES: Final = {
    EFFECTS: 44_100,
    "encoders.clap_audio": 48_000,
    "encoders.whisper": 16_000,
    WAVLM: 16_000,
}  # what they have heard


@trees.register("audio_encoder")
class AudioEncoder(Tree):
    """The table of :mod:`core.advice.hearing`, asked of every tower that hears."""

    title = "Which audio encoder?"

    def proposals(self, case: Case) -> Iterator[Proposal]:
        """At most one for each tower."""
        for node in case.of("encoders."):
            reading = case.reading(node.id)
            told = reading.tells if reading is not None else None
            row = hearing_for(told) if told is not None else None
            if case.spec(node.id).modality != "audio" or told is None or row is None:
                continue
            rules = (self._chroma, self._speech, self._few, self._effects, self._many)
            found = next((said for rule in rules for said in rule(case, node, told, row)), None)
            if found is not None:
                yield found

    def _chroma(self, case: Case, node: Node, told: Tells, row: Hearing) -> Iterator[Proposal]:
        bands = [one for one in case.of(*BANDS) if one.id in case.before(node.id)]
        if row.block != CHROMA or not bands:
            return
        document = case.document
        for one in bands:
            document = exchanged(document, one.id, CHROMA, case.words)
        yield Proposal(
            tree=self.key, rule="chroma", node=bands[0].id, what="Hear pitch classes instead of bands: put Chroma in their place.",
            reason=f"The classes of {told.notes:.0%} of {told.clips:,} clips are notes, chords or keys, and those are pitch classes over time.",
            evidence=Evidence(papers=("1612.05065",)), sure="rule of thumb", document=document,
        )  # fmt: skip

    def _speech(self, case: Case, node: Node, told: Tells, row: Hearing) -> Iterator[Proposal]:
        """Among towers over the waveform, whose wires all fit: the one of the table's row."""
        if row.block not in RATES or row.block not in candidates(case.document, node.id, case.words):
            return
        if row.block == EFFECTS or (row.block == "encoders.whisper" and node.block in SPEECH and told.english >= 0.5):
            return  # effects have a rule of their own; for English no tower of speech is the right one before it was tried
        document = exchanged(case.document, node.id, row.block, case.words)
        document = at_rate(document, node.id, RATES[row.block], case.words)
        if row.block == WAVLM:
            document = turned(document, node.id, "tap", "all layers", case.words)
        title = case.words.spec(row.block).title
        yield Proposal(
            tree=self.key, rule="tower", node=node.id, what=f"Hear with {title} instead, and choose the folder with its weights.",
            reason=f"{row.sentence} Read of {told.clips:,} clips: transcripts {told.transcripts:.0%}, speakers {told.speakers:.0%}, "
            f"captions {told.captions:.0%}.",
            evidence=Evidence(papers=case.words.spec(row.block).papers), sure="published", document=document,
        )  # fmt: skip

    def _few(self, case: Case, node: Node, told: Tells, row: Hearing) -> Iterator[Proposal]:
        few = told.clips < FEW and node.block in FROM_SCRATCH
        if not few or CNN not in candidates(case.document, node.id, case.words):
            return
        document = exchanged(case.document, node.id, CNN, case.words)
        yield Proposal(
            tree=self.key, rule="few", node=node.id, what="Put an Audio CNN in the transformer's place.",
            reason=f"There are {told.clips:,} clips; a transformer over spectrograms learned from scratch needs about {FEW:,} or more, "
            "or weights that have seen AudioSet.",
            evidence=Evidence(
                papers=("2104.01778",), example="sound_events",
                figure="An Audio CNN names 85.0, 82.5 and 82.5 % of 80 held-out clips of ESC-10 (three seeds; chance 10 %).",
            ),
            sure="published", document=turned(document, node.id, "quiet_start", False, case.words),
        )  # fmt: skip

    def _effects(self, case: Case, node: Node, told: Tells, row: Hearing) -> Iterator[Proposal]:
        """A tower that has heard sound effects, for classes of sounds that are few."""
        asks = [one for one in case.of("objectives.classification") if one.id in case.behind(node.id)]
        wave = wave_end(case.document, node.id, case.words)
        if row.block != EFFECTS or node.block != CNN or not asks or wave is None or not told.labels >= 0.5:
            return
        if "aisfx" not in case.machine.packages:
            return
        document, new = hearing_waves(case.document, node.id, EFFECTS, case.words)
        document = at_rate(document, new, RATES[EFFECTS], case.words)
        document = edits.switch(edits.set_rule(document, new, frozen=True), "callbacks", "frozen_cache", True)
        yield Proposal(
            tree=self.key, rule="effects", node=node.id, what="Hear with AiSFX, frozen, instead of a network learned from scratch.",
            reason=f"There are {told.clips:,} clips of classes of sounds, and AiSFX, which has heard many sound effects, is installed. "
            "Its features are computed once.",
            evidence=Evidence(
                example="frozen_sound_events",
                figure="ESC-10, fold 4: 92.5, 95.0 and 93.8 % (three seeds); the convolutions from scratch 85.0, 82.5 and 82.5 %.",
            ),
            sure="measured here", document=document,
        )  # fmt: skip

    def _many(self, case: Case, node: Node, told: Tells, row: Hearing) -> Iterator[Proposal]:
        if (
            row is not TABLE[-1]
            or node.block != CNN
            or TRANSFORMER not in candidates(case.document, node.id, case.words)
        ):
            return
        yield Proposal(
            tree=self.key, rule="many", node=node.id, what="Put the Spectrogram transformer in the place of the convolutions.",
            reason=f"There are {told.clips:,} clips: from about {FEW:,} on a transformer over spectrograms can be learned.",
            evidence=Evidence(papers=("2104.01778",)), sure="rule of thumb",
            document=exchanged(case.document, node.id, TRANSFORMER, case.words),
        )  # fmt: skip
