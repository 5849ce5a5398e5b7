"""A hand-written vocabulary, the drawing of the first experiment, and what a compiler would say about it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject

from core.graph import edits
from core.graph.analysis import Analysis, NodeFacts, PortFacts
from core.graph.document import Document, End, Node
from core.graph.history import History
from core.graph.ports import Port
from core.graph.vocabulary import BlockSpec, OptionSpec, Vocabulary
from core.knobs import Knob
from core.problems import Fix, Problem


def port(name: str, kind: str, modality: str, axes: str = "", optional: bool = False) -> Port:
    from core.graph.ports import KINDS

    return Port(
        name=name, kind=kind, axes=axes or KINDS[kind], modality=modality, optional=optional, help=f"The {name}."
    )


def integer(
    name: str, default: int, low: float, high: float, unit: str = "", help: str = "Help.", **more: object
) -> Knob:
    title = name.replace("_", " ").capitalize()
    return Knob(
        name=name, kind="integer", default=default, low=low, high=high, unit=unit, help=help, title=title, **more
    )


VIT_KNOBS = (
    integer("image_size", 64, 8, 1024, "px", "Side of the square picture."),
    integer("patch_size", 8, 1, 64, "px", "Side of one patch."),
    integer("width", 192, 8, 4096, "", "Width of a token."),
    integer("depth", 6, 1, 64, "layers", "Transformer layers."),
    integer("heads", 3, 1, 64, "", "Attention heads in a layer."),
    Knob(name="patch_dropout", kind="number", default=0.0, low=0, high=0.95, help="Share of patches left out (FLIP).", title="Patch dropout"),
    Knob(name="rate", kind="number", default=1e-3, low=1e-6, high=1.0, logarithmic=True, help="In decades.", title="Rate"),
    Knob(name="norm", kind="choice", default="layer", choices=("layer", "rms"), help="Which norm.", title="Norm"),
    Knob(name="causal", kind="switch", default=False, help="Look back only.", title="Causal"),
    Knob(name="prefix", kind="text", default="", help="Put before each caption.", title="Prefix", advanced=True),
    Knob(name="weights", kind="file", default=None, optional=True, help="A file of weights.", title="Weights", advanced=True),
    Knob(name="seed", kind="integer", default=None, optional=True, low=0, high=99, help="Fixed seed.", title="Seed", advanced=True),
)  # fmt: skip


def vocabulary() -> Vocabulary:
    image, text = port("image", "image", "image"), port("text", "sentence", "text")
    tokens_in, embed = port("tokens", "tokens", "any"), port("embed", "embedding", "shared")
    specs = (
        BlockSpec(key="sources.emoji", title="Emoji pairs", role="source", family="Sources", modality="image",
                  summary="Twemoji pictures with their Unicode names.", gives=(image, text)),
        BlockSpec(key="transforms.augment", title="Augment", role="transform", family="Transforms", modality="image",
                  summary="Random affine and colour.", takes=(image,), gives=(image,)),
        BlockSpec(key="tokenizers.bpe", title="Tokenizer", role="transform", family="Transforms", modality="text",
                  summary="Byte-pair word pieces.", takes=(text,), gives=(port("ids", "text", "text"),)),
        BlockSpec(key="encoders.vit", title="ViT", role="block", family="Encoders", modality="image",
                  summary="Vision Transformer.", papers=("2010.11929",), takes=(image,),
                  gives=(port("tokens", "tokens", "shared"),), knobs=VIT_KNOBS),
        BlockSpec(key="encoders.text_transformer", title="Text transformer", role="block", family="Encoders",
                  modality="text", summary="Reads word pieces.", takes=(port("ids", "text", "text"),),
                  gives=(port("tokens", "tokens", "shared"),)),
        BlockSpec(key="connectors.pool", title="Pool", role="block", family="Connectors", modality="shared",
                  summary="One vector from many tokens.", takes=(tokens_in,), gives=(embed,)),
        BlockSpec(key="connectors.mixer", title="Token mixer", role="block", family="Connectors", modality="shared",
                  summary="Mixes tokens.", takes=(tokens_in,), gives=(port("tokens", "tokens", "any"),), repeatable=True),
        BlockSpec(key="fusion.cross", title="Cross-attention", role="block", family="Fusion", modality="shared",
                  summary="Tokens look at other tokens.",
                  takes=(port("queries", "tokens", "any"), port("context", "tokens", "any")),
                  gives=(port("tokens", "tokens", "shared"),)),
        BlockSpec(key="objectives.infonce", title="InfoNCE", role="objective", family="Objectives", modality="loss",
                  summary="Symmetric contrastive loss.", papers=("2103.00020",),
                  takes=(port("left", "embedding", "shared"), port("right", "embedding", "shared")),
                  gives=(port("loss", "loss", "loss"),)),
    )  # fmt: skip
    return Vocabulary(specs, options())


def options() -> tuple[OptionSpec, ...]:
    rate = Knob(name="decay", kind="number", default=0.999, low=0, high=1, help="How slowly it follows.", title="Decay")
    every = integer("every", 50, 1, 10000, "steps", "How often.")
    return (
        OptionSpec(key="evaluation", title="Evaluation", family="callback", summary="Held-out retrieval.", knobs=(every,)),
        OptionSpec(key="ema", title="Moving average", family="callback", summary="Averaged weights.", knobs=(rate,)),
        OptionSpec(key="similarity", title="Similarity", family="diagnostic", summary="Positives and negatives.", knobs=(every,)),
        OptionSpec(key="attention", title="Attention", family="diagnostic", summary="Maps of every layer."),
        OptionSpec(key="adamw", title="AdamW", family="optimizer", summary="Decoupled decay.", papers=("1711.05101",),
                   knobs=(Knob(name="beta2", kind="number", default=0.98, low=0, high=1, help="Second moment.", title="Beta 2"),)),
        OptionSpec(key="sgd", title="SGD", family="optimizer", summary="Plain steps."),
        OptionSpec(key="cosine", title="Cosine", family="schedule", summary="Down a half wave.", knobs=(every,)),
        OptionSpec(key="constant", title="Constant", family="schedule", summary="As it is."),
        OptionSpec(key="fixed", title="Fixed", family="batching", summary="As many samples in every batch."),
        OptionSpec(key="packed", title="Packed", family="batching", summary="A budget of tokens.",
                   knobs=(integer("budget", 4096, 16, 100_000, "tokens", "Tokens of one pack."),)),
    )  # fmt: skip


PLACES = {
    "pairs": ("sources.emoji", 20, 170), "augment": ("transforms.augment", 240, 95), "bpe": ("tokenizers.bpe", 240, 290),
    "vit": ("encoders.vit", 490, 95), "words": ("encoders.text_transformer", 490, 290),
    "mixer": ("connectors.mixer", 740, 95), "pool": ("connectors.pool", 990, 95), "pool_2": ("connectors.pool", 990, 290),
    "infonce": ("objectives.infonce", 1240, 190),
}  # fmt: skip
WIRES = (
    "pairs.image>augment.image", "pairs.text>bpe.text", "augment.image>vit.image", "bpe.ids>words.ids",
    "vit.tokens>mixer.tokens", "mixer.tokens>pool.tokens", "words.tokens>pool_2.tokens", "pool.embed>infonce.left",
    "pool_2.embed>infonce.right",
)  # fmt: skip


def end(text: str) -> End:
    node, name = text.split(".")
    return End(node=node, port=name)


def document() -> Document:
    nodes = {name: Node(id=name, block=block, x=x, y=y) for name, (block, x, y) in PLACES.items()}
    nodes["mixer"] = replace(nodes["mixer"], repeat=4)
    nodes["vit"] = replace(nodes["vit"], knobs={"depth": 4, "patch_dropout": 0.5})
    made = Document(id="sample", name="mini-CLIP on emoji", note="Pictures and their names, side by side.", nodes=nodes)
    for wire in WIRES:
        made = edits.connect(made, *map(end, wire.split(">")))
    made = edits.add_frame(made, "image tower · trained", 470, 50, 500, 160)
    made = edits.add_node(made, "future.block", 740, 440)[0]
    made = edits.connect(made, end("words.tokens"), end("block.anything"))
    return edits.set_rule(made, "words", frozen=True)


def flow(symbolic: str, concrete: str, trained: bool = True) -> PortFacts:
    return PortFacts(
        symbolic=symbolic,
        concrete=concrete,
        tokens=65,
        mebibytes=6.1,
        trained=trained,
        modality="image",
        dtype="float32",
    )


def analysis() -> Analysis:
    nodes = {
        "pairs": NodeFacts(detail="1,906 pairs", outputs={"image": flow("B C H W", "B 3 64 64", False), "text": flow("B", "B", False)}),
        "augment": NodeFacts(detail="affine · colour", outputs={"image": flow("B C H W", "B 3 64 64", False)}),
        "bpe": NodeFacts(detail="byte-pair", outputs={"ids": flow("B L", "B 32", False)}),
        "vit": NodeFacts(parameters=2_100_000, trained_parameters=2_100_000, flops=38_000_000, activation_mebibytes=9.6,
                         detail="w192 · d6 · p8", outputs={"tokens": flow("B N D", "B 65 192")}),
        "words": NodeFacts(parameters=1_300_000, frozen=True, detail="w128 · d4", outputs={"tokens": flow("B N D", "B 32 128", False)}),
        "mixer": NodeFacts(parameters=296_000, trained_parameters=296_000, flops=9_100_000, detail="w192",
                           outputs={"tokens": flow("B N D", "B 65 192")}),
        "pool": NodeFacts(parameters=74_000, trained_parameters=74_000, detail="CLS", outputs={"embed": flow("B D", "B 128")}),
        "pool_2": NodeFacts(parameters=49_000, trained_parameters=49_000, detail="mean", outputs={"embed": flow("B D", "B 128")}),
        "infonce": NodeFacts(detail="symmetric", outputs={"loss": flow("", "one number")}),
    }  # fmt: skip
    fix = Fix(text="Freeze…", edit="set_rule", arguments={"node": "words", "frozen": True})
    problems = (
        Problem(
            what="The text tower is trained from scratch on 1,304 captions.", node="words", severity="hint", fix=fix
        ),
        Problem(what="This version has no block called future.block.", node="block", severity="warning"),
        Problem(what="Image and text embeddings differ in width: 192 and 128.", node="infonce", port="left"),
    )
    return Analysis(
        nodes=nodes, problems=problems, parameters=3_800_000, trained_parameters=2_500_000, flops=52_000_000
    )


class Session(QObject):
    """The double of the session above the canvas: keeps the history and hands every document back."""

    def __init__(self, canvas: object, start: Document) -> None:
        super().__init__()
        self.canvas, self.history, self.edits, self.said = canvas, History(start), [], []
        canvas.documentEdited.connect(self.take)
        canvas.messageRaised.connect(self.said.append)
        canvas.set_document(start)

    @property
    def now(self) -> Document:
        return self.history.now

    def take(self, document: Document, edit: str, join: str) -> None:
        self.edits.append(edit)
        self.history.do(document, edit, join)
        self.canvas.set_document(self.history.now)

    def undo(self) -> bool:
        done = self.history.undo()
        self.canvas.set_document(self.history.now)
        return done

    def redo(self) -> bool:
        done = self.history.redo()
        self.canvas.set_document(self.history.now)
        return done
