"""Many points in one plane that stays steady from step to step, whatever way the space itself turns.

A step's plane is that of its two widest directions (PCA); then it is turned and mirrored, never stretched, onto the step before
(orthogonal Procrustes: Schoenemann, 1966). Or all of a step is turned onto a reference step and seen along that step's axes. Both say
the same of a space that was only turned. Axes: P points, D width.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def own_plane(x_PD: Points) -> Points:
    """[P, 2] along the widest directions, from the middle; of each the side with the longer tail is the positive one."""
    centred = x_PD - x_PD.mean(0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    found = np.zeros((len(x_PD), 2))
    count = min(2, len(values))
    found[:, :count] = left[:, :count] * values[:count]
    return found * np.where((found**3).sum(0) < 0, -1.0, 1.0)


def turned_onto(x_PD: Points, onto_PD: Points) -> Points:
    """Turned and mirrored so that the points lie as near to others as they can."""
    left, _, right = np.linalg.svd(x_PD.T @ onto_PD, full_matrices=False)
    return x_PD @ (left @ right)


def steady(steps: Sequence[Points]) -> Points:
    """The last step in its own plane, turned onto the one before, and so on from the first."""
    shown = own_plane(steps[0])
    for x_PD in steps[1:]:
        mine = own_plane(x_PD)
        shown = turned_onto(mine, shown) if len(mine) == len(shown) else mine
    return shown


def along(x_PD: Points, reference_PD: Points) -> Points:
    """A step turned onto a reference step and seen along that step's axes."""
    middle = reference_PD.mean(0)
    centred = reference_PD - middle
    _, _, axis = np.linalg.svd(centred, full_matrices=False)
    own = own_plane(reference_PD)
    plain = centred @ axis[:2].T
    sign = np.where((own[:, : plain.shape[1]] * plain).sum(0) < 0, -1.0, 1.0)
    whole = turned_onto(_as_wide(x_PD - x_PD.mean(0), centred.shape[1]), centred)
    return whole @ (axis[:2].T * sign)


def _as_wide(x_PD: Points, width: int) -> Points:
    return np.pad(x_PD, ((0, 0), (0, max(0, width - x_PD.shape[1]))))[:, :width]


def has_umap() -> bool:
    """Whether the package umap-learn is installed."""
    return importlib.util.find_spec("umap") is not None


def by_umap(x_PD: Points, onto_P2: Points, seed: int = 0) -> Points:
    """UMAP (arXiv:1802.03426) from the given places on, seeded, and turned onto them."""
    umap = importlib.import_module("umap")
    start = onto_P2 / (np.abs(onto_P2).max() or 1.0) * 10
    found = umap.UMAP(
        n_components=2, random_state=seed, init=start, n_neighbors=min(15, len(x_PD) - 1), n_jobs=1
    ).fit_transform(x_PD)
    found = np.asarray(found, dtype=np.float64)
    return turned_onto(found - found.mean(0), onto_P2)
