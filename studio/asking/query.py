"""The query page's questions, carried to a trained plan on the engine's slow lane and back as pictures with heat."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from core.graph.file import loads
from core.knobs import knobs_of
from core.problems import Refused, refuse
from core.store.answers import RunFacts
from studio.asking.code_book import opened_book
from studio.asking.film_looking import looked_at
from studio.asking.listening import heard_of, opened_sound, sounding, told_of_sound
from studio.asking.making import Watching, generated, reconstructed
from studio.asking.opening import opened
from studio.asking.partial import Following, as_far_as_it_came
from studio.asking.playing_films import serve_reels
from studio.asking.watching_films import asked_of, opened_film, sheet_of, told_of_film
from studio.asking.writing import captioned
from studio.session import Session
from studio.telling.sentences import refusal
from widgets.look.language import said, tr
from widgets.query.classes import names_of
from widgets.query.listening import SUFFIXES
from widgets.query.page import QueryPage
from widgets.query.values import Askable, Asked, FilmLookWish, MakingWish, QueryAnswer, QueryAnswers, Ways

if TYPE_CHECKING:
    from core.compiler.plan import Plan
    from core.inference.looks import Look
    from core.inference.trained import Trained

WAYS = {
    "sentence": frozenset({"sentence"}), "picture": frozenset({"picture"}), "both": frozenset({"sentence", "picture"}),
    "sound": frozenset({"sound"}), "film": frozenset({"film"}),
}  # fmt: skip
MOST_RUNS = 500  # the newest, that are looked at for what can be asked
MOST_CLASSES = 50  # of a ranking that are shown
POOLS = ("test", "style", "validation", "train")


class Asking(QObject):
    """Keeps the last trained plan open, so the second question is quick."""

    _progressed = Signal(str, float)
    _drew = Signal(object)  # QueryAnswers, the last one unfinished

    def __init__(self, session: Session, page: QueryPage) -> None:
        super().__init__(page)
        self._session, self._page = session, page
        self._open: tuple[tuple[str, int], Trained] | None = None  # the engine's lane only
        self._looked: dict[str, tuple[RunFacts, Askable]] = {}
        self._cancelled = threading.Event()
        self._guidance: float | None = None  # as it is turned; None: as the block is set
        self._progressed.connect(page.show_progress)
        page.askRequested.connect(self.ask)
        page.classesRequested.connect(self.classify)
        self._drew.connect(page.show_drawn)
        page.generateRequested.connect(self.generate)
        page.guidanceTurned.connect(self.turn_guidance)
        page.reconstructRequested.connect(self.reconstruct)
        page.captionRequested.connect(self.caption)
        page.soundWanted.connect(self.open_sound)
        page.listenRequested.connect(self.listen)
        page.filmWanted.connect(self.open_film)
        page.watchRequested.connect(self.watch)
        serve_reels(session.engine, page.reelWanted, page.take_reel)
        page.lookWanted.connect(self.look)
        page.codeBookRequested.connect(self.open_book)
        page.cancelRequested.connect(self._cancelled.set)
        page.waysWanted.connect(self.find_ways)
        session.runsChanged.connect(self.show_runs)
        self.show_runs(session.runs)

    def show_runs(self, runs: Sequence[RunFacts]) -> None:
        """Which runs can be asked."""
        known = {facts.uid: self._looked[facts.uid] for facts in runs if facts.uid in self._looked}
        for facts in [facts for facts in runs if not facts.is_imported][:MOST_RUNS]:
            if facts.uid not in known or known[facts.uid][0] is not facts:
                known[facts.uid] = (facts, self._askable(facts))
        self._looked = known
        self._page.set_runs([known[facts.uid][1] for facts in runs if facts.uid in known])

    def _askable(self, facts: RunFacts) -> Askable:
        checkpoints = tuple(c for c in self._session.library.reader(facts.uid).checkpoints() if c.kept)
        why_not = "" if checkpoints else tr("This run has no checkpoint yet.")
        return Askable(uid=facts.uid, name=facts.name, checkpoints=checkpoints, why_not=why_not)

    def find_ways(self, uid: str) -> None:
        """Say how a run can be asked."""

        def found(value: Any, sentence: str) -> None:
            self._page.set_ways(uid, value or Ways(finds={}, why_not=dict.fromkeys(WAYS, sentence)))

        self._session.engine.ask(lambda: ways_of(self._session.library.reader(uid).document_text()), found)

    def ask(self, uid: str, step: int, sentence: str, picture: str) -> None:
        """Answer a sentence, a picture file, or both."""
        self._cancelled.clear()
        self._page.show_progress(tr("Opening the checkpoint…"))
        self._session.engine.ask(lambda: self._answer(uid, step, sentence, picture), self._show)

    def classify(self, uid: str, step: int, picture: str, names: str, prompts: str) -> None:
        """Rank classes for a picture file; without names the data's own."""
        self._cancelled.clear()
        self._page.show_progress(tr("Opening the checkpoint…"))
        self._session.engine.ask(lambda: self._classes(uid, step, Path(picture), names, prompts), self._show)

    def generate(self, uid: str, step: int, wish: MakingWish) -> None:
        """Make images, from a sentence where the run makes them of one; they are shown while they are made."""
        watching = Watching(progress=self._made, guidance=lambda: self._guidance, drawn=self._drew.emit)
        self._make(lambda: generated(self._trained(uid, step), wish, watching))

    def turn_guidance(self, guidance: float) -> None:
        """From the next step on."""
        self._guidance = guidance

    def reconstruct(self, uid: str, step: int, count: int, seed: int, picture: str) -> None:
        """Rebuild a picture file, or held-out samples."""
        self._make(lambda: reconstructed(self._trained(uid, step), count, seed, picture, self._made))

    def caption(self, uid: str, step: int, picture: str, temperature: float, seed: int) -> None:
        """Write about a picture file, word by word."""
        self._make(lambda: captioned(self._trained(uid, step), picture, temperature, seed, self._going_on, self._wrote))

    def open_sound(self, path: str) -> None:
        """Say what is in an audio file; no question waits for it."""
        self._session.engine.glance(
            lambda: opened_sound(path), lambda sound, sentence: self._page.show_sound(path, sound, sentence)
        )

    def listen(self, uid: str, step: int, kind: str, path: str, sentence: str) -> None:
        """Tell something of an audio file: what is like it, its class, what is said, what is heard when."""
        if kind == "retrieve":
            self._make(lambda: self._answer(uid, step, "", "", path))
        else:
            self._make(lambda: self._told(uid, step, kind, path, sentence))

    def open_film(self, path: str) -> None:
        """Say what is in a video; no question waits for it."""
        self._session.engine.glance(
            lambda: opened_film(path), lambda film, sentence: self._page.show_film(path, film, sentence)
        )

    def watch(self, uid: str, step: int, kind: str, path: str) -> None:
        """Tell something of a video: what is like it, its class, what is done when, a sentence."""
        if kind == "retrieve":
            self._make(lambda: self._answer(uid, step, "", "", film=path))
        else:
            self._make(lambda: self._seen(uid, step, kind, path))

    def look(self, uid: str, step: int, wish: FilmLookWish) -> None:
        """Say where in a video an answer comes from."""
        self._session.engine.ask(
            lambda: looked_at(self._trained(uid, step), wish), lambda looks, _: self._page.show_looks(wish, looks)
        )

    def open_book(self, uid: str, step: int) -> None:
        """Show what each code draws, and what it stood for."""
        self._make(lambda: opened_book(self._trained(uid, step), self._progress))

    def _make(self, question: Callable[[], QueryAnswers | None]) -> None:
        self._cancelled.clear()
        self._page.show_progress(tr("Opening the checkpoint…"))
        self._session.engine.ask(question, self._show)

    def _show(self, value: Any, sentence: str) -> None:
        if sentence or value is None:
            self._page.show_nothing(sentence or tr("Cancelled."))
        else:
            self._page.show_answers(value)

    # On the engine's lane

    def _answer(
        self, uid: str, step: int, sentence: str, picture: str, sound: str = "", film: str = ""
    ) -> QueryAnswers | None:
        from core.inference.answering import Cancelled  # torch
        from core.inference.looks import looks
        from core.inference.retrieve import retrieve

        began = time.monotonic()
        trained = self._trained(uid, step)
        brought = {"sentence": sentence, "picture": picture, "sound": sound, "film": film}
        given = frozenset(name for name, one in brought.items() if one)
        pools = pools_of(trained, given)
        question: dict[str, Any] = {"sentence": sentence or None, "picture": Path(picture) if picture else None}
        question |= {name: Path(path) for name, path in (("sound", sound), ("film", film)) if path}
        is_partial = False
        try:
            ranked = [retrieve(trained, pool, **question, progress=self._progress) for pool in pools]
        except Cancelled as cancelled:
            ranked, is_partial = [cancelled.so_far], True
        kind, most = ranked[0][0], max(len(answers) for _, answers in ranked)
        found = sorted((each for _, answers in ranked for each in answers), key=lambda each: -each.score)[:most]
        own = looks(trained, **question, split=pools[0])
        asked = Asked(
            sentence=sentence, picture=shown(Path(picture)) if picture else None, words=_words(own) if sentence else (), sound=heard_of(trained, sound) if sound else None,
        )  # fmt: skip
        if film:
            asked = asked_of(film)
        return QueryAnswers(
            asked=asked, kind=kind, answers=tuple(self._one(trained, answer, kind == "sentences") for answer in found),
            pool=tr("{n} held-out samples", n=sum(trained.splits[pool] for pool in pools)), seconds=time.monotonic() - began,
            asked_heat=picture_heat(own) if picture else sound_heat(own) if sound else None, asked_word_heat=word_heat(own) if sentence else (),
            is_partial=is_partial,
        )  # fmt: skip

    def _classes(self, uid: str, step: int, picture: Path, names: str, prompts: str) -> QueryAnswers | None:
        from core.inference.looks import looks  # torch

        began, trained = time.monotonic(), self._trained(uid, step)
        ranked, is_partial = as_far_as_it_came(
            lambda: class_answers(trained, picture, names_of(names), prompts, self._progress)
        )
        given = given_by(picture)
        heat = picture_heat(looks(trained, picture=picture)) if given == "picture" else None
        asked = Asked(picture=shown(picture)) if given == "picture" else Asked(sound=heard_of(trained, str(picture)))
        return QueryAnswers(
            asked=asked, kind="classes", asked_heat=heat,
            answers=tuple(QueryAnswer(score=score, sentence=name) for name, score in ranked[:MOST_CLASSES]),
            pool=tr("{n} classes", n=len(ranked)), seconds=time.monotonic() - began, is_partial=is_partial,
        )  # fmt: skip

    def _told(self, uid: str, step: int, kind: str, path: str, sentence: str) -> QueryAnswers | None:
        from core.inference.looks import looks  # torch

        trained, following = self._trained(uid, step), Following(progress=self._going_on, wrote=self._wrote)
        if self._cancelled.is_set():
            return None
        answers = told_of_sound(trained, kind, path, sentence, following)
        heat = sound_heat(looks(trained, sound=Path(path))) if answers.kind != "written" else None
        return replace(answers, asked_heat=heat)

    def _seen(self, uid: str, step: int, kind: str, path: str) -> QueryAnswers | None:
        trained = self._trained(uid, step)
        if self._cancelled.is_set():
            return None
        return told_of_film(trained, kind, path, Following(progress=self._going_on, wrote=self._wrote))

    def _one(self, trained: Trained, answer: Any, sentences: bool) -> QueryAnswer:
        from core.inference.looks import looks  # torch

        what = {"sentence": answer.sentence} if sentences else {"index": answer.index}
        own = looks(trained, **what, split=answer.split)
        return QueryAnswer(
            score=answer.score, sentence=answer.sentence, words=_words(own),
            picture=answer.picture if answer.film is None else sheet_of(answer.film),
            picture_heat=None if sentences else picture_heat(own), word_heat=word_heat(own),
            group=answer.group, sound=None if answer.sound is None else sounding(answer.sound),
            reel=None if answer.film is None else answer.film.reel(),
        )  # fmt: skip

    def _trained(self, uid: str, step: int) -> Trained:
        if self._open is None or self._open[0] != (uid, step):
            if self._open is not None:
                self._open[1].close()
                self._open = None
            self._open = ((uid, step), opened(self._session.library, uid, step))
        return self._open[1]

    def _going_on(self, done: int, total: int) -> bool:
        return not self._cancelled.is_set()

    def _wrote(self, sentence: str) -> None:
        self._progressed.emit(tr("Writing: {sentence}…", sentence=sentence), 0.0)

    def _made(self, done: int, total: int) -> bool:
        self._progressed.emit(tr("Made {done} of {total}", done=done, total=total), done / max(total, 1))
        return not self._cancelled.is_set()

    def _progress(self, done: int, total: int) -> bool:
        self._progressed.emit(tr("Embedding {done} of {total}", done=done, total=total), done / max(total, 1))
        return not self._cancelled.is_set()

    def afoot(self) -> str:
        """What would end with the window."""
        return tr("A trained run is being queried.") if self._page.is_busy else ""

    def close(self) -> None:
        """Let the trained plan go."""
        self._cancelled.set()
        self._page.disconnect(self)


def pools_of(trained: Trained, given: frozenset[str]) -> list[str]:
    """What is searched: held-out samples of the first task that can be asked so, and of all that are asked by the same ends."""
    from core.compiler.answers.questions import questions_of  # torch

    asked = {task.source: questions_of(trained.plan, task).get(given) for task in trained.plan.tasks}
    first = next((question for question in asked.values() if question is not None), None)
    tasks = [task for task in trained.plan.tasks if asked[task.source] == first]
    pools = ([trained.plan.named(name, task) for name in POOLS] for task in tasks)
    return [next(name for name in names if name in trained.splits) for names in pools]


def ways_of(text: str) -> Ways:
    """How a run with this document can be asked. Raises Refused where it cannot be opened here."""
    from core.compiler.answers.answerable import answerable, answerable_of_film, answerable_of_sound  # torch
    from core.compiler.answers.decoding import codecs
    from core.compiler.answers.making import guided, makings
    from core.compiler.answers.questions import questions_of, why_not
    from core.compiler.compile import compile

    plan = compile(loads(text))
    questions = questions_of(plan)
    finds = {name: questions[given].finds for name, given in WAYS.items() if given in questions}
    reasons = {
        name: refusal(Refused(why_not(questions, given))) for name, given in WAYS.items() if given not in questions
    }
    answers = {kind: said(why.what) if why is not None else "" for kind, why in answerable(plan).items()}
    heard = {kind: refusal(Refused(why)) if why is not None else "" for kind, why in answerable_of_sound(plan).items()}
    seen = {kind: refusal(Refused(why)) if why is not None else "" for kind, why in answerable_of_film(plan).items()}
    made = next((making for making in makings(plan) if making.kind == "image" and making.original is None), None)
    paints = made is not None and bool(made.made_of & {"sentence", "text"})
    steered = guided(plan, made) if made is not None else None
    return Ways(
        finds=finds, why_not=reasons, answers=answers, paints_sentences=paints, walks=steered is not None,
        of_sound=heard, of_film=seen, has_codes=any(codec.image is not None for codec in codecs(plan)),
        guidance=_guidance(plan, steered) if made is not None and steered is not None and made.made_of else None,
    )  # fmt: skip


def _guidance(plan: Plan, node: str) -> float:
    """As a block that can be guided is set."""
    default = next(knob.default for knob in plan.specs[node].knobs if knob.name == "guidance")
    return float(plan.document.nodes[node].knobs.get("guidance", default))  # type: ignore[arg-type]


def class_answers(
    trained: Trained, picture: Path, names: tuple[str, ...], prompts: str, progress: Callable[[int, int], bool]
) -> list[tuple[str, float]]:
    """Classes by how well a picture or audio file fits them; without names the data's, and without prompts the run's.

    Raises Refused; Cancelled with those so far.
    """
    from core.compiler.answers.asking import prompts_of  # torch
    from core.inference.classify import classify, own_classes
    from core.training.callbacks.zero_shot import ZeroShot

    if len(names) == 1:
        raise refuse("One class leaves nothing to choose.", hint="Name at least two.")
    known = {knob.name for knob in knobs_of(ZeroShot.Config)}
    own = trained.plan.document.recipe.callbacks.get("zero_shot", {})
    config = ZeroShot.Config(**{name: value for name, value in own.items() if name in known})  # type: ignore[arg-type]
    sentences = prompts_of(prompts.replace("；", ";") or config.prompts)
    return classify(
        trained, picture, names or own_classes(trained, config.level), sentences, given=given_by(picture), progress=progress
    )  # fmt: skip


def given_by(path: Path) -> str:
    """What a person brings with a file: a picture or a sound."""
    return "sound" if path.suffix.lower() in SUFFIXES else "picture"


def shown(path: Path) -> NDArray[np.uint8]:
    """A picture file as the window shows it, [H, W, 3]."""
    from core.data.readers.image import read_image

    return np.asarray(read_image(path).resize((160, 160)), dtype=np.uint8)


def _words(looks: Sequence[Look]) -> tuple[str, ...]:
    return next((look.words for look in looks if look.words), ())


def picture_heat(looks: Sequence[Look]) -> NDArray[np.float32] | None:
    """How much each patch was looked at by the last layer over patches, [height, width]; heads averaged."""
    for look in reversed([look for look in looks if look.keys.get("kind") == "patches"]):
        extra, height, width = (int(look.keys[name]) for name in ("extra", "height", "width"))
        row = look.weights.mean(0)[0] if extra or look.queries.get("kind") == "latents" else look.weights.mean((0, 1))
        return row[extra:].reshape(height, width)  # type: ignore[no-any-return]
    return None


def sound_heat(looks: Sequence[Look]) -> NDArray[np.float32] | None:
    """How much each band and time of a sound was looked at by the last layer over them, the highest band first; heads averaged."""
    for look in reversed([look for look in looks if look.keys.get("kind") in ("bins", "times")]):
        extra, bands, times = (
            int(look.keys.get(name, least)) for name, least in (("extra", 0), ("frequency", 1), ("time", 1))
        )
        row = look.weights.mean(0)[0] if extra or look.queries.get("kind") == "latents" else look.weights.mean((0, 1))
        if len(row) == extra + bands * times:
            return row[extra:].reshape(bands, times)[::-1].copy()  # type: ignore[no-any-return]
    return None


def word_heat(looks: Sequence[Look]) -> tuple[float, ...]:
    """How much each word piece was looked at by the last layer over words, heads and queries averaged."""
    for look in reversed([look for look in looks if look.keys.get("kind") == "words"]):
        row = look.weights.mean((0, 1))
        return tuple(float(value) for value in row[: max(len(look.words), 1)])
    return ()
