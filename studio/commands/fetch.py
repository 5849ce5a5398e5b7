"""Fetch a pretrained model of a hub into the local cache, so that experiments can name it: safetensors only, no code."""

from __future__ import annotations

import argparse

from studio.telling.printing import console


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("model", help="a hub id, such as openai/clip-vit-base-patch32")


def run(flags: argparse.Namespace) -> int:
    """Say where it lies."""
    from core.blocks.encoders.hub_loading import fetch  # imports torch, after flags were found good

    out = console()
    out.print(f"Fetching {flags.model}: configuration, tokenizer and safetensors.")
    out.print(f"It lies in {fetch(flags.model)}; name it as {flags.model} in Weights from.")
    return 0
