"""The window in Chinese, as it is: every text on it is read, and no English word may be left but names and data."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyqtgraph as pg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QTabBar,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)  # fmt: skip

from studio.app import speak
from studio.open.documents import examples
from tests.studio.journey import Person
from widgets.inspector.fields.run import RunField

# Names of methods, formats and keys: what a Chinese paper or keyboard writes in Latin letters, too.
NAMES = re.compile(
    r"NegCLIP|Qt Multimedia|CM3Leon|kHz|POP909|Krumhansl|\bMIT\b|\bspeaker\b|OMP_NUM_THREADS|silero-vad|AiSFX|CREPE|torchcrepe|effective rank|\b(jumps|drops)\b|EmoDB|Tux Paint|"
    r"arXiv[:\s]*[\d.]*|AdamW|BERT|CLIP|CLS|CSV|EMA|EfficientNet[-\w]*|AMD EPYC|English|FLIP|GELU|ImageNet|InfoNCE|NT-Xent|SimCLR|JSON|MLP|MiniLM|OpenMoji|Python"
    r"|TSV|TensorBoard|W&B|trackio|MLflow|Lightning|\b[Cc]at\b|pip install[ \w.-]*|ResNet|SGD|SigLIP|Transformer|Twemoji|Unicode|ViT|Vision|bfloat16|float32|torch\S*|transformers|mini-|Nesterov"
    r"|ALIGN|Inception|Audio CNN|CNN|EVA\S*|Flamingo|GradNorm|Gumbel|LAMB|LXMERT|OGM-GE|OpenCLIP|RoIAlign|Switch|ToMe|ViLBERT|logits?|log-sum-exp"
    r"|save_pretrained|kakaobrain\S*|laion\S*|softmax|sigmoid|tanh|sub-LN|CLIP-ViT\S*|captions\S*|\bsound\b|\baudio\b"
    r"|ALBEF|Alpha|BigBird|PVT|SDPA|VLMo|SwiGLU|UNITER|\bpicture\b|FILIP|ImageBind|LaTeX|Markdown|MoCo|MoMa|Perceiver|RegionCLIP|TPE|TokenLearner|VisualBERT|bigG|booktabs|int8|dense|naive"
    r"|Qt Multimedia|GenLIP|LPC|ActionFormer|mAP|python -m studio[ \w.-]*|--stage|（[\w、 …]+列）|GRID|ESC-10|Free Spoken Digit Dataset|\btheo\b"
    r"|AiSFX|\b(george|jackson|nicolas)\b|EmoDB|Tux Paint|silero-vad|effective rank|\bjumps\b|\bdrops\b|SlowFast|VideoMAE|Spearman|OpenCV|MFCC|CTC|ITC|ITG|ITM|BLIP\S*|AST|CLAP|HuBERT|SpecAugment|Wav2Vec2|WavLM|Whisper|tubelet|ConvNeXt|Grad-CAM|Q-Former|SimVQ|VQ-VAE\S*|VQ|VQGAN|LFQ|FSQ|RVQ|FSDP2?|U-Net|FID|KID|DeiT|DiT|DDPM|LoRA|GAN|CoCa|Chameleon|DALL-E|red heart|grinning face|flag france|dropout|Llama|chrF|PSNR|SSIM|\bemoji\b"
    r"|\w+/\S+|GFLOPs per example|GFLOPs a sample|MiB for backward|\bgradient\b|\bloss\b|\bscore\b|\bseconds\b|\bthroughput\b"  # names of series
    r'|r@10 > 0\.4 and batch_size in \(32, 64\) and name ~ "clip"'  # a filter as it is written
    r"|Crossmodal Studio|GPU|CPU|[kMG]?FLOPs|[KMGT]iB|cuda\S*|cpu|auto"
    r"|(Ctrl|Shift|Alt|Space|Tab|Esc|Home|Del|End|PgUp|PgDown|Backspace|Enter|Return)\S*|\w+\.\w+|\w+://\S+|a picture of"
)
ENGLISH = re.compile(r"[A-Za-z]{3,}")


@pytest.fixture
def chinese(sit_down) -> Iterator[Person]:
    """A person who switches a window with an example to Chinese; English again afterwards."""
    document = next(example.document for example in examples() if example.key == "mini_clip")
    RunField.set_runs([])  # those of a window before, named as their author pleased
    person = sit_down(document)
    person.window.use_language("zh_CN")
    person.analysed()
    yield person
    person.close()
    speak(QApplication.instance(), "en")


def texts_of(window: QWidget) -> Iterator[tuple[str, str]]:
    """Every text of the window that no document and no dataset brought, with who shows it."""
    for widget in (window, *window.findChildren(QWidget)):
        if is_of_plot(widget):
            continue
        for text in (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription(), *own_texts(widget)):
            yield text, type(widget).__name__
    for action in window.findChildren(QAction):
        if not is_of_plot(action.parent()):
            yield from ((text, "QAction") for text in (action.text(), action.toolTip()))


def is_of_plot(thing: object) -> bool:
    """Whether it belongs to the plotting library's own menus, which are switched off."""
    while thing is not None and hasattr(thing, "parent"):
        alone = isinstance(thing, QMenu) and isinstance(thing.parent(), pg.PlotWidget | None)
        if alone or type(thing).__module__.startswith("pyqtgraph"):
            return True
        thing = thing.parent()
    return False


def own_texts(widget: QWidget) -> Iterator[str]:
    if isinstance(widget, QLabel | QAbstractButton):
        yield widget.text()
    elif isinstance(widget, QLineEdit):
        yield widget.placeholderText()
    elif isinstance(widget, QComboBox):
        yield from (widget.itemText(index) for index in range(widget.count()))
    elif isinstance(widget, QTabBar):
        yield from (widget.tabText(index) for index in range(widget.count()))
    elif isinstance(widget, QTreeWidget):
        for index in range(widget.topLevelItemCount()):
            yield from rows(widget.topLevelItem(index))


def rows(item: QTreeWidgetItem) -> Iterator[str]:
    for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
        yield str(item.data(0, role) or "")
    for index in range(item.childCount()):
        yield from rows(item.child(index))


def english_in(person: Person) -> dict[str, str]:
    """Texts with an English word, once markup, names and what the document's author wrote are taken away."""
    document = person.session.document
    written = {document.name, document.note, *(node.title for node in document.nodes.values())}
    written |= {frame.title for frame in document.frames.values()}
    own = re.compile("|".join(re.escape(text) for text in sorted(written - {""}, key=len, reverse=True)))
    found = {}
    for text, place in texts_of(person.window):
        plain = NAMES.sub("", re.sub(r"<[^>]+>", " ", own.sub("", text)))
        if ENGLISH.search(plain):
            found[text] = place
    return found


def test_no_english_word_is_left_on_a_page(chinese: Person) -> None:
    left = {}
    for page in ("design", "train", "inspect", "query", "runs", "gallery"):
        chinese.window.show_page(page)
        QApplication.processEvents()
        left[page] = english_in(chinese)
    assert not any(left.values()), left


def test_every_node_shows_its_settings_in_chinese(chinese: Person) -> None:
    left = {}
    for node in chinese.session.document.nodes:
        chinese.window.inspector.set_selection([node])
        left |= english_in(chinese)
    assert left == {}


def test_an_english_word_would_be_seen(chinese: Person) -> None:
    chinese.window.top.set_device("GPU 0 idle")
    assert english_in(chinese) == {"GPU 0 idle": "QLabel"}


def test_qt_speaks_chinese_and_english_again(chinese: Person) -> None:
    said = QApplication.translate("QPlatformTheme", "Cancel")
    assert said == "取消"
    chinese.window.use_language("en")
    assert QApplication.translate("QPlatformTheme", "Cancel") == "Cancel"
    assert next(button.text() for button in chinese.window.top._buttons.values()) == "Design"


def test_an_example_opens_in_the_persons_language(chinese: Person) -> None:
    chinese.window.show_page("gallery")
    chinese.window.pages.gallery.chosen.emit("frozen_pair")
    assert chinese.session.document.name == "两个冻结的预训练塔"
    assert "图像塔" in {frame.title for frame in chinese.session.document.frames.values()}
