"""The tables of a store, one declaration for new files and for queries.

Points of a series lie in sealed chunks of 1024 float64 with stored smallest and largest values, and a short tail of
segments that were not yet sealed. Both are keyed by an integer: the step, or for device readings the millisecond.
SQLite turns NaN into NULL, so NULL in a REAL column of ``series`` and ``chunk`` means NaN; blobs keep NaN as it is.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)  # fmt: skip

APPLICATION_ID = 0x584D5354  # "XMST": how a store is told from any other SQLite file
SCHEMA_VERSION = 7  # user_version; grows with each migration
REVISION = "0007"  # Alembic's name of the same

metadata = MetaData()


def _run_id(**options: bool) -> Column[int]:
    return Column("run_id", Integer, ForeignKey("run.id", ondelete="CASCADE"), nullable=False, **options)  # type: ignore[arg-type]


def _series_id() -> Column[int]:
    return Column("series_id", Integer, ForeignKey("series.id", ondelete="CASCADE"), nullable=False)


run = Table(
    "run", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("created", Float, nullable=False),  # seconds since 1970
    Column("ended", Float),
    Column("step", Integer, nullable=False, default=0),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("epoch", Float, nullable=False, default=0.0),
    Column("samples", Integer, nullable=False, default=0),
    Column("steps", Integer, nullable=False, default=0),
    Column("seed", Integer, nullable=False, default=0),
    Column("place", Text, nullable=False, default="thread"),
    Column("parent", Text, nullable=False, default=""),
    Column("parent_step", Integer, nullable=False, default=0),
    Column("document_id", Text, nullable=False, default=""),
    Column("document_name", Text, nullable=False, default=""),
    Column("document_text", Text, nullable=False, default=""),
    Column("environment", Text, nullable=False, default="{}"),  # JSON
    Column("notes", Text, nullable=False, default=""),
    Column("deleted", Float),  # when it was put aside
    Column("process", Integer, nullable=False, default=0),
    Column("process_started", Float, nullable=False, default=0.0),
    Column("heartbeat", Float, nullable=False, default=0.0),
    Column("revision", Integer, nullable=False, default=0),
    Column("host", Text, nullable=False, default="", server_default=""),  # the machine of that process
    Column("claim", Text, nullable=False, default="", server_default=""),  # who trains it holds this word; empty: nobody
    Column("phase", Text, nullable=False, default="", server_default=""),  # core.telemetry.events.Phase
    Column("done", Integer, nullable=False, default=0, server_default="0"),  # of what the phase counts
    Column("of", Integer, nullable=False, default=0, server_default="0"),
    Column("position", Float),  # in the queue of runs; NULL: it does not wait
    sqlite_autoincrement=True,  # a purged run's id is never given to another
)  # fmt: skip

param = Table(
    "param", metadata,
    _run_id(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("number", Float),
    Column("text", Text, nullable=False),  # JSON
    Index("param_name", "name"),
    sqlite_with_rowid=False,
)  # fmt: skip

tag = Table(
    "tag", metadata,
    _run_id(primary_key=True),
    Column("tag", Text, primary_key=True),
    sqlite_with_rowid=False,
)  # fmt: skip

series = Table(
    "series", metadata,
    Column("id", Integer, primary_key=True),
    _run_id(),
    Column("kind", Text, nullable=False),  # scalar, timeline, device; the others: core.store.snapshots.KINDS
    Column("name", Text, nullable=False),
    Column("size", Integer, nullable=False, default=0),
    Column("first", Integer, nullable=False, default=0),  # keys
    Column("final", Integer, nullable=False, default=0),
    Column("last", Float),
    Column("low", Float),
    Column("high", Float),
    Column("best", Float),
    Column("nonfinite", Integer, nullable=False, default=0),
    UniqueConstraint("run_id", "kind", "name"),
    Index("series_name_last", "name", "last"),
)  # fmt: skip

chunk = Table(
    "chunk", metadata,
    Column("id", Integer, primary_key=True),
    _series_id(),
    Column("first", Integer, nullable=False),
    Column("final", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("last", Float),
    Column("low", Float),
    Column("high", Float),
    Column("nonfinite", Integer, nullable=False),
    Column("stride", Integer, nullable=False),  # 0: the keys are in the blob
    Column("checksum", Integer, nullable=False),  # CRC-32 of keys and data
    Column("levels", LargeBinary, nullable=False),  # before the data, so a picture of everything reads little
    Column("keys", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("series_id", "first"),
)  # fmt: skip

tail = Table(
    "tail", metadata,
    Column("id", Integer, primary_key=True),
    _series_id(),
    Column("size", Integer, nullable=False),
    Column("keys", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("tail_series", "series_id"),
)  # fmt: skip

snapshot = Table(
    "snapshot", metadata,
    Column("id", Integer, primary_key=True),
    _series_id(),
    Column("step", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("codec", Text, nullable=False),
    Column("about", Text, nullable=False),  # JSON: shapes, edges, axes
    Column("checksum", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("series_id", "step"),
)  # fmt: skip

media = Table(
    "media", metadata,
    Column("id", Integer, primary_key=True),
    Column("snapshot_id", Integer, ForeignKey("snapshot.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),  # of a file in core.store.places.media_folder
    Column("bytes", Integer, nullable=False),
    UniqueConstraint("snapshot_id", "name"),
    Index("media_name", "name"),
)  # fmt: skip

exhibit = Table(
    "exhibit", metadata,
    Column("id", Integer, primary_key=True),
    _run_id(),
    Column("name", Text, nullable=False),
    Column("about", Text, nullable=False),  # JSON: shape, sentences, words, groups
    Column("checksum", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("run_id", "name"),
)  # fmt: skip

mark = Table(
    "mark", metadata,
    Column("id", Integer, primary_key=True),
    _run_id(),
    Column("step", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    Index("mark_run", "run_id", "step"),
)  # fmt: skip

log = Table(
    "log", metadata,
    Column("id", Integer, primary_key=True),
    _run_id(),
    Column("step", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("level", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("log_run", "run_id", "step"),
)  # fmt: skip

checkpoint = Table(
    "checkpoint", metadata,
    Column("id", Integer, primary_key=True),
    _run_id(),
    Column("step", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("metric", Text, nullable=False, default=""),
    Column("value", Float),
    Column("best", Integer, nullable=False, default=0),
    Column("kept", Integer, nullable=False, default=1),
    UniqueConstraint("run_id", "path"),
)  # fmt: skip

command = Table(
    "command", metadata,
    Column("id", Integer, primary_key=True),
    _run_id(),
    Column("name", Text, nullable=False),
    Column("arguments", Text, nullable=False),  # JSON
    Column("created", Float, nullable=False),
    Column("taken", Float),
    Index("command_run", "run_id", "taken"),
)  # fmt: skip

sweep = Table(
    "sweep", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("created", Float, nullable=False),  # seconds since 1970
    Column("document_id", Text, nullable=False, default=""),
    Column("document_text", Text, nullable=False, default=""),  # with its plan of the sweep
    Column("state", Text, nullable=False, default="queued"),  # queued, running, paused, finished
    Column("continue_on_error", Integer, nullable=False, default=1),
    Column("place", Text, nullable=False, default="thread"),
    Column("position", Float, nullable=False, default=0.0),  # in the queue of sweeps
    Column("deleted", Float),
    Column("process", Integer, nullable=False, default=0),  # who runs its trials now
    Column("process_started", Float, nullable=False, default=0.0),
    Column("revision", Integer, nullable=False, default=0),  # grows with every change of it or of a trial
    sqlite_autoincrement=True,
)  # fmt: skip

trial = Table(
    "trial", metadata,
    Column("id", Integer, primary_key=True),
    Column("sweep_id", Integer, ForeignKey("sweep.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("position", Float, nullable=False),  # in the queue of the sweep
    Column("configuration", Text, nullable=False),  # JSON: what is changed, and the configuration's name
    Column("seed", Integer, nullable=False),
    Column("state", Text, nullable=False, default="queued"),  # queued, running, finished, failed, skipped
    Column("run_id", Integer, ForeignKey("run.id", ondelete="SET NULL")),
    Column("value", Float),  # the metric
    Column("figures", Text, nullable=False, default="{}"),  # JSON: what it cost
    Column("reason", Text, nullable=False, default=""),
    Column("process", Integer, nullable=False, default=0),
    Column("process_started", Float, nullable=False, default=0.0),
    UniqueConstraint("sweep_id", "number"),
    Index("trial_queue", "sweep_id", "state", "position"),
    Index("trial_run", "run_id"),
)  # fmt: skip

pair_mark = Table(
    "pair_mark", metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset", Text, nullable=False),  # fingerprint of the source
    Column("left", Integer, nullable=False),  # the smaller number in the source
    Column("right", Integer, nullable=False),
    Column("mark", Text, nullable=False),  # false negative, duplicate, truly hard
    Column("made", Float, nullable=False),  # seconds since 1970
    Column("run", Text, nullable=False, default=""),  # uid of the run that showed it; may be gone
    Column("step", Integer, nullable=False, default=0),
    UniqueConstraint("dataset", "left", "right"),
)  # fmt: skip
