"""Which frames a step takes of a clip, for the inspector: the clip is opened behind the window, for decoding takes its time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from core.graph.document import Document
from studio.asking.playing_films import serve_reels

if TYPE_CHECKING:
    from core.compiler.film_strip import FilmStrip
    from studio.session import Session
    from widgets.inspector.inspector import Inspector


def bind_film_strips(session: Session, inspector: Inspector) -> None:
    """Whenever the inspector wants a film strip, it is made and shown."""

    def take(asked: object, strip: FilmStrip | None, sentence: str) -> None:
        if strip is None:
            inspector.show_film(asked, sentence)
        else:
            inspector.show_film(
                asked, "", name=strip.name, frames=strip.frames, seconds=strip.seconds, tiles=strip.tiles, marks=strip.marks,
                gaps=strip.gaps, is_drawn=strip.is_drawn, reel=strip.reel,
            )  # fmt: skip

    def want(asked: object, document: Document, node: str) -> None:
        session.engine.ask(partial(_made, document, node), partial(take, asked))

    inspector.filmWanted.connect(want)
    serve_reels(session.engine, inspector.reelWanted, inspector.take_reel)


def _made(document: Document, node: str) -> Any:
    from core.compiler.film_strip import film_strip

    return film_strip(document, node)
