"""Where in a video an answer comes from, as the query page shows it; worked out for the answer that is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from widgets.query.values import FilmLooks, FilmLookWish

if TYPE_CHECKING:
    from core.inference.caption import Word
    from core.inference.film_looks import FilmLook
    from core.inference.trained import Trained


def looked_at(trained: Trained, wish: FilmLookWish) -> FilmLooks | None:
    """Of one answer; None where nothing is known of it. Raises Refused."""
    from core.compiler.answers.tellers import teller_of  # torch
    from core.inference.film_looks import look_at

    is_class = wish.kind == "classes" and teller_of(trained.tellers, "classify", "film") is not None
    sentence = wish.answer if wish.kind in ("sentences", "classes") and not is_class else ""
    return _shown(look_at(trained, Path(wish.path), sentence=sentence, name=wish.answer if is_class else ""))


def looks_of_words(trained: Trained, film: Path, words: Sequence[Word]) -> FilmLooks | None:
    """Of a caption, word by word. Raises Refused."""
    from core.inference.film_looks import look_of_words  # torch

    return _shown(look_of_words(trained, film, words))


def _shown(look: FilmLook | None) -> FilmLooks | None:
    if look is None:
        return None
    return FilmLooks(
        frames=tuple(look.frames_THW3), starts=look.starts_T, end=look.end, by_way=look.by_rule, words=look.words, by_word=look.by_word_LThw,
    )  # fmt: skip
