"""Follow: a trained plan asked again and again about the last seconds of something that goes on, and how far behind it is.

Whatever is slow, memory stays as it is and the answer is about what is newest: what arrives meanwhile waits in a ring buffer, whose
oldest goes where it is full. Frames in, answered and dropped are counted; latency is from when the newest moment of a question
arrived to when its answer is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from core.blocks.objectives.classification import Classification
from core.compiler.answers.answerable import NO_CLASS_OF_FILM, NO_CLASS_OF_SOUND
from core.compiler.answers.tellers import Teller
from core.compiler.randomness import apart
from core.data.live import Arrival, Clock, LastSeconds
from core.data.ring import Ring
from core.data.transforms.sample_frames import SampleFrames
from core.inference.trained import Trained, ranked
from core.problems import Refused

Ask = Callable[[LastSeconds], "list[tuple[str, float]]"]
LIVE = frozenset({"film", "sound"})
SIZE = 64  # edge of frames where no step says another


@dataclass(frozen=True, kw_only=True)
class Said:
    """One answer about the last seconds."""

    due: float  # seconds of the file: the newest moment that was asked about
    classes: tuple[tuple[str, float], ...]  # the likeliest first, with their probabilities
    latency: float  # seconds from its arrival to the answer
    arrived: int  # so far
    dropped: int  # so far: they were never asked about
    waiting: int


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a plan takes of a stream, and how it is asked."""

    ask: Ask
    size: int  # edge of frames; 0: it looks at none
    hertz: int  # of sound; 0: it hears none
    seconds: float  # that one question is about, as in training where that is known


def asking(trained: Trained, *, most: int = 3, seed: int = 0) -> Asked:
    """How a plan names the class of the last seconds. Raises Refused where it names none of film or sound."""
    teller = next((one for one in trained.tellers if one.answers == "classify" and one.given <= LIVE), None)
    if teller is None:
        raise Refused(NO_CLASS_OF_FILM, NO_CLASS_OF_SOUND)
    task = trained.plan.tasks_with(teller.node)[0]
    source, ports = trained.graphs[task.source].source, trained.ports(task)
    steps = [part for _, part, _ in trained.graphs[task.source].parts if isinstance(part, SampleFrames)]
    looks, hears = "film" in teller.given, "sound" in teller.given
    size = int(steps[0].config.size) if steps else SIZE
    hertz = int(source.meta(1)[ports["sound"]].hertz) if hears else 0

    def ask(last: LastSeconds) -> list[tuple[str, float]]:
        given: dict[str, object] = {ports["film"]: last.film} if looks else {}
        given |= {ports["sound"]: last.sound} if hears else {}
        return _classes(trained, teller, given, most, seed)

    return Asked(ask=ask, size=size if looks else 0, hertz=hertz, seconds=float(getattr(source.config, "seconds", 2.0)))


@torch.no_grad()
def _classes(
    trained: Trained, teller: Teller, given: dict[str, object], most: int, seed: int
) -> list[tuple[str, float]]:
    head, names = trained.experiment.node(teller.node), trained.names(teller)
    assert isinstance(head, Classification)
    with apart(seed):
        batch = trained.batch(given, trained.plan.tasks_with(teller.node)[0])
        embedding = trained.experiment.run(batch, [teller.told.node])[teller.told]
        chance_K = head.scores(embedding)[0].float().softmax(-1).cpu()
    return [(names[k] if k < len(names) else str(k + 1), score) for score, k in ranked(chance_K, most)]


def follow(
    ring: Ring[Arrival], asked: Asked, clock: Clock, *, wait: Callable[[], bool] | None = None, seconds: float = 0.0,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Said]:  # fmt: skip
    """An answer for all that has arrived since the last one, until the ring is closed and empty, or it is cancelled.

    ``wait``: until something waits, False where nothing will; the ring's own where none is given. ``seconds``: that a question is
    about; 0: as in training.
    """
    last = LastSeconds(seconds or asked.seconds, asked.hertz)
    wait = wait or ring.wait_for_item
    while not cancelled() and wait():
        taken = ring.take_all()
        for _, one in taken:
            last.add(one)
        if (asked.size and last.film is None) or (asked.hertz and last.sound is None):
            continue
        classes = tuple(asked.ask(last))
        flow = ring.flow()
        yield Said(
            due=last.due, classes=classes, latency=clock.now() - taken[-1][0], arrived=flow.put, dropped=flow.dropped,
            waiting=flow.waiting,
        )  # fmt: skip
