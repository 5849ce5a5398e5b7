"""Scenes of emoji: boxes lie where the emoji are, splits do not mix, a scene is always the same."""

from __future__ import annotations

import pytest
import torch

from core.data.sources.emoji_scenes import EmojiScenes


@pytest.fixture(scope="module")
def source() -> EmojiScenes:
    made = EmojiScenes(EmojiScenes.Config(count=4, scenes=2))
    made.open()
    return made


def test_outside_the_boxes_there_is_nothing_and_inside_something(source: EmojiScenes) -> None:
    for index in source.splits()["train"][:20]:
        sample = source.sample(index)
        image, boxes = sample["image"], (sample["boxes"] * 72).round().long()
        assert image.shape == (3, 72, 72)
        outside = torch.ones(72, 72, dtype=torch.bool)
        for left, top, right, bottom in boxes.tolist():
            assert 0 <= left < right <= 72
            assert 0 <= top < bottom <= 72
            assert outside[top:bottom, left:right].all(), "boxes overlap"
            outside[top:bottom, left:right] = False
            assert (image[:, top:bottom, left:right] < 0.9).any()
        assert (image[:, outside] == 1).all()


def test_held_out_scenes_show_held_out_concepts_only(source: EmojiScenes) -> None:
    emoji = source._emoji.splits()
    for split, indices in source.splits().items():
        allowed = set(emoji[split])
        for index in indices[:30]:
            members = source.members(index)
            assert len(members) == 4
            assert set(members) <= allowed
            assert source.label(index) == source._emoji.label(members[0])
            assert len({source._emoji.label(member) for member in members}) == 4


def test_a_scene_is_a_function_of_its_index(source: EmojiScenes) -> None:
    other = EmojiScenes(EmojiScenes.Config(count=4, scenes=2))
    index = source.splits()["train"][5]
    first, second = source.sample(index), other.sample(index)
    assert torch.equal(first["image"], second["image"])
    assert torch.equal(first["boxes"], second["boxes"])
    twin = index + len(source._emoji)
    assert source.label(twin) == source.label(index)
    assert source.members(twin) != source.members(index)
    assert len(source.splits()["train"]) == 2 * len(source._emoji.splits()["train"])
