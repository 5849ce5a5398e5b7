"""The training image whose caption is nearest: an example to draw after (retrieval-augmented generation; CM3Leon, arXiv:2309.02591).

Nearest is by common words, which learns nothing. A sample is never its own example, nor is one with the very same caption: while
learning it must be told no more than a caption of a person's own is. The images are kept with the checkpoint. Axes: N images, H, W pixels.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import pixels_of
from core.data.nearest_captions import Captions
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse

MOST_BYTES = 256 * 2**20  # of all images
MOST_KNOWN = 100_000  # sentences whose example is remembered


@transforms.register("transforms.nearest_example")
class NearestExample(Transform):
    """Gives the image of the training sample whose caption has most words in common with the sentence."""

    title = "Nearest training example"
    modality = "image"
    takes = {
        "sentence": port("sentence", "what an example is wanted for"),
        "image": port("image", "images of the training samples, all of one size; only looked at before training"),
    }
    gives = {
        "image": port("image", "the image of the nearest other caption of the training split"),
        "sentence": port("sentence", "that caption"),
    }
    learns_from = ("image",)

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many are kept."""

        most: int = knob(
            20_000,
            "Training samples that are kept at most, the first ones.",
            low=2,
            high=200_000,
            unit="samples",
            title="Max examples",
        )

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._captions = Captions(())
        self._image_N3HW: NDArray[np.uint8] = np.zeros((0, 3, 0, 0), np.uint8)
        self._known: dict[str, int] = {}

    @property
    def needs_fit(self) -> bool:
        """Until it has captions."""
        return not self._captions.captions

    def fit(self, samples: Iterable[Mapping[str, Any]]) -> None:
        """Keep the training samples. Raises Refused where their images differ in size or are too many."""
        captions: list[str] = []
        images: list[NDArray[np.uint8]] = []
        for sample in samples:
            pixels_HW3 = pixels_of(sample["image"])
            if images and pixels_HW3.shape != images[0].shape:
                raise refuse(
                    "Examples must have one size, and these images differ.", hint="Put Resize images before this block."
                )
            if (len(images) + 1) * pixels_HW3.nbytes > MOST_BYTES:
                raise refuse(
                    f"The examples take more than {MOST_BYTES // 2**20} MiB.",
                    hint="Keep fewer (Max examples), or make the images smaller.",
                )
            captions.append(str(sample["sentence"]))
            images.append(pixels_HW3)
            if len(images) == self.config.most:
                break
        if len(set(captions)) < 2:
            raise refuse("There are no two training samples with different captions, so none has an example.")
        self._keep(captions, np.stack(images).transpose(0, 3, 1, 2))

    def _keep(self, captions: list[str], image_N3HW: NDArray[np.uint8]) -> None:
        self._captions, self._image_N3HW = Captions(captions), np.ascontiguousarray(image_N3HW)
        self._known = {}

    def state(self) -> dict[str, Any]:
        """Captions and images."""
        packed = base64.b64encode(zlib.compress(self._image_N3HW.tobytes(), 6)).decode("ascii")
        return {"captions": list(self._captions.captions), "shape": list(self._image_N3HW.shape), "images": packed}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse. Raises Refused where the images are not as many as the captions, or not of the size that is named."""
        if not state.get("captions"):
            return
        captions, shape = [str(caption) for caption in state["captions"]], tuple(int(size) for size in state["shape"])
        size = int(np.prod(shape, dtype=np.float64))
        whole = (
            len(shape) == 4 and shape[0] == len(captions) and shape[1] == 3 and min(shape) > 0 and size <= MOST_BYTES
        )
        pixels = zlib.decompressobj().decompress(base64.b64decode(state["images"]), size + 1) if whole else b""
        if not whole or len(pixels) != size:
            raise refuse(
                "The examples that were kept with the checkpoint are damaged.", hint="Choose another checkpoint."
            )
        self._keep(captions, np.frombuffer(pixels, np.uint8).reshape(shape))

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """A sentence to ``image`` float32 [3, H, W] in [0, 1] and its caption."""
        number = self._nearest(str(values["sentence"]))
        image_3HW = torch.from_numpy(self._image_N3HW[number].astype(np.float32) / 255)
        return {"image": image_3HW, "sentence": self._captions.captions[number]}

    def _nearest(self, sentence: str) -> int:
        found = self._known.get(sentence)
        if found is None:
            found = self._captions.nearest(sentence, other=True)
            if len(self._known) < MOST_KNOWN:
                self._known[sentence] = found
        return found

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """Images as large as those that come in."""
        return {"image": incoming["image"], "sentence": None}
