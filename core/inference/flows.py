"""What flows on a wire for one sample, as figures and pictures: what a person looks at before anything is trained.

Axes: B batch, N tokens, D width, C columns of channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.values import Frames, Grid, Spectrogram, Text, Tokens, Waveform, main_tensor
from core.data.base import Patches, Pieces
from core.data.media import Bands, Film, HasPicture, Sides, Wave, pixels_of
from core.graph.inside import Flow, Numbers

BINS = 40
MOST_TOKENS, MOST_COLUMNS, MOST_COMPARED = 64, 96, 48  # of a heat map, and of tokens compared with each other
MOST_FRAMES, MOST_SAMPLES = 12, 400_000
CELLS = {
    "patches": "image",
    "words": "text",
    "bins": "audio",
    "times": "audio",
    "frames": "video",
}  # grid -> what it lies on


def flow_of(port: str, kind: str, value: Any, raw: Any, media: Mapping[str, Any], *, whole: bool = False) -> Flow:
    """One port's value (a batch of one, or with ``whole`` of samples that were compared) as a person looks at it.

    ``raw``: the same before batching, where it is of a single sample; ``media``: what the tokens may lie on, by modality.
    """
    shown: dict[str, Any] = {"port": port, "kind": kind}
    tensor = main_tensor(value)
    if isinstance(tensor, Tensor):
        shown["numbers"] = numbers_of(_own(value, tensor, whole))
    if isinstance(value, Tokens) and not whole:
        shown |= _tokens(value, media)
    elif isinstance(value, Tensor) and value.ndim == 2 and kind in ("embedding", "logits") and not whole:
        shown["channels_NC"] = coarse(value.float().cpu().numpy())
    elif not whole:
        shown |= picture_shown(raw if raw is not None else value)
    elif isinstance(tensor, Tensor) and tensor.ndim == 2:
        shown["channels_NC"] = coarse(tensor.float().cpu().numpy())
    return Flow(**shown)


def _own(value: Any, tensor: Tensor, whole: bool) -> Tensor:
    """What of a value is the sample's own: without the batch's axis, and without padding."""
    if whole or not tensor.ndim:
        return tensor
    own, mask = tensor[0], getattr(value, "mask_BN", getattr(value, "mask_BL", None))
    return (
        own[mask[0]] if isinstance(mask, Tensor) and mask[0].shape == own.shape[:1] and not bool(mask[0].all()) else own
    )


def numbers_of(tensor: Tensor) -> Numbers:
    """Norm, mean, spread and a histogram, in float64."""
    x = tensor.detach().cpu().double().flatten().numpy()
    finite = x[np.isfinite(x)]
    count = max(len(x), 1)
    told: dict[str, Any] = dict.fromkeys(("norm", "mean", "spread", "least", "most"), 0.0)
    if len(finite):
        told = {
            "norm": float(np.linalg.norm(finite)), "mean": float(finite.mean()), "spread": float(finite.std()),
            "least": float(finite.min()), "most": float(finite.max()),
        }  # fmt: skip
    counts, edges = np.histogram(finite, BINS) if len(finite) > 1 and told["most"] > told["least"] else ((), ())
    return Numbers(
        shape=tuple(tensor.shape), dtype=str(tensor.dtype).removeprefix("torch."), zeros=float((x == 0).sum() / count),
        not_finite=float((len(x) - len(finite)) / count), counts=tuple(map(int, counts)), edges=tuple(map(float, edges)), **told,
    )  # fmt: skip


def coarse(x_ND: NDArray[Any], rows: int = MOST_TOKENS, columns: int = MOST_COLUMNS) -> NDArray[np.float32]:
    """A matrix with no more rows and columns than these: each cell the mean of what it stands for."""
    for axis, most in ((0, rows), (1, columns)):
        length = x_ND.shape[axis]
        if length > most:
            starts = np.arange(most) * length // most
            widths = np.diff([*starts, length])
            x_ND = np.add.reduceat(x_ND, starts, axis=axis) / np.expand_dims(widths, 1 - axis)
    return x_ND.astype(np.float32)


def cosines_of(x_ND: Tensor) -> NDArray[np.float32]:
    """Cosines of the first tokens among each other."""
    unit = torch.nn.functional.normalize(x_ND[:MOST_COMPARED].float(), dim=-1)
    return (unit @ unit.T).cpu().numpy().astype(np.float32)


def _tokens(tokens: Tokens, media: Mapping[str, Any]) -> dict[str, Any]:
    """A heat map of tokens by channels, cosines, and the norm of each token over what it stands for."""
    real_N = slice(None) if tokens.mask_BN is None else tokens.mask_BN[0]
    x_ND = tokens.x_BND[0][real_N].detach()
    found: dict[str, Any] = {"channels_NC": coarse(x_ND.float().cpu().numpy())}
    if len(x_ND) > 1:
        found["cosines_NN"] = cosines_of(x_ND)
    grid = tokens.before if tokens.before is not None else tokens.grid
    return found | (_over(grid, tokens.unmerged().x_BND[0], media) if grid is not None else {})


def _over(grid: Grid, x_ND: Tensor, media: Mapping[str, Any]) -> dict[str, Any]:
    """The norm of each token, laid over the picture, the bands or the words that the tokens stand for."""
    medium = media.get(CELLS.get(grid.kind, ""))
    norms = torch.linalg.vector_norm(x_ND.float(), dim=-1).cpu().numpy().astype(np.float32)
    cells = norms[grid.extra : grid.extra + int(np.prod(grid.sizes))]
    if medium is None or len(cells) != int(np.prod(grid.sizes)):
        return {}
    if grid.kind == "words" and isinstance(medium, Pieces):
        return picture_shown(medium) | {"lit": tuple(map(float, norms[: medium.real]))}
    if grid.kind in ("patches", "bins"):
        rows, columns = grid.sizes
        heat = cells.reshape(rows, columns)
        return picture_shown(medium) | {
            "grid": (rows, columns),
            "heat": heat[::-1].copy() if grid.kind == "bins" else heat,
        }
    if grid.kind == "times":
        return picture_shown(medium) | {"grid": (1, len(cells)), "heat": cells[None]}
    return picture_shown(medium)


def medium_of(value: Any) -> str:
    """What a per-sample value is about, where tokens can lie on it; empty for others."""
    if isinstance(value, Pieces):
        return "text"
    if isinstance(value, Wave | Bands):
        return "audio"
    if isinstance(value, Film):
        return "video"
    return "image" if isinstance(value, Patches | Sides) or _is_picture(value) else ""


def _is_picture(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 3 and value.shape[0] in (1, 3)


def picture_shown(value: Any) -> dict[str, Any]:
    """A value of a single sample, or of a batch of one, as what a person sees or hears; nothing of other kinds."""
    value = _single(value)
    if isinstance(value, str):
        return {"sentence": value}
    if isinstance(value, Pieces):
        return {"words": tuple(value.words[: value.real]), "ids": tuple(int(one) for one in value.ids[: value.real])}
    if isinstance(value, Wave):
        return {"samples_S": value.own_S[:MOST_SAMPLES].float().numpy(), "hertz": value.hertz}
    if isinstance(value, Bands):
        real = value.real // value.hop + 1 if value.real else 0
        return {"bands_FT": value.x_FT[:, : max(real, 1)].float().cpu().numpy()}
    if isinstance(value, Film):
        return _film(value)
    if isinstance(value, (Sides | HasPicture, Patches)):
        return {"picture": pixels_of(value.picture())}
    return {"picture": pixels_of(_coloured(value))} if _is_picture(value) else {}


def _film(film: Film) -> dict[str, Any]:
    if not film.is_seen:
        return {}
    count = len(film.frames_TCHW)
    places = [place * count // min(count, MOST_FRAMES) for place in range(min(count, MOST_FRAMES))]
    frames = film.frames_TCHW.float() / 255 if film.frames_TCHW.dtype == torch.uint8 else film.frames_TCHW
    return {
        "frames": tuple(pixels_of(_coloured(frames[place])) for place in places),
        "starts": tuple(film.starts[place] for place in places),
    }


def _coloured(picture_CHW: Tensor) -> Tensor:
    own = picture_CHW.detach().float().cpu()
    return own.expand(3, -1, -1) if own.shape[0] == 1 else own


def _single(value: Any) -> Any:
    """A batch of one as its sample; what is no such batch as it is."""
    if isinstance(value, Spectrogram):
        return Bands(
            x_FT=value.x_BFT[0].detach().cpu(), real=int(value.lengths_B[0]), samples=value.samples, hertz=value.hertz,
            hop=value.hop, window=value.window,
        )  # fmt: skip
    if isinstance(value, Waveform):
        return Wave(samples_S=value.samples_BS[0].detach().cpu(), real=int(value.lengths_B[0]), hertz=value.hertz)
    if isinstance(value, Frames):
        starts, durations = (x[0].tolist() for x in (value.starts_BT, value.durations_BT))
        return Film(frames_TCHW=value.x_BTCHW[0].detach().cpu(), starts=tuple(starts), durations=tuple(durations))
    if isinstance(value, Text):
        ids = value.ids_BL[0].detach().cpu()
        return Pieces(ids=ids, real=int(value.mask_BL[0].sum()), vocabulary=value.vocabulary)
    if isinstance(value, Tensor) and value.ndim == 4 and len(value) == 1:
        return value[0]
    return value[0] if isinstance(value, Sequence) and len(value) == 1 and not isinstance(value, str) else value
