"""A person's own pictures sorted into folders, one a class; the caption is a sentence about the class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.data.catalog import sources
from core.data.class_folders import ClassFolders, Home, Layout
from core.data.paths import folder, inside
from core.data.picture_rows import PictureRow, PictureRows
from core.data.readers.image import KEEP
from core.data.readers.picture_formats import ENDINGS, UNREAD
from core.knobs import knob
from core.problems import Problem, Refused, refuse
from core.texts import printable

PLACE = "{class}"
FOLDERS = ClassFolders(ENDINGS | UNREAD)


@sources.register("sources.image_folders")
class ImageFolders(PictureRows):
    """Images in one folder per class, captioned "a picture of a ..."; train and test folders are obeyed."""

    title = "Images by class"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Where they lie and what is said about them."""

        folder: str | None = knob(None, "The folder with a folder for each class.", path="folder")
        image_size: int = knob(
            64, "Edge of the square images; where shapes are kept, the longest edge.", low=16, high=1024, unit="px"
        )
        shape: str = knob(
            "fit", "Fit adds white borders, crop cuts the longer side, stretch distorts; keep leaves each image its own shape.",
            choices=("fit", "crop", "stretch", KEEP), title="Resize mode",
        )  # fmt: skip
        caption: str = knob("a picture of {class}", "The sentence; {class} becomes the folder's name.")
        hold_out: str = knob(
            "pictures", "What the test has that training has not: other images, or whole classes.",
            choices=("pictures", "classes"),
        )  # fmt: skip

    def unready(self) -> Problem | None:
        """A folder is needed."""
        if self.config.folder:
            return None
        return Problem(what="No folder of images by class is chosen.", hint="It needs one folder for each class.")

    def missing(self) -> Problem | None:
        """The folder."""
        try:
            folder(self.config.folder or "", "folder of images by class")
        except Refused as refused:
            return refused.problems[0]
        return None

    def read_rows(self) -> Sequence[PictureRow]:
        """Every picture below the class folders, by name."""
        if PLACE not in self.config.caption:
            raise refuse(f"The caption does not say {PLACE}.", hint="Write, for instance: a picture of {class}")
        root = folder(self.config.folder or "", "folder of images by class")
        found = FOLDERS.layout(root)
        rows = [row for home in found.homes for row in self._rows_of(root, home)]
        self._say_others(root, found)
        if not found.homes:
            raise refuse(
                f"{root.name!r} has no folders with images inside.", hint="It needs one folder for each class."
            )
        return rows

    def _say_others(self, root: Path, found: Layout) -> None:
        for stranger in found.strangers:
            self.pass_over(
                f"The folder {stranger.relative_to(root).as_posix()!r} is neither a split nor a class and was left out.",
                sum(1 for _ in FOLDERS.files(stranger)),
            )
        if found.outside:
            first = found.outside[0].relative_to(root).as_posix()
            self.pass_over(
                f"Images outside the class folders were left out: {len(found.outside):,}, such as {first!r}.",
                len(found.outside),
            )

    def _rows_of(self, root: Path, home: Home) -> Iterator[PictureRow]:
        words = " ".join(printable(home.name).replace("_", " ").replace("-", " ").split())
        for file in FOLDERS.files(home.folder):
            name = file.relative_to(root).as_posix()
            if file.suffix.lower() in UNREAD:
                self.pass_over_kind(file)
                continue
            try:
                found = inside(root, name)
            except Refused as refused:
                self.leave_out(refused.problems[0].what)
                continue
            shown = printable(name)
            group = words.casefold() if self.config.hold_out == "classes" else shown
            yield PictureRow(
                file=found, name=shown, caption=self.config.caption.replace(PLACE, words), label=words, group=group,
                split=home.split, classes=(words.casefold(), printable(file.parent.relative_to(home.folder).as_posix())),
            )  # fmt: skip
