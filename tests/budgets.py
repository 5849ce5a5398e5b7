"""A measurement that was made up, so that what is predicted from it can be reckoned by hand."""

from __future__ import annotations

from core.graph.budget.measured import Cost, Measured, NodeCost, Periodic, StepCost
from core.graph.recipe import Recipe

SAYS = {"evaluation": {"every": 100}, "checkpointing": {"every": 300, "last": 2, "best": True}}
RECIPE = Recipe(steps=1000, callbacks=SAYS, diagnostics={"attention": {"every": 50}, "gradients": {}})
MEASURED = Measured(
    key="k", made=1.0, device="cpu", threads=1, overlaps=False, base_mebibytes=300.0, training_mebibytes=500.0,
    peak_mebibytes=640.0, still_to_keep_mebibytes=60.0, preparation=Cost(seconds=5.0, processor=4.0),
    steps=(
        StepCost(
            stage=0, sources=("a",), weight=0.75, steps=4, compute=Cost(seconds=0.1, processor=0.2),
            data=Cost(seconds=0.04, processor=0.04), compute_again=Cost(seconds=0.1, processor=0.2),
            data_again=Cost(seconds=0.01, processor=0.01),
        ),
        StepCost(
            stage=1, sources=("a",), weight=0.25, steps=4, compute=Cost(seconds=0.2, processor=0.4),
            data=Cost(seconds=0.04, processor=0.04), compute_again=Cost(seconds=0.2, processor=0.4),
            data_again=Cost(seconds=0.01, processor=0.01),
        ),
    ),
    batches={"a": 250}, evaluation=Cost(seconds=3.0, processor=2.0), evaluation_every=100, evaluation_share=0.5,
    evaluation_bytes=1000.0, checkpoint=Cost(seconds=0.5, processor=0.25), checkpoint_bytes=10 * 2.0**20,
    checkpoint_every=200, checkpoint_last=2, checkpoint_best=True, step_bytes=100.0, began_bytes=500.0,
    periodic=(
        Periodic(key="attention", title="Attention", every=50, cost=Cost(seconds=0.2, processor=0.1), bytes=4000.0),
        Periodic(key="gradients", title="Gradients", every=5, cost=Cost(seconds=0.01, processor=0.01), at_ends=False),
        Periodic(key="similarity", title="Similarity", every=10, cost=Cost(seconds=9.0, processor=9.0)),
    ),
    nodes=(NodeCost(node="vit", forward=0.01, backward=0.02, saved_bytes=4096, samples=8),), left_out=("Breakpoints",),
)  # fmt: skip
