"""Quantizers against the library on the same weights, against closed forms, and as one codec: codes and back."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from vector_quantize_pytorch import FSQ, LFQ, ResidualVQ, SimVQ, VectorQuantize

from core.blocks.catalog import blocks
from core.blocks.tokenizers.continuous_tokens import ContinuousTokens
from core.blocks.tokenizers.finite_scalar_quantizer import FiniteScalarQuantizer, levels_of
from core.blocks.tokenizers.lookup_free_quantizer import LookupFreeQuantizer
from core.blocks.tokenizers.picture_encoder import PictureEncoder
from core.blocks.tokenizers.quantizer import Quantizer
from core.blocks.tokenizers.residual_quantizer import ResidualQuantizer
from core.blocks.tokenizers.sim_vq import SimVQ as SimVQBlock
from core.blocks.tokenizers.two_level_quantizer import TwoLevelQuantizer
from core.blocks.tokenizers.vector_quantizer import VectorQuantizer
from core.blocks.values import Grid, Tokens
from core.knobs import configure

KINDS = [key for key, cls in blocks.items() if issubclass(cls, Quantizer)]


def tokens(batch: int = 4, rows: int = 4, columns: int = 6, width: int = 8) -> Tokens:
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(batch, rows * columns, width, generator=draw)
    return Tokens(x_BND=x, modality="image", grid=Grid(kind="patches", sizes=(rows, columns)))


def built(cls: type[Quantizer], **knobs: object) -> Quantizer:
    torch.manual_seed(0)
    return cls(configure(cls.Config, {**cls.tiny(), **knobs}), {"tokens": tokens()})


@pytest.mark.parametrize("key", KINDS)
def test_the_output_is_the_look_up_of_its_codes(key: str) -> None:
    """Bit for bit when evaluated; every code within its own book; as many as tokens times codes of each."""
    block, given = built(blocks[key]).eval(), tokens()
    made = block(tokens=given)
    codes = made["codes"]
    assert torch.equal(block.decode(codes).x_BND, made["tokens"].x_BND)
    assert codes.ids_BN.dtype == torch.int64
    assert codes.vocabulary == sum(block.books)
    assert codes.grid == given.grid
    edges = torch.tensor([0, *block.books]).cumsum(0)
    if key == "tokenizers.two_level_quantizer":
        levels = codes.ids_BN.split([6, 24], 1)
    else:
        levels = codes.ids_BN.unflatten(1, (-1, len(block.books))).unbind(-1)
    assert all(
        bool(((own >= low) & (own < high)).all()) for own, low, high in zip(levels, edges[:-1], edges[1:], strict=True)
    )


@pytest.mark.parametrize("key", KINDS)
def test_a_place_that_takes_codes_gives_what_they_stand_for(key: str) -> None:
    """The same tokens as where they were chosen, on values and on meta; made for codes alone it does not know its width."""
    block, given = built(blocks[key]).eval(), tokens()
    made = block(tokens=given)
    again = block(codes=made["codes"])
    assert set(again) == set(made)
    assert all(torch.equal(again[port].x_BND, made[port].x_BND) for port in made if port in ("tokens", "coarse"))
    assert not again["penalty"].any()
    shadow = block.to("meta")(codes=replace(made["codes"], ids_BN=made["codes"].ids_BN.to("meta")))
    assert shadow["tokens"].x_BND.shape == given.x_BND.shape
    with pytest.raises(ValueError, match="needs tokens or codes"):
        block()
    with pytest.raises(ValueError, match="made for tokens"):
        blocks[key](configure(blocks[key].Config, blocks[key].tiny()), {"codes": made["codes"]})


@pytest.mark.parametrize("key", KINDS)
def test_numbers_that_are_no_codes_are_refused(key: str) -> None:
    block = built(blocks[key]).eval()
    codes = block(tokens=tokens())["codes"]
    codes.ids_BN[0, 0] = codes.vocabulary
    with pytest.raises(ValueError, match=f"0 to {codes.vocabulary - 1}"):
        block.decode(codes)


@pytest.mark.parametrize("key", KINDS)
def test_looking_moves_nothing(key: str) -> None:
    """Neither evaluation, nor training mode without gradients, nor a forward of training by itself."""
    block = built(blocks[key])
    before = {name: value.clone() for name, value in block.state_dict().items()}
    block.eval()(tokens=tokens())
    block.after_update()
    block.train()
    with torch.no_grad():
        block(tokens=tokens())
    block.after_update()
    block(tokens=tokens())
    assert all(torch.equal(before[name], value) for name, value in block.state_dict().items())


@pytest.mark.parametrize("key", KINDS)
def test_the_penalty_is_the_same_in_training_and_evaluation(key: str) -> None:
    block = built(blocks[key])
    torch.testing.assert_close(block.train()(tokens=tokens())["penalty"], block.eval()(tokens=tokens())["penalty"])


def test_the_choice_is_the_nearest_code() -> None:
    block, given = built(VectorQuantizer, codes=32).eval(), tokens()
    book = block.library.codebook
    nearest = (given.x_BND[:, :, None] - book).pow(2).sum(-1).argmin(-1)
    assert torch.equal(block(tokens=given)["codes"].ids_BN, nearest)


def test_the_gradient_passes_unchanged_unless_it_is_turned() -> None:
    for gradient, passes in (("straight through", True), ("rotation", False)):
        block = built(VectorQuantizer, gradient=gradient).train()
        given = tokens()
        x = given.x_BND.clone().requires_grad_()
        block(tokens=given.with_x(x))["tokens"].x_BND.sum().backward()
        assert torch.allclose(x.grad, torch.ones_like(x)) is passes  # type: ignore[arg-type]
        assert bool(x.grad.isfinite().all())  # type: ignore[union-attr]


def test_several_levels_pass_the_gradient_once() -> None:
    given = tokens()
    x = given.x_BND.clone().requires_grad_()
    built(ResidualQuantizer, levels=4).train()(tokens=given.with_x(x))["tokens"].x_BND.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))  # type: ignore[arg-type]


def libraries() -> list[tuple[str, Quantizer, torch.nn.Module]]:
    """Each kind with a module of the library of the same make and other weights."""
    torch.manual_seed(7)
    return [
        ("vq", built(VectorQuantizer, codes=32), VectorQuantize(dim=8, codebook_size=32, rotation_trick=False)),
        (
            "residual",
            built(ResidualQuantizer, codes=16, levels=3),
            ResidualVQ(dim=8, num_quantizers=3, codebook_size=16),
        ),
        ("fsq", built(FiniteScalarQuantizer, levels="8, 5, 5, 5"), FSQ(dim=8, levels=[8, 5, 5, 5])),
        ("lfq", built(LookupFreeQuantizer, signs=5), LFQ(dim=8, codebook_size=32)),
        ("sim", built(SimVQBlock, codes=32), SimVQ(dim=8, codebook_size=32)),
    ]


@pytest.mark.parametrize(
    ("name", "block", "library"), libraries(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_weights_of_the_library_load_and_give_the_same(name: str, block: Quantizer, library: torch.nn.Module) -> None:
    block.library.load_state_dict(library.state_dict())
    given = tokens()
    with torch.no_grad():
        wanted, codes, *_ = library.eval()(given.x_BND)
    made = block.eval()(tokens=given)
    torch.testing.assert_close(made["tokens"].x_BND, wanted, atol=1e-6, rtol=1e-6)
    first = torch.tensor([sum(block.books[:level]) for level in range(len(block.books))])
    own = made["codes"].ids_BN.unflatten(1, (-1, len(block.books))) - first
    assert torch.equal(own, codes.reshape(own.shape).long())


def test_the_coarse_map_is_chosen_first_and_the_fine_one_knows_it() -> None:
    """Other fine codes leave the coarse tokens alone; each map has a quarter of the codes, or one for every cell; both learn."""
    block, given = built(TwoLevelQuantizer, codes=16).train(), tokens()
    made = block(tokens=given)
    assert made["codes"].ids_BN.shape == (4, 6 + 24)
    codes = made["codes"]
    other = codes.ids_BN.clone()
    other[:, 6:] = 16 + (other[:, 6:] - 16 + 1) % 16
    fine, changed = (block.fine.looked_up(ids[:, 6:].reshape(-1, 1) - 16) for ids in (codes.ids_BN, other))
    block.eval()
    before, after = block.decode(codes).x_BND, block.decode(replace(codes, ids_BN=other)).x_BND
    torch.testing.assert_close(after - before, (changed - fine).unflatten(0, (4, 24)))
    block.after_update()
    assert float((block.coarse.library.codebook - block.fine.library.codebook).abs().max()) > 0
    with pytest.raises(ValueError, match="coarse codes come first"):
        block.decode(replace(codes, ids_BN=codes.ids_BN.flip(1)))


def test_continuous_tokens_are_narrowed_and_drawn_only_in_training() -> None:
    given = tokens()
    plain = ContinuousTokens(ContinuousTokens.Config(token_width=3), {"tokens": given})
    assert plain.train()(tokens=given)["tokens"].x_BND.shape == (4, 24, 3)
    assert not plain(tokens=given)["penalty"].any()
    drawn = ContinuousTokens(ContinuousTokens.Config(token_width=3, divergence=1.0), {"tokens": given})
    torch.nn.init.zeros_(drawn.project.weight)
    torch.nn.init.zeros_(drawn.project.bias)
    made = drawn.train()(tokens=given)
    assert not made["penalty"].any()  # exactly a standard normal
    assert 0.8 < made["tokens"].x_BND.std().item() < 1.2
    assert not drawn.eval()(tokens=given)["tokens"].x_BND.any()
    torch.nn.init.constant_(drawn.project.bias, 2.0)  # mean 2, variance e²: (4 + e² - 1 - 2) / 2
    assert drawn(tokens=given)["penalty"].item() == pytest.approx((1 + math.exp(2)) / 2, rel=1e-5)


@pytest.mark.parametrize("levels", [1, 3])
def test_a_step_moves_the_books_as_the_library_moves_them(levels: int) -> None:
    """The same average after the same batch; the library moves in forward, here it is once a step, whatever the parts of it."""
    torch.manual_seed(7)
    own = {"dim": 8, "codebook_size": 16, "decay": 0.9, "rotation_trick": False}
    library = ResidualVQ(num_quantizers=3, **own) if levels == 3 else VectorQuantize(**own)
    kind = ResidualQuantizer if levels == 3 else VectorQuantizer
    block = built(kind, codes=16, decay=0.9, dead=0.0, **({"levels": 3} if levels == 3 else {}))
    block.library.load_state_dict(library.state_dict())
    given = tokens()
    library.train()(given.x_BND)
    block.train()
    for half in (slice(0, 2), slice(2, 4)):
        block(tokens=given.with_x(given.x_BND[half].requires_grad_()))
    block.after_update()
    for name, value in library.state_dict().items():
        torch.testing.assert_close(block.library.state_dict()[name], value, msg=lambda text, n=name: f"{n}: {text}")


def test_a_code_nobody_chooses_is_put_where_tokens_lie() -> None:
    block = built(VectorQuantizer, codes=16, dead=0.03).train()
    given = tokens()
    block.library.codebook = torch.cat([given.x_BND[0, :8], torch.full((8, 8), 100.0)])  # half of them lie far out
    block(tokens=given)
    block.after_update()
    assert float(block.library.codebook.abs().max()) < 10
    block.train()(tokens=given)
    assert len(block(tokens=given)["codes"].ids_BN.unique()) > 8


def test_a_frozen_book_stays() -> None:
    block = built(VectorQuantizer).eval()  # so are frozen nodes
    before = block.library.codebook.clone()
    block(tokens=tokens())
    block.after_update()
    assert torch.equal(before, block.library.codebook)


def test_padding_is_neither_chosen_for_nor_followed() -> None:
    given = tokens()
    mask = torch.ones(given.x_BND.shape[:2], dtype=torch.bool)
    mask[:, -3:] = False
    spoiled = Tokens(x_BND=given.x_BND.masked_fill(~mask[..., None], 1e4), mask_BN=mask, grid=given.grid)
    block = built(VectorQuantizer, codes=16).train()
    made = block(tokens=spoiled)
    block.after_update()
    assert float(block.library.codebook.abs().max()) < 10
    assert torch.equal(made["codes"].mask_BN, mask)
    assert float(made["tokens"].x_BND[~mask].abs().max()) == 0


def test_levels_of_eight_and_five_are_a_thousand_codes_that_all_come_back() -> None:
    block = built(FiniteScalarQuantizer, levels="8, 5, 5, 5").eval()
    assert block.books == (1000,)
    assert block.bits() == pytest.approx(math.log2(1000))
    vectors = block.library.implicit_codebook
    assert len(vectors.unique(dim=0)) == 1000
    assert torch.equal(block.library.codes_to_indices(vectors).long(), torch.arange(1000))
    assert levels_of("8×5 5,5") == [8, 5, 5, 5]
    for text in ("", "2, 5", "a"):
        with pytest.raises(ValueError, match="whole numbers of 3 or more"):
            levels_of(text)


def test_random_tokens_use_every_code_of_a_finite_scalar_quantizer() -> None:
    block, given = built(FiniteScalarQuantizer, levels="5, 3").eval(), tokens(batch=32)
    assert len(block(tokens=given.with_x(3 * given.x_BND))["codes"].ids_BN.unique()) == 15


def test_an_encoder_projects_channels_whatever_the_number_of_cells() -> None:
    """[B, C, h, w] to [B, h·w, D] with C of 24, 21 cells and D of 10: none of them equal."""
    config = PictureEncoder.Config(width=24, depth=0, token_width=10)
    image = torch.rand(2, 3, 12, 28)
    block = PictureEncoder(config, {"image": image})
    made = block(image=image)["tokens"]
    assert block.project.in_channels == 24
    assert made.x_BND.shape == (2, 21, 10)
    assert made.grid == Grid(kind="patches", sizes=(3, 7))
    moved = block(image=image.roll(4, -1))["tokens"].x_BND.unflatten(1, (3, 7))  # a cell to the right: row-major order
    torch.testing.assert_close(moved[:, 1, 3:5], made.x_BND.unflatten(1, (3, 7))[:, 1, 2:4])


def test_edges_must_be_multiples_of_the_stride() -> None:
    with pytest.raises(ValueError, match="multiples of the cell size 4"):
        PictureEncoder(PictureEncoder.Config(), {"image": torch.rand(1, 3, 30, 32)})
    with pytest.raises(ValueError, match="must be 2, 4, 8, 16 or 32"):
        PictureEncoder(PictureEncoder.Config(stride=3), {"image": torch.rand(1, 3, 30, 33)})
