"""The process that decodes video and its sound: one request a line, one answer with its bytes, until input ends.

It runs alone (``python -I video_child.py``) with limits on memory and open files, because decoders of untrusted files
crash and hang; of the studio it imports only the ``film_`` files beside it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[3]))

from core.data.readers.film_frames import Answer, by_decord, by_pyav
from core.data.readers.film_sound import audio
from core.data.readers.film_timeline import timeline_of

MOST_MEMORY = 8 * 2**30


def main() -> None:
    """Answer requests."""
    out = os.fdopen(os.dup(1), "wb")  # decoders may print: their words must not get into the answers
    os.dup2(2, 1)
    _limit()
    for line in sys.stdin.buffer:
        try:
            facts, body = answer(json.loads(line))
        except Exception as error:  # whatever a decoder raises is an answer
            facts, body = {"error": sentence(error)}, b""
        out.write(json.dumps({**facts, "bytes": len(body)}).encode() + b"\n" + body)
        out.flush()


def _limit() -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def sentence(error: Exception) -> str:
    """What a decoder says, without its places in source code, its number for it, the file's path and a full stop."""
    words = re.sub(r"\[[\d:]+\] \S+:\d+: (Check failed: [^\n]*?\(.*?\) )?", "", str(error).strip().split("\n")[0])
    words = re.sub(r"^\[Errno -?\d+\] |: '[^']*'$", "", words)
    return (words[:200] or type(error).__name__).rstrip(". ")


def answer(request: dict[str, Any]) -> Answer:
    """Facts and bytes for one request."""
    with open(request["file"], "rb") as file:
        if request["what"] == "audio":
            return audio(file, request["start"], request["seconds"])
        if request["what"] == "index":
            line = timeline_of(file)
            return {"starts": line.starts, "end": line.end, "remarks": line.remarks}, b""
        if request["what"] == "decord":
            return by_decord(file, request)
        return by_pyav(file, request)


if __name__ == "__main__":
    main()
