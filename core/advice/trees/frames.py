"""How many frames of a video, which, and how attention goes over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.advice.case import Case
from core.advice.catalog import trees
from core.advice.hearing import FEW
from core.advice.proposal import Evidence, Proposal, Tree
from core.advice.rewiring import turned
from core.graph.document import Node
from core.graph.exchanging import candidates, exchanged

LEAST, MOST = 8, 64  # frames that are proposed
SEEN_TWICE: Final = 2  # frames in which the shortest event is to be seen
MANY: Final = 16  # frames from which joint attention costs several times as much
LONG_SECONDS, COVERED = 10.0, 0.2  # a longer clip of which a stretch sees no more than this share
PARTS, STRETCHES = "equal parts", "stretches"
IN_TIME: Final = ("objectives.localisation", "objectives.event_detection")
CNN, TRANSFORMER = "encoders.video_cnn", "encoders.video_transformer"


@trees.register("frames")
class Frames(Tree):
    """Frames asked for beside the lengths of clips and events, and the tower that looks at them."""

    title = "How many frames?"

    def proposals(self, case: Case) -> Iterator[Proposal]:
        """Of every place where frames are chosen, then of every tower over them."""
        for node in case.of("transforms.sample_frames"):
            for rule in (self._events, self._too_few, self._repeated, self._stretch):
                if (found := rule(case, node)) is not None:
                    yield found
                    break
        for node in case.of(TRANSFORMER):
            yield from (found for rule in (self._joint, self._small) if (found := rule(case, node)) is not None)

    def _events(self, case: Case, node: Node) -> Proposal | None:
        reading, frames = case.reading(node.id), int(case.number(node.id, "frames"))
        asks = [one for one in case.of(*IN_TIME) if one.id in case.behind(node.id)]
        if (
            reading is None
            or reading.events is None
            or reading.clips is None
            or not asks
            or case.knob(node.id, "way") != PARTS
        ):
            return None
        need = min(_power(SEEN_TWICE * reading.clips.median / reading.events.shortest), MOST)
        if frames >= need:
            return None
        return self._counted(
            case, node, "events", need,
            reason=f"The shortest event lasts {reading.events.shortest:.2g} s and clips {reading.clips.median:.2g} s: {frames} frames lie "
            f"{reading.clips.median / frames:.2g} s apart, {need} show every event about twice.",
            evidence=Evidence(
                papers=("2202.07925",), example="video_localisation",
                figure="Actions in six seconds are found over 32 frames with a mAP of 25 % at an overlap of 0.5; saying the whole clip gets 0 %.",
            ),
        )  # fmt: skip

    def _too_few(self, case: Case, node: Node) -> Proposal | None:
        reading, frames = case.reading(node.id), int(case.number(node.id, "frames"))
        if reading is None or frames >= LEAST // 2 or any(case.of("transforms.frame_order")):
            return None
        if (
            reading.frames_a_second
            and reading.clips is not None
            and reading.frames_a_second * reading.clips.median < LEAST
        ):
            return None
        return self._counted(
            case, node, "too_few", LEAST,
            reason=f"Of every clip {frames} frames are seen: what is done, and which way, is mostly in how frames differ.",
            evidence=Evidence(
                papers=("1608.00859",), example="video_captions",
                figure="Which of two actions comes first is told from 2 frames for 54 % of the videos (chance 50 %), from 4 for 80 %, from 8 for 92 %.",
            ),
        )  # fmt: skip

    def _repeated(self, case: Case, node: Node) -> Proposal | None:
        reading, frames = case.reading(node.id), int(case.number(node.id, "frames"))
        if (
            reading is None
            or reading.clips is None
            or not reading.frames_a_second
            or case.knob(node.id, "way") == STRETCHES
        ):
            return None
        there = round(reading.frames_a_second * reading.clips.median)
        if frames <= there or there < 1:
            return None
        need = max(1 << (there.bit_length() - 1), 1)
        return self._counted(
            case, node, "repeated", need,
            reason=f"A clip of {reading.clips.median:.2g} s at {reading.frames_a_second:.3g} frames a second has {there} frames; of {frames} "
            "many would be the same.",
            evidence=Evidence(
                papers=("1608.00859",), example="video_captions",
                figure="Of videos that have 16 to 32 frames, 64 take five times the processor time of 16 and tell no more (92 and 93 %).",
            ),
        )  # fmt: skip

    def _counted(self, case: Case, node: Node, rule: str, frames: int, *, reason: str, evidence: Evidence) -> Proposal:
        return Proposal(
            tree=self.key, rule=rule, node=node.id, what=f"Take {frames} frames of every clip.", reason=reason, evidence=evidence,
            sure="measured here" if evidence.example else "rule of thumb",
            document=turned(case.document, node.id, "frames", frames, case.words),
        )  # fmt: skip

    def _stretch(self, case: Case, node: Node) -> Proposal | None:
        reading = case.reading(node.id)
        if reading is None or reading.clips is None or case.knob(node.id, "way") != STRETCHES:
            return None
        seen = case.number(node.id, "frames") * case.number(node.id, "step")
        if reading.clips.median < LONG_SECONDS or seen > COVERED * reading.clips.median:
            return None
        return Proposal(
            tree=self.key, rule="stretch", node=node.id, what="Take one frame of each equal part of the clip, instead of a stretch.",
            reason=f"Clips last {reading.clips.median:.3g} s and a stretch sees {seen:.2g} s of them; the rest is never looked at.",
            evidence=Evidence(papers=("1608.00859",)), sure="published",
            document=turned(case.document, node.id, "way", PARTS, case.words),
        )  # fmt: skip

    def _joint(self, case: Case, node: Node) -> Proposal | None:
        sampled = [one for one in case.of("transforms.sample_frames") if one.id in case.before(node.id)]
        frames = max((case.number(one.id, "frames") for one in sampled), default=0)
        if case.knob(node.id, "pattern") != "joint" or frames / max(case.number(node.id, "tubelet"), 1) < MANY:
            return None
        return Proposal(
            tree=self.key, rule="joint", node=node.id, what="Attend within each frame and then over time (divided), not to all at once.",
            reason=f"{frames:.0f} frames are looked at, and the cost of joint attention grows nearly with their square.",
            evidence=Evidence(
                papers=("2102.05095",), example="space_time_cost_sweep", figure="At 32 frames joint attention costs 6.8 times as much as divided."
            ),
            sure="measured here", document=turned(case.document, node.id, "pattern", "divided", case.words),
        )  # fmt: skip

    def _small(self, case: Case, node: Node) -> Proposal | None:
        reading = case.reading(node.id)
        few = reading is not None and 0 < reading.training < FEW
        if reading is None or not few or CNN not in candidates(case.document, node.id, case.words):
            return None
        return Proposal(
            tree=self.key, rule="few", node=node.id, what="Put a Video CNN in the transformer's place.",
            reason=f"There are {reading.training:,} videos to learn from: few for a transformer that nothing was taught before.",
            evidence=Evidence(
                papers=("2103.15691",), example="video_actions",
                figure="(2+1)d convolutions name 82 % of the actions of emoji they never saw (chance 12 %).",
            ),
            sure="published", document=exchanged(case.document, node.id, CNN, case.words),
        )  # fmt: skip


def _power(count: float) -> int:
    """The least power of two that is not less, at least LEAST."""
    found = LEAST
    while found < count and found < MOST:
        found *= 2
    return found
