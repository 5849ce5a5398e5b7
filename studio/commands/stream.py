"""Play a file as if it were live and let a trained run name, again and again, the class of its last seconds."""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

from core.problems import Refused, refuse
from studio.asking.opening import asked
from studio.open.stores import add_store_flags
from studio.telling.flags import existing_file, number


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("run", help="a run of the store, by its id, name or the beginning of either")
    parser.add_argument("file", help="a video or audio file")
    parser.add_argument(
        "--window", type=number, default=0.0, help="seconds that one answer is about; 0: as in training"
    )
    parser.add_argument(
        "--capacity", type=int, default=64, help="frames and pieces of audio that may wait; then the oldest is dropped"
    )
    parser.add_argument("--speed", type=number, default=1.0, help="times as fast as it was recorded")
    parser.add_argument("--wait", action="store_true", help="drop nothing: the file is held back until there is room")
    parser.add_argument("--top", type=int, default=3, help="classes in an answer")
    parser.add_argument(
        "--json", action="store_true", help="print JSON lines: an answer each, and at the end the figures"
    )
    add_store_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Play, ask and print; Ctrl-C ends it with the figures so far, and exit status 130."""
    from core.inference.stream import asking  # torch

    file = existing_file(flags.file, "Give the path of a video or audio file.")
    if flags.capacity < 1 or flags.speed <= 0 or flags.window < 0 or flags.top < 1:
        raise refuse("--capacity and --top are 1 or more, --speed is above 0, and --window is not below 0.")
    with asked(flags) as trained:
        return _follow(flags, file, asking(trained, most=flags.top))


def _follow(flags: argparse.Namespace, file: Path, asked: Any) -> int:
    from core.data.live import Clock, arrivals, play  # torch
    from core.data.ring import Ring
    from core.inference.stream import follow

    ring: Ring[Any] = Ring(flags.capacity)
    stop, broken = threading.Event(), list[Refused]()
    clock = Clock(now=time.monotonic, wait=stop.wait)

    def produce() -> None:
        try:
            coming = arrivals(file, size=asked.size, hertz=asked.hertz)
            play(coming, ring, clock, speed=flags.speed, is_patient=flags.wait, cancelled=stop)
        except Refused as refused:
            broken.append(refused)
            ring.close()

    def cancel(*_: Any) -> None:
        stop.set()
        ring.close()

    before = signal.signal(signal.SIGINT, cancel) if threading.current_thread() is threading.main_thread() else None
    player = threading.Thread(target=produce, name="player", daemon=True)
    said = []
    player.start()
    try:
        for one in follow(ring, asked, clock, seconds=flags.window, cancelled=stop.is_set):
            said.append(one)
            _print(one, is_json=flags.json)
    finally:
        cancelled = stop.is_set()
        cancel()
        player.join()
        if before is not None:
            signal.signal(signal.SIGINT, before)
    if broken:
        raise broken[0]
    _conclude(ring.flow(), said, is_json=flags.json, cancelled=cancelled)
    return 130 if cancelled else 0


def _print(one: Any, *, is_json: bool) -> None:
    if is_json:
        told = {
            "seconds": one.due,
            "classes": dict(one.classes),
            "latency": one.latency,
            "arrived": one.arrived,
            "dropped": one.dropped,
        }
        print(json.dumps(told, ensure_ascii=False), flush=True)
        return
    classes = ", ".join(f"{name} {score:.0%}" for name, score in one.classes)
    print(f"{one.due:8.2f} s  {classes}   {one.latency * 1000:.0f} ms behind, {one.dropped:,} dropped", flush=True)


def _conclude(flow: Any, said: list[Any], *, is_json: bool, cancelled: bool) -> None:
    latencies = [one.latency for one in said]
    middle, largest = (statistics.median(latencies), max(latencies)) if said else (0.0, 0.0)
    if is_json:
        told = {
            "arrived": flow.put, "asked about": flow.taken, "dropped": flow.dropped, "held back": flow.held_back, "answers": len(said),
            "median latency": middle, "largest latency": largest, "cancelled": cancelled,
        }  # fmt: skip
        print(json.dumps(told))
        return
    lost = flow.dropped / flow.put if flow.put else 0.0
    print(
        f"{flow.put:,} frames and pieces of audio arrived, {flow.taken:,} were asked about, {flow.dropped:,} ({lost:.0%}) were dropped."
    )
    if flow.held_back:
        print(f"The file was held back {flow.held_back:,} times.")
    count = "1 answer" if len(said) == 1 else f"{len(said):,} answers"
    print(f"{count}; {middle * 1000:.0f} ms behind in the median, {largest * 1000:.0f} ms at most.")
    if cancelled:
        print("Cancelled.", file=sys.stderr)
