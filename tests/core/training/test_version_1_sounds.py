"""Documents of version 1 with sound open and train to the numbers they had: lengths went beside the sound then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.compiler.compile import analyse
from core.graph import file
from core.graph.document import Document, End
from tests.core.data.test_sounds import with_sounds
from tests.core.training.running import trainer

OLD = Path(__file__).parent / "version_1" / "sounds.cms.json"
TOLD = [
    8.182994604110718,
    7.409112930297852,
    5.697650074958801,
    6.034767031669617,
    5.223998069763184,
    5.991338849067688,
]
NOT_TOLD = [
    7.00990629196167,
    6.650880813598633,
    5.270014047622681,
    5.738914251327515,
    4.821151256561279,
    5.828487992286682,
]


def old(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(OLD.read_text("utf-8").replace("FOLDER", folder.as_posix()))
    return data


def without_lengths(data: dict[str, Any]) -> dict[str, Any]:
    """The same drawing where nobody told the audio tower how long a sound is."""
    kept = [wire for wire in data["wires"] if wire["to"] != "audio_cnn.share"]
    back = [{**w, "from": "caption_table.has_sound"} if w["from"] == "sound_length.share" else w for w in kept]
    return {**data, "wires": back}


def losses(document: Document) -> list[float]:
    run = trainer(document)
    run.train()
    return [value for _, value in run.listener.scalars("loss")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("told", [True, False])
def test_the_numbers_are_those_that_were_recorded_before(tmp_path: Path, told: bool) -> None:
    """Recorded by the last commit whose lengths went beside the sound."""
    data = old(with_sounds(tmp_path))
    document = file.from_data(data if told else without_lengths(data))
    assert losses(document) == pytest.approx(TOLD if told else NOT_TOLD, rel=2e-5)


def test_nothing_is_left_of_the_old_port(tmp_path: Path) -> None:
    data = old(with_sounds(tmp_path))
    assert sum(wire["from"] == "sound_length.share" for wire in data["wires"]) == 2
    document = file.from_data(data)
    assert not any("share" in (wire.source.port, wire.target.port) for wire in document.wires)
    assert End(node="caption_table", port="has_sound") in {
        wire.source for wire in document.wires if wire.target == End(node="info_nce_2", port="present")
    }
    assert len(document.wires) == len(data["wires"]) - 1
    assert not any("hertz" in document.nodes[key].knobs for key in ("sound_length", "log_mel"))
    assert not [problem for problem in analyse(document).problems if problem.severity == "error"]


def test_a_sweep_over_rates_keeps_the_sources_alone(tmp_path: Path) -> None:
    data = old(tmp_path)
    rates = {"caption_table.sound_hertz": 8000, "sound_length.hertz": 8000, "log_mel.hertz": 8000}
    data["sweep"] = {"axes": [{"name": "rate", "changes": [{"name": "8 kHz", "values": rates}]}], "baseline": "8 kHz"}
    (axis,) = file.from_data(data).sweep.axes  # type: ignore[union-attr]
    assert axis.changes[0].values == {"caption_table.sound_hertz": 8000}
