"""The tables of a store, one declaration for new files and for queries.

Points of a series lie in sealed chunks of 1024 float64 with stored smallest and largest values, and a short tail of
segments that were not yet sealed. Both are keyed by an integer: the step, or for device readings the millisecond.
SQLite turns NaN into NULL, so NULL in a REAL column of ``series`` and ``chunk`` means NaN; blobs keep NaN as it is.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)  # fmt: skip

APPLICATION_ID = 0x584D5354  # "XMST": how a store is told from any other SQLite file
SCHEMA_VERSION = 8  # user_version; grows with each migration
REVISION = "0008"  # Alembic's name of the same


class _AnyText(TypeDecorator[str]):
    """PostgreSQL's text, ordered by bytes as SQLite's is. It takes no NUL, so that is written as two characters and read back."""

    impl = Text
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(collation="C")

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text without NUL."""
        if value is None or ("\0" not in value and "\x1a" not in value):
            return value
        return value.replace("\x1a", "\x1a1").replace("\0", "\x1a0")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """The text as it was said."""
        if value is None or "\x1a" not in value:
            return value
        return value.replace("\x1a0", "\0").replace("\x1a1", "\x1a")


Whole = BigInteger().with_variant(Integer(), "sqlite")  # of SQLite every integer has 64 bits
Words = Text().with_variant(_AnyText(), "postgresql")

metadata = MetaData()


def _run_id(**options: bool) -> Column[int]:
    return Column("run_id", Whole, ForeignKey("run.id", ondelete="CASCADE"), nullable=False, **options)  # type: ignore[arg-type]


def _series_id() -> Column[int]:
    return Column("series_id", Whole, ForeignKey("series.id", ondelete="CASCADE"), nullable=False)


run = Table(
    "run", metadata,
    Column("id", Whole, primary_key=True, autoincrement=True),
    Column("uid", Words, nullable=False, unique=True),
    Column("name", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("reason", Words, nullable=False, default=""),
    Column("created", Float, nullable=False),  # seconds since 1970
    Column("ended", Float),
    Column("step", Whole, nullable=False, default=0),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("epoch", Float, nullable=False, default=0.0),
    Column("samples", Whole, nullable=False, default=0),
    Column("steps", Whole, nullable=False, default=0),
    Column("seed", Whole, nullable=False, default=0),
    Column("place", Words, nullable=False, default="thread"),
    Column("parent", Words, nullable=False, default=""),
    Column("parent_step", Whole, nullable=False, default=0),
    Column("document_id", Words, nullable=False, default=""),
    Column("document_name", Words, nullable=False, default=""),
    Column("document_text", Words, nullable=False, default=""),
    Column("environment", Words, nullable=False, default="{}"),  # JSON
    Column("notes", Words, nullable=False, default=""),
    Column("deleted", Float),  # when it was put aside
    Column("process", Whole, nullable=False, default=0),
    Column("process_started", Float, nullable=False, default=0.0),
    Column("heartbeat", Float, nullable=False, default=0.0),
    Column("revision", Whole, nullable=False, default=0),
    Column("host", Words, nullable=False, default="", server_default=""),  # the machine of that process
    Column("claim", Words, nullable=False, default="", server_default=""),  # who trains it holds this word; empty: nobody
    Column("phase", Words, nullable=False, default="", server_default=""),  # core.telemetry.events.Phase
    Column("done", Whole, nullable=False, default=0, server_default="0"),  # of what the phase counts
    Column("of", Whole, nullable=False, default=0, server_default="0"),
    Column("position", Float),  # in the queue of runs; NULL: it does not wait
    Column("attempt", Whole, nullable=False, default=0, server_default="0"),  # how often its record was taken up
    sqlite_autoincrement=True,  # a purged run's id is never given to another
)  # fmt: skip

param = Table(
    "param", metadata,
    _run_id(primary_key=True),
    Column("name", Words, primary_key=True),
    Column("number", Float),
    Column("text", Words, nullable=False),  # JSON
    Index("param_name", "name"),
    sqlite_with_rowid=False,
)  # fmt: skip

tag = Table(
    "tag", metadata,
    _run_id(primary_key=True),
    Column("tag", Words, primary_key=True),
    sqlite_with_rowid=False,
)  # fmt: skip

series = Table(
    "series", metadata,
    Column("id", Whole, primary_key=True),
    _run_id(),
    Column("kind", Words, nullable=False),  # scalar, timeline, device; the others: core.store.snapshots.KINDS
    Column("name", Words, nullable=False),
    Column("size", Whole, nullable=False, default=0),
    Column("first", Whole, nullable=False, default=0),  # keys
    Column("final", Whole, nullable=False, default=0),
    Column("last", Float),
    Column("low", Float),
    Column("high", Float),
    Column("best", Float),
    Column("nonfinite", Whole, nullable=False, default=0),
    UniqueConstraint("run_id", "kind", "name"),
    Index("series_name_last", "name", "last"),
)  # fmt: skip

chunk = Table(
    "chunk", metadata,
    Column("id", Whole, primary_key=True),
    _series_id(),
    Column("first", Whole, nullable=False),
    Column("final", Whole, nullable=False),
    Column("size", Whole, nullable=False),
    Column("last", Float),
    Column("low", Float),
    Column("high", Float),
    Column("nonfinite", Whole, nullable=False),
    Column("stride", Whole, nullable=False),  # 0: the keys are in the blob
    Column("checksum", Whole, nullable=False),  # CRC-32 of keys and data
    Column("levels", LargeBinary, nullable=False),  # before the data, so a picture of everything reads little
    Column("keys", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("series_id", "first"),
)  # fmt: skip

tail = Table(
    "tail", metadata,
    Column("id", Whole, primary_key=True),
    _series_id(),
    Column("size", Whole, nullable=False),
    Column("keys", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("tail_series", "series_id"),
)  # fmt: skip

snapshot = Table(
    "snapshot", metadata,
    Column("id", Whole, primary_key=True),
    _series_id(),
    Column("step", Whole, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("codec", Words, nullable=False),
    Column("about", Words, nullable=False),  # JSON: shapes, edges, axes
    Column("checksum", Whole, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("series_id", "step"),
)  # fmt: skip

media = Table(
    "media", metadata,
    Column("id", Whole, primary_key=True),
    Column("snapshot_id", Whole, ForeignKey("snapshot.id", ondelete="CASCADE"), nullable=False),
    Column("name", Words, nullable=False),  # of a file in core.store.places.media_folder
    Column("bytes", Whole, nullable=False),
    UniqueConstraint("snapshot_id", "name"),
    Index("media_name", "name"),
)  # fmt: skip

exhibit = Table(
    "exhibit", metadata,
    Column("id", Whole, primary_key=True),
    _run_id(),
    Column("name", Words, nullable=False),
    Column("about", Words, nullable=False),  # JSON: shape, sentences, words, groups
    Column("checksum", Whole, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("run_id", "name"),
)  # fmt: skip

mark = Table(
    "mark", metadata,
    Column("id", Whole, primary_key=True),
    _run_id(),
    Column("step", Whole, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("kind", Words, nullable=False),
    Column("text", Words, nullable=False),
    Column("data", Words, nullable=False),  # JSON
    Index("mark_run", "run_id", "step"),
)  # fmt: skip

log = Table(
    "log", metadata,
    Column("id", Whole, primary_key=True),
    _run_id(),
    Column("step", Whole, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("level", Words, nullable=False),
    Column("text", Words, nullable=False),
    Index("log_run", "run_id", "step"),
)  # fmt: skip

checkpoint = Table(
    "checkpoint", metadata,
    Column("id", Whole, primary_key=True),
    _run_id(),
    Column("step", Whole, nullable=False),
    Column("path", Words, nullable=False),
    Column("metric", Words, nullable=False, default=""),
    Column("value", Float),
    Column("best", Whole, nullable=False, default=0),
    Column("kept", Whole, nullable=False, default=1),
    UniqueConstraint("run_id", "path"),
)  # fmt: skip

command = Table(
    "command", metadata,
    Column("id", Whole, primary_key=True),
    _run_id(),
    Column("name", Words, nullable=False),
    Column("arguments", Words, nullable=False),  # JSON
    Column("created", Float, nullable=False),
    Column("taken", Float),
    Index("command_run", "run_id", "taken"),
)  # fmt: skip

sweep = Table(
    "sweep", metadata,
    Column("id", Whole, primary_key=True, autoincrement=True),
    Column("uid", Words, nullable=False, unique=True),
    Column("name", Words, nullable=False),
    Column("created", Float, nullable=False),  # seconds since 1970
    Column("document_id", Words, nullable=False, default=""),
    Column("document_text", Words, nullable=False, default=""),  # with its plan of the sweep
    Column("state", Words, nullable=False, default="queued"),  # queued, running, paused, finished
    Column("continue_on_error", Whole, nullable=False, default=1),
    Column("place", Words, nullable=False, default="thread"),
    Column("position", Float, nullable=False, default=0.0),  # in the queue of sweeps
    Column("deleted", Float),
    Column("process", Whole, nullable=False, default=0),  # who runs its trials now
    Column("process_started", Float, nullable=False, default=0.0),
    Column("revision", Whole, nullable=False, default=0),  # grows with every change of it or of a trial
    Column("host", Words, nullable=False, default="", server_default=""),
    Column("heartbeat", Float, nullable=False, default=0.0, server_default="0"),  # by the store's clock
    sqlite_autoincrement=True,
)  # fmt: skip

trial = Table(
    "trial", metadata,
    Column("id", Whole, primary_key=True),
    Column("sweep_id", Whole, ForeignKey("sweep.id", ondelete="CASCADE"), nullable=False),
    Column("number", Whole, nullable=False),
    Column("position", Float, nullable=False),  # in the queue of the sweep
    Column("configuration", Words, nullable=False),  # JSON: what is changed, and the configuration's name
    Column("seed", Whole, nullable=False),
    Column("state", Words, nullable=False, default="queued"),  # queued, running, finished, failed, skipped
    Column("run_id", Whole, ForeignKey("run.id", ondelete="SET NULL")),
    Column("value", Float),  # the metric
    Column("figures", Words, nullable=False, default="{}"),  # JSON: what it cost
    Column("reason", Words, nullable=False, default=""),
    Column("process", Whole, nullable=False, default=0),
    Column("process_started", Float, nullable=False, default=0.0),
    Column("host", Words, nullable=False, default="", server_default=""),
    Column("heartbeat", Float, nullable=False, default=0.0, server_default="0"),
    UniqueConstraint("sweep_id", "number"),
    Index("trial_queue", "sweep_id", "state", "position"),
    Index("trial_run", "run_id"),
)  # fmt: skip

pair_mark = Table(
    "pair_mark", metadata,
    Column("id", Whole, primary_key=True),
    Column("dataset", Words, nullable=False),  # fingerprint of the source
    Column("left", Whole, nullable=False),  # the smaller number in the source
    Column("right", Whole, nullable=False),
    Column("mark", Words, nullable=False),  # false negative, duplicate, truly hard
    Column("made", Float, nullable=False),  # seconds since 1970
    Column("run", Words, nullable=False, default=""),  # uid of the run that showed it; may be gone
    Column("step", Whole, nullable=False, default=0),
    UniqueConstraint("dataset", "left", "right"),
)  # fmt: skip
