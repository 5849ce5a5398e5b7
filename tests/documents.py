"""Small documents for tests, drawn through the same edits a person's gestures use."""

from __future__ import annotations

from typing import Any

from core.graph import edits
from core.graph.document import Document, End


class Drawing:
    """A document under construction."""

    def __init__(self, name: str = "drawing") -> None:
        self.document = Document(name=name)

    def add(self, block: str, **knobs: Any) -> str:
        self.document, node = edits.add_node(self.document, block, 200.0 * len(self.document.nodes), 0.0, knobs)
        return node

    def wire(self, source: str, target: str) -> None:
        (a, out), (b, into) = source.split("."), target.split(".")
        self.document = edits.connect(self.document, End(node=a, port=out), End(node=b, port=into))


def tiny_clip(
    *, steps: int = 6, batch_size: int = 16, dropout: float = 0.1, objective: str = "info_nce", **recipe: Any
) -> Document:
    """A CLIP-like experiment on 16 px emoji that takes milliseconds a step; augmented, with dropout and patch dropout."""
    draw = Drawing("tiny clip")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.augment")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.vit", patch_size=4, width=24, depth=1, heads=2, dropout=dropout, patch_dropout=0.25)
    draw.add("encoders.text_transformer", width=16, depth=1, heads=2, dropout=dropout)
    draw.add("connectors.pool")
    draw.add("connectors.pool", how="attention")
    draw.add("connectors.projection", width=16)
    draw.add("connectors.projection", width=16)
    draw.add(f"objectives.{objective}")
    for source, target in (
        ("emoji.image", "augment.image"), ("augment.image", "vit.image"), ("vit.tokens", "pool.tokens"),
        ("pool.embedding", "projection.embedding"), ("projection.embedding", f"{objective}.left"),
        ("emoji.sentence", "tokenizer.sentence"), ("tokenizer.text", "text_transformer.text"),
        ("text_transformer.tokens", "pool_2.tokens"), ("pool_2.embedding", "projection_2.embedding"),
        ("projection_2.embedding", f"{objective}.right"),
    ):  # fmt: skip
        draw.wire(source, target)
    recipe = {"callbacks": {}, "diagnostics": {}, "threads": 1, **recipe}
    return edits.set_recipe(draw.document, steps=steps, batch_size=batch_size, **recipe)


def siamese(*, steps: int = 6, batch_size: int = 16, width: int = 16, dropout: float = 0.0, **recipe: Any) -> Document:
    """SimCLR in miniature: two augmentations of an emoji through one tower and one head, each in two places."""
    draw = Drawing("siamese")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    for place in ("", "_2"):
        draw.add("transforms.augment", flip=0.5)
        draw.add("encoders.vit", patch_size=4, width=24, depth=1, heads=2, dropout=dropout)
        draw.add("connectors.pool", how="mean")
        draw.add("connectors.mlp_projection", width=width, hidden=32)
        for source, target in (
            ("emoji.image", "augment{}.image"), ("augment{}.image", "vit{}.image"), ("vit{}.tokens", "pool{}.tokens"),
            ("pool{}.embedding", "mlp_projection{}.embedding"),
        ):  # fmt: skip
            draw.wire(source.format(place), target.format(place))
    draw.add("objectives.nt_xent")
    draw.wire("mlp_projection.embedding", "nt_xent.left")
    draw.wire("mlp_projection_2.embedding", "nt_xent.right")
    document = draw.document
    for block in ("vit", "mlp_projection"):
        document = edits.share_weights(document, f"{block}_2", block)
    recipe = {"callbacks": {}, "diagnostics": {}, "threads": 1, **recipe}
    return edits.set_recipe(document, steps=steps, batch_size=batch_size, **recipe)


def tokenizer(*, quantizer: str = "vector_quantizer", perceptual: bool = False, width: int = 8, steps: int = 6, batch_size: int = 16, knobs: dict[str, Any] | None = None, **recipe: Any) -> Document:  # fmt: skip
    """A picture tokenizer in miniature: 16 px emoji as 16 codes and back; with an opponent where it is to look real."""
    draw = Drawing("tokenizer")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("tokenizers.picture_encoder", width=width, depth=1, token_width=width // 2)
    key = draw.add(f"tokenizers.{quantizer}", **(knobs or {}))
    draw.add("tokenizers.picture_decoder", width=width, depth=1)
    draw.add("objectives.reconstruction", cells=4)
    draw.add("objectives.extra_loss", weight=1.0)
    wires = [
        ("emoji.image", "picture_encoder.image"), ("picture_encoder.tokens", f"{key}.tokens"), (f"{key}.tokens", "picture_decoder.tokens"),
        ("picture_decoder.image", "reconstruction.made"), ("emoji.image", "reconstruction.real"), (f"{key}.penalty", "extra_loss.loss"),
    ]  # fmt: skip
    for objective, more in (
        ("perceptual", {}),
        ("adversarial", {"form": "hinge", "adaptive": True, "start": 0.5, "width": 4}),
    ):
        if perceptual:
            draw.add(f"objectives.{objective}", **more)
            wires += [("picture_decoder.image", f"{objective}.made"), ("emoji.image", f"{objective}.real")]
    for source, target in wires:
        draw.wire(source, target)
    recipe = {"callbacks": {}, "diagnostics": {}, "threads": 1, **recipe}
    return edits.set_recipe(draw.document, steps=steps, batch_size=batch_size, **recipe)


def captions(connector: str = "token_mlp", *, steps: int = 4, **knobs: Any) -> Document:
    """An image tower, a connector and a language decoder on 16 px emoji; every option that scores sentences, small."""
    draw = Drawing("captions")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.vit", patch_size=4, width=16, depth=1, heads=2)
    draw.add(f"connectors.{connector}", width=16, **knobs)
    draw.add("generators.language_decoder", width=16, depth=1, heads=2)
    draw.add("objectives.next_word")
    for source, target in (
        ("emoji.image", "vit.image"), ("vit.tokens", f"{connector}.tokens"),
        (f"{connector}.tokens", "language_decoder.tokens"), ("emoji.sentence", "tokenizer.sentence"),
        ("tokenizer.text", "language_decoder.text"), ("language_decoder.logits", "next_word.logits"),
        ("tokenizer.text", "next_word.text"),
    ):  # fmt: skip
        draw.wire(source, target)
    scored = {"evaluation": {"every": steps, "train": False}, "captions": {"most": 8, "pool": 8, "words": 8}}
    return edits.set_recipe(draw.document, steps=steps, batch_size=16, callbacks=scored, diagnostics={}, threads=1)
