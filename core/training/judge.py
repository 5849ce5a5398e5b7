"""Who judges made images: a trained run with images and text in one space, or nobody; and how far it can be relied on.

A judge that never saw a pair ranks a copied training image above the real one, so it rewards copying; one that took part in training
the generator, or makes images itself, is no stranger to what it judges. All of that is said. Axes: N images, M of the training split,
C H W, D width of a feature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.compiler.answers.making import from_noise
from core.compiler.teacher import OpenTeacher, checkpoint_of, open_teacher
from core.graph.document import Document
from core.problems import Refused
from core.training.likeness import (
    clip_score,
    frechet_distance,
    interval,
    kernel_distance,
    nearest,
    nearest_captions,
    pixel_features,
)
from core.training.retrieval import scores

AT_ONCE = 256  # images through the judge's tower


@dataclass(frozen=True, kw_only=True)
class Images:
    """Images of a split with what they are called."""

    image_NCHW: Tensor
    made_NCHW: Tensor  # one made for each, where that was asked for
    sentences: tuple[str, ...] = ()  # empty where the data has none


class Judge:
    """Scores made images beside real ones, those of the nearest training captions, and chance."""

    def __init__(self, run: OpenTeacher | None = None) -> None:
        self._run = run
        self._known: frozenset[str] | None = None

    @property
    def judges(self) -> bool:
        """Whether there is a run that ranks captions."""
        return self._run is not None

    @property
    def extractor(self) -> str:
        """Whose features distances are between."""
        return "8 x 8 pixels" if self._run is None else f"the image tower of {self._run.title}"

    @property
    def title(self) -> str:
        """What the judge is called; empty where there is none."""
        return "" if self._run is None else self._run.title

    def seen(self, sentences: Sequence[str]) -> int:
        """How many of these captions the judge was trained on."""
        if self._run is None:
            return 0
        if self._known is None:
            self._known = self._run.trained_captions()
        return sum(sentence in self._known for sentence in sentences)

    def doubts(self, generator: Document) -> tuple[str, ...]:
        """Why it is no stranger to the generator, as sentences."""
        if self._run is None:
            return ()
        found = []
        if from_noise(self._run.plan):
            found.append(f"The judge {self._run.title} makes images itself: one that never did is the fairer one.")
        if named := [node.id for node in generator.nodes.values() if self._run.place in _folders(node.knobs.values())]:
            found.append(
                f"The judge {self._run.title} took part in training what it judges (block {named[0]}): its scores say little."
            )
        return tuple(found)

    def scored(self, made_NCHW: Tensor, real: Images, trained: Images) -> dict[str, float]:
        """Distances of features, of training images too; how near each lies to training; and with a judge :meth:`_judged`."""
        count = len(made_NCHW)
        spread = torch.linspace(0, len(trained.image_NCHW) - 1, min(count, len(trained.image_NCHW))).long()
        sides = {"": made_NCHW, "training ": trained.image_NCHW[spread]}
        real_ND, found = self._features(real.image_NCHW), {"images": float(count)}
        for name, image_NCHW in sides.items():
            feature_ND = self._features(image_NCHW)
            found[f"{name}FID"] = frechet_distance(feature_ND, real_ND)
            found[f"{name}KID"] = kernel_distance(feature_ND, real_ND)
        for name, image_NCHW in (("", made_NCHW), ("real ", real.image_NCHW)):
            distance_N, _ = nearest(image_NCHW.flatten(1), trained.image_NCHW.flatten(1))
            found[f"{name}distance to training"] = float(distance_N.median())
        return found | (self._judged(made_NCHW, real, trained) if self._run is not None and real.sentences else {})

    def _judged(self, made_NCHW: Tensor, real: Images, trained: Images) -> dict[str, float]:
        """Whether the judge finds the caption of what was made, beside real images and those of the nearest captions."""
        looked_up = trained.image_NCHW[nearest_captions(real.sentences, trained.sentences)]
        found = {"captions seen": self.seen(real.sentences) / len(real.sentences)}
        for name, image_NCHW in (("", made_NCHW), ("real ", real.image_NCHW), ("lookup ", looked_up)):
            image_ND, text_ND = self._embedded(image_NCHW, real.sentences)
            score = scores(image_ND @ text_ND.T, real.sentences, answers=real.sentences)
            for recall in ("R@1", "R@10"):
                found[f"{name}{recall}"] = score[recall]
                ends = interval(score[recall], len(image_ND))
                found[f"{name}{recall}, 95 % from"], found[f"{name}{recall}, 95 % to"] = ends
            found[f"{name}CLIP score"] = clip_score(image_ND, text_ND)
            if not name:
                found["chance R@1"], found["chance R@10"] = score["chance R@1"], score["chance R@10"]
                found["chance CLIP score"] = clip_score(image_ND, text_ND.roll(len(text_ND) // 2, 0))
        return found

    def _features(self, image_NCHW: Tensor) -> Tensor:
        if self._run is None:
            return pixel_features(image_NCHW)
        return self._embedded(image_NCHW, [""] * len(image_NCHW))[0].double()

    def _embedded(self, image_NCHW: Tensor, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        assert self._run is not None
        parts = range(0, len(image_NCHW), AT_ONCE)
        made = [self._run.embed(image_NCHW[at : at + AT_ONCE], sentences[at : at + AT_ONCE]) for at in parts]
        left_ND, right_ND = (torch.cat([pair[side] for pair in made]).cpu() for side in (0, 1))
        return left_ND, right_ND


def judge_at(place: str) -> Judge:
    """The run in this folder; of an empty one nobody. Raises Refused where it cannot be opened."""
    return Judge(open_teacher(Path(place).expanduser())) if place else Judge()


def _folders(settings: Iterable[object]) -> set[Path]:
    """Checkpoints that settings name."""
    found = set()
    for value in settings:
        if isinstance(value, str) and value and Path(value).expanduser().is_dir():
            try:
                found.add(checkpoint_of(Path(value).expanduser()))
            except Refused:  # any other folder
                continue
    return found
