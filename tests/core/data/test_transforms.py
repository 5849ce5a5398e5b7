from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils import _pytree as pytree

from core.blocks.values import map_tensors, widest
from core.data.base import Patches
from core.data.batch import collate
from core.data.catalog import sources, transforms
from core.data.films.footage import FilmFile
from core.data.media import Bands, Film, Sides, Wave
from core.data.pipeline import generator
from core.data.transforms.augment import Augment
from core.data.transforms.caption_dropout import CaptionDropout
from core.data.transforms.resize import Resize
from core.knobs import configure, knobs_of
from tests.core.data.films import film

STILL: dict[str, Any] = {
    "rotation": 0.0,
    "scale": 0.0,
    "shift": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "saturation": 0.0,
}

OPTIONAL_PACKAGES = {"transforms.speech_activity": "silero_vad", "transforms.optical_flow": "cv2"}


def picture(edge: int = 32) -> torch.Tensor:
    image = torch.ones(3, edge, edge)
    image[:, edge // 4 : edge // 2, edge // 4 : edge // 2] = torch.tensor([0.8, 0.2, 0.1])[:, None, None]
    return image


def augmented(image: torch.Tensor, number: int = 0, **knobs: Any) -> torch.Tensor:
    given = Augment(Augment.Config(**knobs)).apply({"image": image}, generator(0, 0, number, "a"))["image"]
    assert isinstance(given, torch.Tensor)
    return given


def varied(sentence: str, number: int = 0, **knobs: Any) -> str:
    step = CaptionDropout(CaptionDropout.Config(**{"drop": 0.0, **knobs}))
    return str(step.apply({"sentence": sentence}, generator(0, 0, number, "c"))["sentence"])


@pytest.mark.parametrize("key", list(transforms))
def test_every_transform_declares_what_a_person_needs(key: str) -> None:
    cls = transforms[key]
    assert cls.title
    assert cls.__doc__
    assert cls.takes
    assert cls.gives
    assert all(knob.help for knob in knobs_of(cls.Config))
    configure(cls.Config, {knob.name: knob.default for knob in knobs_of(cls.Config)})


@pytest.mark.parametrize("key", list(sources))
def test_every_source_declares_what_a_person_needs_and_its_shapes(key: str) -> None:
    cls = sources[key]
    assert cls.title
    assert cls.__doc__
    joins = key == "sources.joined"  # it passes on what two sources lead in; the others stand at the beginning
    assert bool(cls.takes) == joins
    assert all(knob.help for knob in knobs_of(cls.Config))
    given = cls(cls.Config()).meta(3)
    assert set(given) == ({"sample"} if joins else set(cls.gives))
    tensors = [leaf for leaf in pytree.tree_leaves(given) if isinstance(leaf, torch.Tensor)]
    assert all(tensor.device.type == "meta" and tensor.shape[0] == 3 for tensor in tensors)


def on_meta(value: Any) -> Any:
    return None if isinstance(value, list) else map_tensors(lambda x: x.to("meta"), value)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> FilmFile:
    file = tmp_path_factory.mktemp("films") / "numbers.mp4"
    film(file, range(12))
    return FilmFile(file=file, name=file.name)


@pytest.mark.parametrize("key", list(transforms))
def test_every_transforms_meta_shapes_are_the_real_ones(key: str, clip: FilmFile) -> None:
    if not find_spec(OPTIONAL_PACKAGES.get(key, "torch")):
        pytest.skip("the package with its weights is not installed")
    if key == "transforms.recogniser":
        pytest.skip("without a folder there is nothing to listen with: test_recogniser.py has one")
    step = transforms[key](transforms[key].Config())
    sound = Wave.of(torch.rand(9000) - 0.5, 16_000)
    values: dict[str, Any] = {"image": picture(), "sentence": "a red cat, on a mat", "waveform": sound}
    values["spectrogram"] = Bands(x_FT=torch.randn(64, 57), real=9000, samples=9000, hertz=16_000, hop=160, window=512)
    if key == "transforms.transpose":  # moves pitch classes, of which there are twelve
        values["spectrogram"] = replace(values["spectrogram"], x_FT=torch.randn(12, 57))
    values["boxes"] = torch.tensor([[0.3, 0.4, 0.6, 0.7]])
    frames = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    values |= {"clip": clip, "video": Film(frames_TCHW=frames, starts=(0.0, 0.1, 0.2, 0.3), durations=(0.1,) * 4)}
    values["views"] = Sides(views_VCHW=torch.rand(3, 3, 8, 8), real_V=torch.tensor([True, True, False]))
    shapes = {name: on_meta(collate([{name: value}], [0])[name]) for name, value in values.items()}
    if "text" in step.takes:
        tokenizer = transforms["transforms.tokenizer"](transforms["transforms.tokenizer"].Config())
        tokenizer.fit([values])
        values |= tokenizer.apply(values, generator(0, 0, 0, "t"))
        shapes |= tokenizer.meta(shapes, 1)
    if step.alternatives:  # one of each kind, as a task brings them
        values, shapes = ({f"first_{name}": value for name, value in each.items()} for each in (values, shapes))
    else:  # a port that is not called as its kind is takes what is
        values, shapes = (
            {name: each.get(name, each.get(port.kind)) for name, port in step.takes.items()}
            for each in (values, shapes)
        )
    values = {name: values[name] for name in step.takes if values.get(name) is not None}
    if step.needs_fit:
        step.fit([values, values | {"sentence": "another"}] if "sentence" in values else [values])
    given = step.apply(values, generator(0, 0, 0, "n"))
    meta = step.meta({name: shapes[name] for name in values}, 1)
    assert set(given) == set(meta) == set(step.gives)
    for name, value in given.items():
        if isinstance(value, Patches):
            assert len(value.patches) == value.rows * value.columns <= value.most
        real = widest(collate([{name: value}], [0])[name])
        if isinstance(real, list):
            assert meta[name] is None
            continue
        assert type(real) is type(meta[name])
        leaves, shadows = (
            [x for x in pytree.tree_leaves(v) if isinstance(x, torch.Tensor)] for v in (real, meta[name])
        )
        assert [(x.shape, x.dtype) for x in leaves] == [(x.shape, x.dtype) for x in shadows]


def test_augmentation_depends_on_its_generator_alone() -> None:
    image = picture()
    assert torch.equal(augmented(image, 1), augmented(image, 1))
    assert len({augmented(image, number).numpy().tobytes() for number in range(20)}) == 20
    assert torch.equal(image, picture())  # what came in is left alone


def test_augmented_pictures_stay_in_range() -> None:
    for number in range(30):
        image = augmented(
            torch.rand(3, 32, 24), number, flip=0.5, background=0.5, erasing=0.5, brightness=1.0, contrast=1.0
        )
        assert image.shape == (3, 32, 24)
        assert image.dtype == torch.float32
        assert 0 <= image.min() <= image.max() <= 1


def test_with_every_knob_at_zero_nothing_changes() -> None:
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.float32) / 255)
    assert torch.allclose(augmented(image, **STILL), image, atol=1e-6)


def test_a_flip_mirrors() -> None:
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.float32) / 255)
    assert torch.allclose(augmented(image, **STILL, flip=1.0), image.flip(2), atol=2 / 255)


def test_a_shift_moves_the_drawing_and_fills_with_the_background() -> None:
    centres = set()
    for number in range(10):
        moved = augmented(picture(), number, **{**STILL, "shift": 0.2})
        assert moved[:, 0, 0].tolist() == [1, 1, 1]
        rows, columns = torch.nonzero(moved[1] < 0.5, as_tuple=True)
        centres.add((round(float(rows.float().mean())), round(float(columns.float().mean()))))
        assert abs(float(rows.float().mean()) - 11.5) <= 0.2 * 32 + 1
    assert len(centres) > 5


def test_brightness_darkens_and_lightens_around_the_middle() -> None:
    image = torch.full((3, 16, 16), 0.5)
    means = [float(augmented(image, number, **{**STILL, "brightness": 0.4}).mean()) for number in range(60)]
    assert 0.3 <= min(means) < 0.36
    assert 0.64 < max(means) <= 0.7


def test_without_saturation_a_picture_is_grey() -> None:
    greyest = min(
        float((image.amax(0) - image.amin(0)).max())
        for image in (augmented(picture(), number, **{**STILL, "saturation": 1.0}) for number in range(40))
    )
    assert greyest < 0.2 < float((picture().amax(0) - picture().amin(0)).max())


def test_a_background_is_changed_outside_the_drawing_only() -> None:
    image = picture()
    image[:, 10:12, 10:12] = 1.0  # white inside the drawing stays
    changed = augmented(image, **STILL, background=1.0)
    assert not torch.allclose(changed[:, 0, 0], image[:, 0, 0], atol=0.05)
    assert torch.equal(changed[:, 10:12, 10:12], image[:, 10:12, 10:12])
    assert torch.allclose(changed[:, 9, 9], image[:, 9, 9], atol=1 / 255)


def test_erasing_paints_one_square() -> None:
    image = torch.rand(3, 32, 32)
    changed = (augmented(image, **STILL, erasing=1.0) - image).abs().amax(0) > 0.02
    assert 0.01 < float(changed.float().mean()) < 0.25


def test_one_word_of_a_caption_always_stays() -> None:
    assert {varied("red cat face", number, drop=1.0) for number in range(30)} == {"red", "cat", "face"}
    assert {varied("猫脸", number, drop=1.0) for number in range(20)} == {"猫", "脸"}
    assert varied("", drop=1.0) == ""


def test_captions_are_shuffled_and_lose_parts_after_the_first() -> None:
    orders = {varied("red cat face", number, shuffle=1.0) for number in range(40)}
    assert len(orders) == 6
    assert varied("cat face, pet, animal", drop_parts=1.0) == "cat face"
    assert varied("红苹果 and cat") == "红苹果 and cat"
    assert sorted(varied("红苹果", 3, shuffle=1.0)) == sorted("红苹果")


@pytest.mark.parametrize(
    ("shape", "height", "width"), [("fit", 20, 40), ("crop", 20, 40), ("stretch", 40, 20), ("fit", 7, 1)]
)
def test_resizing_gives_one_size(shape: str, height: int, width: int) -> None:
    step = Resize(Resize.Config(size=16, shape=shape))
    image = step.apply({"image": torch.zeros(3, height, width)}, generator(0, 0, 0, "r"))["image"]
    assert image.shape == (3, 16, 16)
    assert bool((image == 1).any()) == (shape == "fit")  # white borders
    assert image[:, 8, 8].tolist() == [0, 0, 0]


def test_normalised_colours_are_what_a_tower_expects() -> None:
    step = Resize(Resize.Config(size=8, normalise="minus one to one"))
    image = step.apply({"image": torch.full((3, 8, 8), 0.75)}, generator(0, 0, 0, "r"))["image"]
    assert torch.allclose(image, torch.full((3, 8, 8), 0.5))
