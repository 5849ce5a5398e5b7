"""``studio advise``: what is proposed, as words and as JSON, and one proposal written into a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.graph import file
from studio.cli import main


def test_advice_is_printed_read_by_programs_and_written(tmp_path: Path, capsys: Any) -> None:
    asked = ["advise", "mini_clip", "--set", "recipe.batch_size=16"]
    assert main(asked) == 0
    words = capsys.readouterr().out
    assert "Put a queue of 782 negatives before the objective. (info_nce)" in words
    assert "arXiv:1911.05722" in words

    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["read"]["emoji"]["counts"]["train"] == 1565
    first = told["proposals"][0]
    assert (first["key"], first["sure"]) == ("negatives.queue:info_nce", "published")

    place = tmp_path / "queued.cms.json"
    assert main([*asked, "--apply", first["key"]]) == 2
    assert "Add --out FILE." in capsys.readouterr().err
    assert main([*asked, "--apply", "fusion.late:here", "--out", str(place)]) == 2
    assert "Proposed: negatives.queue:info_nce" in capsys.readouterr().err
    assert main([*asked, "--apply", first["key"], "--out", str(place)]) == 0
    assert "negatives.queue" in {node.block for node in file.read(place).nodes.values()}
    capsys.readouterr()
    assert main(["advise", "mini_clip"]) == 0
    assert capsys.readouterr().out.startswith("Nothing to propose")
