"""Ways of batching: pure in (seed, epoch), nothing dropped or doubled, little padding, the same for any workers and from any batch on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core.data.batching.bucketed import ASPECT, Bucketed
from core.data.batching.fixed import Fixed
from core.data.batching.packed import BEST, FIRST, Packed, _best_fit, _first_fit
from core.data.extents import extents as measured
from core.data.loading import batches, grouped
from core.data.order import Batching, Extent, Group, batchings, evenly, order
from core.data.pipeline import SampleGraph
from core.data.readers.image import fitted, read_image, size_of
from core.data.sources.caption_table import CaptionTable
from core.data.sources.emoji_scenes import SEVERAL, EmojiScenes
from core.data.transforms.own_size import OwnSize
from core.data.transforms.sizing import Limits, proportional
from core.data.transforms.tokenizer import Tokenizer
from core.problems import Refused
from tests.conftest import SHARED_DATA

OPENCLIPART = SHARED_DATA / "openclipart"
WAYS: dict[str, Batching] = {
    "fixed": Fixed(), "bucketed": Bucketed(Bucketed.Config(window=4)), "by shape": Bucketed(Bucketed.Config(by=ASPECT, window=4)),
    "packed": Packed(Packed.Config(budget=300, packs=2, window=64)),
    "best fit": Packed(Packed.Config(budget=300, packs=1, window=64, fit=BEST)),
}  # fmt: skip


def sizes(count: int, seed: int = 0) -> list[Extent]:
    """Pictures of 64 to 512 pixels a side in patches of 16, at most 256 of them."""
    generator = np.random.default_rng(seed)
    found = [
        proportional(*(int(side) for side in generator.integers(64, 513, 2)), Limits(patch=16, most=256))
        for _ in range(count)
    ]
    return [Extent(tokens=rows * columns, aspect=columns / rows) for rows, columns in found]


def padding(groups: Sequence[Group], extents: Sequence[Extent]) -> float:
    """Share of the tokens of rectangular batches that is padding."""
    real = sum(extents[index].tokens for group in groups for index in group.indices)
    made = sum(len(group.indices) * max(extents[index].tokens for index in group.indices) for group in groups)
    return 1 - real / made


def epoch_of(
    way: Batching, extents: Sequence[Extent], batch_size: int = 16, seed: int = 1, epoch: int = 0
) -> list[Group]:
    ordered = order(range(len(extents)), seed, epoch, True)
    return way.shuffled(ordered, [extents[index] for index in ordered], batch_size, seed, epoch)


def test_the_folder_is_the_list() -> None:
    assert list(batchings) == ["bucketed", "fixed", "packed"]


@pytest.mark.parametrize("way", list(WAYS))
def test_an_epoch_is_a_function_of_seed_and_epoch_alone(way: str) -> None:
    extents = sizes(200)
    first = epoch_of(WAYS[way], extents)
    assert first == epoch_of(WAYS[way], extents)
    others = [epoch_of(WAYS[way], extents, seed=seed, epoch=number) for seed, number in ((1, 1), (2, 0))]
    assert all(other != first for other in others)


@pytest.mark.parametrize("way", list(WAYS))
def test_nothing_is_doubled_and_what_is_left_out_is_told(way: str) -> None:
    seen = [index for group in epoch_of(WAYS[way], sizes(203)) for index in group.indices]
    assert len(set(seen)) == len(seen)
    if isinstance(WAYS[way], Packed):
        assert sorted(seen) == list(range(203))  # every sample, in every epoch
    else:
        assert len(seen) == 192  # twelve whole batches of 16; another eleven wait in another epoch
        later = {
            index for number in range(8) for g in epoch_of(WAYS[way], sizes(203), epoch=number) for index in g.indices
        }
        assert later == set(range(203))


@pytest.mark.parametrize("way", list(WAYS))
def test_a_split_is_evaluated_whole_and_in_order(way: str) -> None:
    extents = sizes(101)
    groups = WAYS[way].in_order(range(101), extents, 20)
    assert [index for group in groups for index in group.indices] == list(range(101))
    assert all(len(group.indices) <= 20 for group in groups)


def test_buckets_pad_less_than_a_tenth_of_what_a_shuffle_pads() -> None:
    extents = sizes(2000)
    plain, near = (padding(epoch_of(way, extents), extents) for way in (Fixed(), Bucketed()))
    assert plain > 0.2
    assert near < 0.03


def test_buckets_by_shape_leave_little_of_a_rectangle_empty() -> None:
    extents = sizes(2000)

    def waste(groups: Sequence[Group]) -> float:
        """Share of pixels where all pictures of a batch have one area and are laid into the widest and highest of them."""
        aspects = [[extents[index].aspect for index in group.indices] for group in groups]
        made = sum(len(some) * max(a**0.5 for a in some) * max(a**-0.5 for a in some) for some in aspects)
        return 1 - sum(map(len, aspects)) / made

    assert waste(epoch_of(Fixed(), extents)) > 0.5
    assert waste(epoch_of(Bucketed(Bucketed.Config(by=ASPECT)), extents)) < 0.08


@pytest.mark.parametrize("fit", [FIRST, BEST])
def test_packs_are_full_and_never_over_their_budget(fit: str) -> None:
    extents = sizes(2000)
    groups = epoch_of(Packed(Packed.Config(budget=1024, fit=fit)), extents)
    used = [sum(extents[index].tokens for index in group.indices) for group in groups]
    assert max(used) <= 1024
    assert sum(used) / (1024 * len(used)) >= 0.95


def test_packs_of_openclipart_are_full() -> None:
    if not OPENCLIPART.is_dir():
        pytest.skip("the openclipart pictures are not here")
    made = own_graph()
    train = made.source.splits()["train"]
    groups = grouped(made, train, 16, way=Packed(Packed.Config(budget=2048)), seed=0)
    used = [sum(made.extents[index].tokens for index in group.indices) for group in groups]
    assert sum(used) / (2048 * len(used)) >= 0.95
    near = grouped(made, train, 32, way=Bucketed(), seed=0)
    assert padding(near, [made.extents.get(index, Extent(tokens=0)) for index in range(max(train) + 1)]) < 0.05


def own_graph() -> SampleGraph:
    source = CaptionTable(CaptionTable.Config(folder=str(OPENCLIPART), image_size=256, shape="keep"))
    own = OwnSize(OwnSize.Config(patch_size=16, most=256))
    made = SampleGraph(parts=(("s", source, {}), ("o", own, {"image": ("s", "image")})), wanted=(("o", "pictures"),))
    made.prepare()
    return made


def test_sizes_are_known_without_decoding() -> None:
    made = scenes()
    indices = list(made.source.splits()["validation"])[:30]
    told = measured(made, indices)
    seen = [made.value(index, ("o", "pictures")) for index in indices]
    assert [extent.tokens for extent in told] == [picture.rows * picture.columns for picture in seen]
    assert [extent.aspect for extent in told] == [picture.columns / picture.rows for picture in seen]


def test_a_photograph_on_its_side_is_measured_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 20)).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("RGB", (60, 20)).save(tmp_path / "plain.png")
    for name, size in (("turned.jpg", (60, 20)), ("plain.png", (20, 60))):
        assert size_of(tmp_path / name) == size == read_image(tmp_path / name).size[::-1]
    assert fitted(read_image(tmp_path / "plain.png"), 30, how="keep").shape == (3, 10, 30)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(Refused, match=r"broken\.png"):
        size_of(tmp_path / "broken.png")


def test_both_fits_by_hand() -> None:
    def lengths(packs: Any, of: Sequence[int]) -> list[list[int]]:
        return [[of[place] for place in pack.places] for pack in packs]

    assert lengths(_first_fit(range(5), (5, 4, 3, 2, 1), 6), (5, 4, 3, 2, 1)) == [[5, 1], [4, 2], [3]]
    assert lengths(_first_fit(range(5), (6, 5, 3, 3, 1), 9), (6, 5, 3, 3, 1)) == [[6, 3], [5, 3, 1]]
    assert lengths(_best_fit(range(5), (6, 7, 2, 3, 1), 9), (6, 7, 2, 3, 1)) == [[6, 3], [7, 2], [1]]
    assert lengths(_first_fit(range(5), (6, 7, 2, 3, 1), 9), (6, 7, 2, 3, 1)) == [[6, 2, 1], [7], [3]]


def test_a_sample_larger_than_the_budget_is_told_with_both_numbers() -> None:
    with pytest.raises(Refused, match=r"256 tokens, more than a pack's 64") as caught:
        epoch_of(Packed(Packed.Config(budget=64)), [*sizes(50), Extent(tokens=256)])
    assert "budget" in caught.value.problems[0].hint


def test_samples_of_one_size_cannot_be_grouped_by_it() -> None:
    source = EmojiScenes(EmojiScenes.Config())
    made = SampleGraph(parts=(("s", source, {}),), wanted=(("s", "image"),))
    made.prepare()
    with pytest.raises(Refused, match="one size"):
        grouped(made, made.source.splits()["train"], 8, way=Bucketed())


# A whole stream -------------------------------------------------------------------------------------------------------


def scenes() -> SampleGraph:
    source = EmojiScenes(EmojiScenes.Config(count=2, scenes=1, shape=SEVERAL, image_size=48))
    parts = (
        ("s", source, {}),
        ("o", OwnSize(OwnSize.Config(patch_size=8, most=64)), {"image": ("s", "image")}),
        ("t", Tokenizer(Tokenizer.Config(method="words")), {"sentence": ("s", "sentence")}),
    )
    made = SampleGraph(parts=parts, wanted=(("o", "pictures"), ("t", "text")))  # type: ignore[arg-type]
    made.prepare()
    return made


def alike(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    pictures, text = ("o", "pictures"), ("t", "text")
    same = torch.equal(one["indices"], other["indices"])
    for name in ("patches_BNC", "size_B2", "pack_B"):
        a, b = getattr(one[pictures], name), getattr(other[pictures], name)
        same &= (a is None and b is None) or torch.equal(a, b)
    return (
        same
        and torch.equal(one[text].ids_BL, other[text].ids_BL)
        and torch.equal(one[text].mask_BL, other[text].mask_BL)
    )


@pytest.mark.parametrize("way", [pytest.param("bucketed", marks=pytest.mark.long), "packed"])
def test_workers_and_entering_late_change_nothing(way: str) -> None:
    made = scenes()
    some = list(made.source.splits()["train"])[:60]
    options: dict[str, Any] = {"way": WAYS[way], "seed": 3, "epoch": 1}
    try:
        whole = list(batches(made, some, 8, **options))
        helped = list(batches(made, some, 8, workers=2, **options))
        late = list(batches(made, some, 8, start_batch=2, **options))
    finally:
        made.close()
    assert len(whole) == len(helped) > 2
    assert all(map(alike, whole, helped))
    assert len(late) == len(whole) - 2
    assert all(map(alike, whole[2:], late))
    fresh = scenes()  # a resumed run measures again
    assert all(map(alike, whole, batches(fresh, some, 8, **options)))


def test_a_picture_keeps_its_shape_and_can_be_shown_again() -> None:
    step = OwnSize(OwnSize.Config(patch_size=8, most=64))
    image = torch.rand(3, 24, 40)
    patches = step.apply({"image": image}, np.random.default_rng(0))["pictures"]
    assert (patches.rows, patches.columns) == (3, 5)
    assert torch.equal(patches.picture(), image)
    large = step.apply({"image": torch.rand(3, 100, 400)}, np.random.default_rng(0))["pictures"]
    assert large.rows * large.columns <= 64
    assert large.columns / large.rows == pytest.approx(4, abs=0.5)
    assert proportional(1, 1000, Limits(patch=8, most=64)) == (1, 64)
    assert proportional(3, 3, Limits(patch=8, most=64)) == (1, 1)


def test_scenes_of_several_sizes_hold_their_boxes() -> None:
    source = EmojiScenes(EmojiScenes.Config(count=4, shape=SEVERAL, image_size=96))
    shapes = set()
    for index in list(source.splits()["train"])[:40]:
        image, boxes = source.sample(index)["image"], source.boxes(index)
        shapes.add(tuple(image.shape[1:]))
        assert 0 <= boxes.min() < boxes.max() <= 1
        left, top, right, bottom = (
            (boxes[0] * torch.tensor([image.shape[2], image.shape[1]] * 2)).round().long().tolist()
        )
        assert image[:, top:bottom, left:right].min() < 0.9
    assert len(shapes) > 5


def test_one_of_each_of_so_many_stretches() -> None:
    for low, high, found in zip((0, 2, 5, 7), (2, 5, 7, 10), evenly(range(10), 4)):
        assert low <= found < high
    assert evenly(range(10), 4) == evenly(range(10), 4)
    assert evenly([3, 1, 2], 5) == evenly([3, 1, 2], 3) == [3, 1, 2]
    assert evenly([], 3) == []
