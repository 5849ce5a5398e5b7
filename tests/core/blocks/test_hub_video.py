"""Video towers of transformers: the library's own numbers from a folder, what clips they take, and what VideoMAE hides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.hub_video import HubVideoTower
from core.blocks.encoders.videomae_hub import VideoMAEHub
from core.blocks.encoders.vivit_hub import ViViTHub
from core.blocks.times import in_time
from core.blocks.values import Frames, Tokens
from core.problems import Refused

SMALL = {
    "image_size": 16, "num_frames": 4, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
}  # fmt: skip
KINDS: dict[type[HubVideoTower], dict[str, Any]] = {
    ViViTHub: {"tubelet_size": (2, 8, 8)}, VideoMAEHub: {"tubelet_size": 2, "patch_size": 8},
}  # fmt: skip


def film(frames: int = 4, side: int = 16) -> Frames:
    torch.manual_seed(0)
    starts_BT = (torch.arange(frames, dtype=torch.float64) / 10).expand(2, -1)
    x = torch.randint(0, 256, (2, frames, 3, side, side), dtype=torch.uint8)
    return Frames(x_BTCHW=x, starts_BT=starts_BT, durations_BT=torch.full_like(starts_BT, 0.1))


@pytest.fixture
def saved(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[type[HubVideoTower], Any, Path]:
    """A kind of tower, the library's model with weights of its own, and the folder it was saved in."""
    kind: type[HubVideoTower] = request.param
    library = transformers_module()
    torch.manual_seed(5)
    model = getattr(library, kind.model_class)(getattr(library, kind.config_class)(**SMALL, **KINDS[kind])).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(tmp_path)
    return kind, model, tmp_path


@pytest.mark.parametrize("saved", list(KINDS), indirect=True)
def test_a_folder_gives_the_librarys_own_numbers(saved: tuple[type[HubVideoTower], Any, Path]) -> None:
    kind, model, folder = saved
    video = film()
    block = kind(kind.Config(source=str(folder)), {"video": video}).eval()
    mean, deviation = (torch.tensor(value)[:, None, None] for value in (block.mean, block.deviation))
    wanted = model(pixel_values=(video.x_BTCHW / 255 - mean) / deviation).last_hidden_state
    made: Tokens = block(video)["tokens"]
    torch.testing.assert_close(made.x_BND, wanted, atol=1e-5, rtol=1e-5)
    assert made.grid is not None
    assert made.grid.sizes == (2, 2, 2)
    assert made.grid.extra == (1 if kind is ViViTHub else 0)
    assert in_time(made).x_BND.shape == (2, 2, 16)


@pytest.mark.parametrize("kind", list(KINDS))
def test_another_number_of_frames_is_refused(kind: type[HubVideoTower]) -> None:
    block = kind(kind.Config(**kind.tiny()), {"video": film()})
    assert block.model.config.num_frames == 4
    with pytest.raises(ValueError, match="sees 4 frames; clips have 6"):
        block._want_frames(film(6))


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_order_of_frames_is_seen_from_the_first_step(kind: type[HubVideoTower]) -> None:
    block = kind(kind.Config(**kind.tiny()), {"video": film()}).eval()
    video = film()
    turned = Frames(x_BTCHW=video.x_BTCHW.roll(2, 1), starts_BT=video.starts_BT, durations_BT=video.durations_BT)
    lead = 1 if kind is ViViTHub else 0
    one, other = (block(v)["tokens"].x_BND[:, lead:].unflatten(1, (2, -1)) for v in (video, turned))
    assert (one.roll(1, 1) - other).abs().max() > 1e-4


@pytest.mark.parametrize("kind", list(KINDS))
def test_frames_of_another_size_are_resized(kind: type[HubVideoTower], tmp_path: Path) -> None:
    block = kind(kind.Config(**kind.tiny()), {"video": film()}).eval()
    assert block(film(side=32))["tokens"].x_BND.shape == block(film())["tokens"].x_BND.shape


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    library = transformers_module()
    library.VivitModel(library.VivitConfig(**SMALL, tubelet_size=(2, 8, 8))).save_pretrained(tmp_path)
    with pytest.raises(Refused):
        VideoMAEHub(VideoMAEHub.Config(source=str(tmp_path)), {"video": film()})


def hiding(share: float) -> VideoMAEHub:
    torch.manual_seed(0)
    config = VideoMAEHub.Config(**VideoMAEHub.tiny(), hidden=share)
    return VideoMAEHub(config, {"video": film(side=32)})


def test_tubes_are_hidden_in_training_alone_and_follow_the_seed() -> None:
    block, video = hiding(0.75).train(), film(side=32)

    def shown(seed: int) -> tuple[Tokens, Tensor]:
        torch.manual_seed(seed)
        tokens: Tokens = block(video)["tokens"]
        assert tokens.cells_BN is not None
        return tokens, tokens.cells_BN

    tokens, cells = shown(1)
    assert tokens.x_BND.shape == (2, 2 * 4, 16)  # of sixteen cells of each of two frames of tubelets
    by_frame = cells.unflatten(1, (2, 4))
    assert torch.equal(by_frame[:, 0] + 16, by_frame[:, 1])
    assert not torch.equal(by_frame[0], by_frame[1])
    again, same = shown(1)
    assert torch.equal(same, cells)
    assert torch.equal(again.x_BND, tokens.x_BND)
    assert not torch.equal(shown(2)[1], cells)
    assert block.eval()(video)["tokens"].x_BND.shape == (2, 32, 16)


def test_what_is_hidden_changes_nothing_of_what_is_shown() -> None:
    block, video = hiding(0.5).train(), film(side=32)
    torch.manual_seed(1)
    tokens: Tokens = block(video)["tokens"]
    assert tokens.cells_BN is not None
    patch = torch.zeros(2, 2, 4, 4)
    for sample, cells in enumerate(tokens.cells_BN):
        patch[sample].view(-1)[cells] = 1
    mask = patch.repeat_interleave(2, 1).repeat_interleave(8, 2).repeat_interleave(8, 3)[:, :, None]
    other = Frames(
        x_BTCHW=torch.where(mask > 0, video.x_BTCHW, 255 - video.x_BTCHW), starts_BT=video.starts_BT,
        durations_BT=video.durations_BT,
    )  # fmt: skip
    torch.manual_seed(1)
    assert torch.equal(block(other)["tokens"].x_BND, tokens.x_BND)
