"""Relevance against closed forms and against the papers' equations written out once more in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.blocks.attention.core import following, recording
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import Pool
from core.blocks.values import Grid, Text, Tokens
from core.compiler.answers.following import Flow, follow
from core.compiler.answers.relevance import RULES, Stream, normed, raising
from core.compiler.compile import compile
from core.compiler.module import Experiment
from core.graph.document import Document, End
from core.inference.scoring import scores_of
from core.knobs import configure
from tests.documents import Drawing

A, B = End(node="a", port="tokens"), End(node="b", port="tokens")


def maps(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A map whose rows sum to one, and a gradient."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.rand(*shape, generator=generator, dtype=torch.float64)
    return rows / rows.sum(-1, keepdim=True), torch.randn(*shape, generator=generator, dtype=torch.float64)


def raised(rows: Tensor, gradient: Tensor) -> np.ndarray:
    """Equation 5 for the first sample: the mean over heads of what is above zero."""
    heads = [np.maximum(g * a, 0) for a, g in zip(rows[0].numpy(), gradient[0].numpy())]
    return np.asarray(sum(heads) / len(heads))


def begun(end: End, count: int) -> Stream:
    return Stream.begun(end, 1, count, torch.zeros((), dtype=torch.float64))


def test_within_adds_what_raises_the_score_times_what_is_there() -> None:
    """R = (I + A2')(I + A1'), equations 6 and 7."""
    stream, whole = begun(A, 4), np.eye(4)
    for seed in range(2):
        rows, gradient = maps(1, 3, 4, 4, seed=seed)
        stream = RULES["gradient"].within(stream, rows, gradient)
        whole = whole + raised(rows, gradient) @ whole
    np.testing.assert_allclose(stream.of[A][0].numpy(), whole, atol=1e-12)


def test_across_follows_equations_8_to_11() -> None:
    first, second = maps(1, 2, 3, 3, seed=1), maps(1, 2, 5, 5, seed=2)
    across = maps(1, 2, 3, 5, seed=3)
    gradient = RULES["gradient"]
    asking, asked = gradient.within(begun(A, 3), *first), gradient.within(begun(B, 5), *second)
    made = gradient.across(asking, asked, *across)

    def hat(r: np.ndarray) -> np.ndarray:
        added = r - np.eye(len(r))
        return added / added.sum(1, keepdims=True) + np.eye(len(r))

    r_aa, r_bb = np.eye(3) + raised(*first), np.eye(5) + raised(*second)
    expected = hat(r_aa).T @ raised(*across) @ hat(r_bb)
    np.testing.assert_allclose(made.of[B][0].numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(made.of[A][0].numpy(), r_aa, atol=1e-12)  # b knows nothing of a yet


def test_normed_leaves_untouched_tokens_alone() -> None:
    eye = torch.eye(3)[None]
    assert torch.equal(normed(eye), eye)
    rows = normed(eye + torch.tensor([[[0.0, 2.0, 2.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]]))
    assert torch.allclose(rows[0, 0], torch.tensor([1.0, 0.5, 0.5]))
    assert torch.equal(rows[0, 1], torch.tensor([0.0, 1.0, 0.0]))


def test_rollout_is_the_product_and_its_rows_sum_to_one() -> None:
    stream, whole = begun(A, 4), np.eye(4)
    for seed in range(3):
        rows, gradient = maps(1, 2, 4, 4, seed=seed)
        stream = RULES["rollout"].within(stream, rows, gradient)
        whole = (rows[0].mean(0).numpy() + np.eye(4)) / 2 @ whole
    np.testing.assert_allclose(stream.of[A][0].numpy(), whole, atol=1e-12)
    np.testing.assert_allclose(whole.sum(1), 1, atol=1e-12)


def test_in_the_linear_case_a_patch_counts_by_its_weight_times_its_value() -> None:
    """One query, score linear in what it gives: the gradient at weight a_j is c W_out v_j, so the relevance is (a_j c W_out v_j)+."""
    torch.manual_seed(0)
    tokens = Tokens(x_BND=torch.randn(1, 6, 8), grid=Grid(kind="patches", sizes=(2, 3)))
    pool = Pool(Pool.Config(how="attention", heads=2), {"tokens": tokens}).eval()
    attention, direction_D = pool.attention, torch.randn(8)
    assert attention is not None
    with recording({"query": attention}) as found, following():
        score = pool(tokens=tokens)["embedding"][0] @ direction_D
        rows = found["query"][0]
        gradient = torch.autograd.grad(score, rows)[0]
    _, v_BHME = attention.keys_values(pool.norm(tokens.x_BND), kept=False)
    back_HE = (direction_D @ attention.out.weight).unflatten(0, (2, -1))
    closed_HM = torch.einsum("he,hme->hm", back_HE, v_BHME[0])
    assert torch.allclose(gradient[0, :, 0], closed_HM, atol=1e-5)
    expected_M = (rows[0, :, 0] * closed_HM).clamp_min(0).mean(0)
    assert torch.allclose(raising(rows, gradient)[0, 0], expected_M, atol=1e-6)


def drawing(pooling: str) -> Document:
    draw = Drawing("followed")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.vit", patch_size=4, width=24, depth=2, heads=2)
    draw.add("encoders.text_transformer", width=16, depth=1, heads=2)
    draw.add("connectors.pool", how=pooling)
    draw.add("connectors.pool")
    draw.add("connectors.projection", width=16)
    draw.add("connectors.projection", width=16)
    draw.add("objectives.info_nce")
    for source, target in (
        ("emoji.image", "vit.image"), ("vit.tokens", "pool.tokens"), ("pool.embedding", "projection.embedding"),
        ("projection.embedding", "info_nce.left"), ("emoji.sentence", "tokenizer.sentence"),
        ("tokenizer.text", "text_transformer.text"), ("text_transformer.tokens", "pool_2.tokens"),
        ("pool_2.embedding", "projection_2.embedding"), ("projection_2.embedding", "info_nce.right"),
    ):  # fmt: skip
        draw.wire(source, target)
    return draw.document


@pytest.mark.parametrize("pooling", ["cls", "attention"])
def test_streams_go_through_a_whole_graph(pooling: str) -> None:
    """Two ViT layers, then a CLS token or a query: the paper's product of the very maps, and nothing is changed by looking."""
    plan = compile(drawing(pooling))
    experiment = Experiment(plan, 0).eval()
    task = plan.tasks[0]
    torch.manual_seed(0)
    values = {end: _random(experiment, end) for end in task.carried}
    score = scores_of(plan, task)[0]
    before = {name: value.clone() for name, value in experiment.state_dict().items()}
    followed = follow(experiment, task, values, lambda made: score.of(experiment, made), score.ends)
    flow = Flow(experiment=experiment, followed=followed, rule=RULES["gradient"])
    found = {one.end.node: one for one in flow.found(score.ends, 3)}
    assert not followed.lost
    assert not flow.unplaced
    assert set(found) == {"vit", "text_transformer"}
    vit = next(one for one in followed.nodes if one.node == "vit")
    whole = torch.eye(17).expand(3, -1, -1)
    for layer, rows in vit.rows.items():
        whole = whole + raising(rows, vit.gradients[layer]) @ whole
    if pooling == "cls":
        row = whole[:, 0]
    else:
        pool = next(one for one in followed.nodes if one.node == "pool")
        row = (raising(pool.rows["query"], pool.gradients["query"]) @ normed(whole))[:, 0]
    assert torch.allclose(found["vit"].share_BM, row / row.sum(-1, keepdim=True), atol=1e-6)
    assert torch.allclose(found["text_transformer"].share_BM.sum(-1), torch.ones(3), atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in experiment.state_dict().items())
    assert all(parameter.grad is None for parameter in experiment.parameters())
    plain = experiment.run(values, [end.node for end in score.ends])
    assert torch.allclose(score.of(experiment, plain), followed.score_B, atol=1e-5)


def _random(experiment: Experiment, end: End) -> object:
    if end.port == "image":
        return torch.rand(3, 3, 16, 16)
    mask = torch.ones(3, 8, dtype=torch.bool)
    mask[1, 5:] = False
    return Text(ids_BL=torch.randint(3, 90, (3, 8)), mask_BL=mask, vocabulary=300)


@pytest.mark.parametrize(
    "key",
    ["encoders.eva", "encoders.vit", "encoders.text_transformer", "fusion.cross_attention", "fusion.co_attention"],
)
def test_what_comes_after_a_followed_map_is_made_of_it(key: str) -> None:
    """The gradient of what a block gives reaches each of its maps, and what it gives is what it gives unwatched."""
    torch.manual_seed(0)
    given = blocks[key].example()
    node = blocks[key](configure(blocks[key].Config, blocks[key].tiny(), key), given).eval()
    plain = next(iter(node(**given).values())).x_BND
    with following():
        made, maps = node.watched(**given)
    seen = next(iter(made.values())).x_BND
    assert torch.allclose(plain, seen, atol=1e-4)
    assert maps
    whole = sum(value.x_BND.pow(2).sum() for value in made.values() if isinstance(value, Tokens))
    gradients = torch.autograd.grad(whole, list(maps.values()), allow_unused=True)
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)
