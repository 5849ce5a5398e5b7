"""VideoMAE's reconstruction: the library's own numbers on the same weights and mask, and what is seen of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.videomae_hub import VideoMAEHub
from core.blocks.encoders.videomae_pretraining import VideoMAEPretraining
from core.compiler.answers.making import make, makings
from core.compiler.compile import compile
from core.compiler.module import Experiment
from core.graph.document import End
from core.problems import Refused
from tests.core.blocks.test_hub_video import SMALL, film
from tests.documents import Drawing

DECODER = {
    "tubelet_size": 2, "patch_size": 8, "decoder_hidden_size": 8, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 16,
}  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The library's model with weights of its own, and the folder it was saved in."""
    library, folder = transformers_module(), tmp_path_factory.mktemp("videomae")
    torch.manual_seed(5)
    model = library.VideoMAEForPreTraining(library.VideoMAEConfig(**SMALL, **DECODER)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    return model, folder


def block_of(folder: Path, **knobs: Any) -> VideoMAEPretraining:
    return VideoMAEPretraining(VideoMAEPretraining.Config(source=str(folder), **knobs), {"video": film()})


def test_a_folder_gives_the_librarys_loss_and_pixels_on_the_same_mask(saved: tuple[Any, Path]) -> None:
    model, folder = saved
    block, video = block_of(folder, hidden=0.5).eval(), film()
    hidden_BN, shown_BN = block._drawn(2, torch.device("cpu"))
    assert hidden_BN.sum(1).tolist() == [4, 4]
    assert not hidden_BN.gather(1, shown_BN).any()
    pixels = (video.x_BTCHW / 255 - torch.tensor(block.mean)[:, None, None]) / torch.tensor(block.deviation)[
        :, None, None
    ]
    wanted, made = model(pixel_values=pixels, bool_masked_pos=hidden_BN), block(video)
    torch.testing.assert_close(made["loss"], wanted.loss, atol=1e-6, rtol=1e-6)
    real = video.x_BTCHW / 255
    seen = block.cells(block.rebuilt(real, wanted.logits, hidden_BN))
    cells = block.cells(real)
    assert torch.equal(seen[~hidden_BN], cells[~hidden_BN]), "what is shown stays as it is"
    of_hidden = cells[hidden_BN].unflatten(0, (2, -1))
    own = (of_hidden - of_hidden.mean(-2, keepdim=True)) / (of_hidden.var(-2, keepdim=True).sqrt() + 1e-6)
    torch.testing.assert_close((own.flatten(2) - wanted.logits).square().mean(), wanted.loss, atol=1e-5, rtol=1e-5)


def test_what_says_a_cell_exactly_rebuilds_the_film(saved: tuple[Any, Path]) -> None:
    block, real = block_of(saved[1]), film().x_BTCHW / 255
    hidden_BN = torch.zeros(2, 8, dtype=torch.bool)
    hidden_BN[:, 1::2] = True
    cells = block.cells(real)
    normal = (cells - cells.mean(-2, keepdim=True)) / (cells.var(-2, keepdim=True).sqrt() + 1e-6)
    torch.testing.assert_close(block.rebuilt(real, normal[hidden_BN].unflatten(0, (2, -1)).flatten(2), hidden_BN), real)


def test_tubes_are_the_same_through_all_frames_and_at_every_evaluation(saved: tuple[Any, Path]) -> None:
    block = block_of(saved[1], hidden=0.5).eval()
    video = film()
    one, again = block(video), block(video)
    assert torch.equal(one["image"], again["image"])
    hidden_BN, _ = block._drawn(2, torch.device("cpu"))
    assert torch.equal(hidden_BN.unflatten(1, (2, 4))[:, 0], hidden_BN.unflatten(1, (2, 4))[:, 1])
    assert one["image"].shape == one["original"].shape == (2, 3, 32, 32), "four frames, two in a row"
    torch.testing.assert_close(one["original"][:, :, :16, 16:], video.x_BTCHW[:, 1] / 255)
    assert one["tokens"].x_BND.shape == (2, 8, 16), "evaluated, its tokens are of everything"
    training = block.train()(video)["tokens"]
    assert training.x_BND.shape == (2, 4, 16)
    assert training.cells_BN is not None


def test_its_encoder_is_the_one_that_videomae_reads_from_the_same_folder(
    saved: tuple[Any, Path], tmp_path: Path
) -> None:
    block, video = block_of(saved[1]).eval(), film()
    encoder = VideoMAEHub(VideoMAEHub.Config(source=str(saved[1])), {"video": video}).eval()
    torch.testing.assert_close(encoder(video)["tokens"].x_BND, block(video)["tokens"].x_BND)
    saved[0].videomae.save_pretrained(tmp_path)
    with pytest.raises(Refused, match="lacks"):
        block_of(tmp_path)


def test_what_is_rebuilt_is_made_beside_its_original() -> None:
    draw = Drawing("tubes")
    draw.add("sources.emoji_videos")
    draw.add("transforms.sample_frames", frames=4, size=16)
    draw.add("encoders.videomae_pretraining", width=16, depth=1, heads=2)
    draw.add("objectives.extra_loss", weight=1.0)
    draw.wire("emoji_videos.clip", "sample_frames.clip")
    draw.wire("sample_frames.video", "videomae_pretraining.video")
    draw.wire("videomae_pretraining.loss", "extra_loss.loss")
    plan = compile(draw.document)
    (making,) = makings(plan)
    assert (making.name, making.original) == (
        "videomae_pretraining/image",
        End(node="videomae_pretraining", port="original"),
    )
    video = film()
    (thing,) = make(Experiment(plan, 0), making, {End(node="sample_frames", port="video"): video}, [3])
    assert thing.original is not None
    assert (thing.original[:16, :16] == video.x_BTCHW[0, 0].permute(1, 2, 0).numpy()).all()
    assert thing.made.shape == thing.original.shape
    assert (thing.made != thing.original).any()
