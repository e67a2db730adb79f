"""Reads a book with three Delta readers and prints, for each, what it found:

    READER COUNT DIGEST

The digest covers the elements (events, changes, rejections), sorted by place, with moments as
microseconds since 1970.

Usage: readers.py BOOK
"""

import hashlib
import os
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow
from deltalake import DeltaTable

COLUMNS = (
    "kafka_topic",
    "kafka_partition",
    "kafka_offset",
    "element_index",
    "kind",
    "event_id",
    "user_id",
    "method",
    "result",
    "denial_reason",
    "reason",
    "raw",
    "duplicate",
)
ELEMENTS = ("event", "change", "rejection")


def with_deltalake(book: str) -> list[tuple]:
    rows = DeltaTable(book).to_pyarrow_table(columns=[*COLUMNS, "occurred_at"], filters=[("kind", "in", ELEMENTS)])
    moments = rows["occurred_at"].cast(pyarrow.int64()).to_pylist()
    return [(*(row[name] for name in COLUMNS), at) for row, at in zip(rows.to_pylist(), moments)]


def with_polars(book: str) -> list[tuple]:
    rows = polars.scan_delta(book).filter(polars.col("kind").is_in(ELEMENTS))
    return rows.select(*COLUMNS, polars.col("occurred_at").to_physical()).collect().rows()


def delta_extension() -> Path:
    """The file that the package duckdb-ext-delta brings."""
    package = Path(duckdb.__file__).parent.parent / "duckdb_ext"
    return next(package.rglob("delta.duckdb_extension"))


def with_duckdb(book: str) -> list[tuple]:
    connection = duckdb.connect()
    connection.load_extension(str(delta_extension()))
    kinds = ", ".join(f"'{kind}'" for kind in ELEMENTS)
    columns = ", ".join(COLUMNS)
    table = f"delta_scan('{Path(book).as_uri()}')"
    query = f"select {columns}, epoch_us(occurred_at) from {table} where kind in ({kinds})"
    return connection.execute(query).fetchall()


def main() -> None:
    for name, read in (("deltalake", with_deltalake), ("polars", with_polars), ("duckdb", with_duckdb)):
        rows = sorted(read(sys.argv[1]), key=lambda row: row[:4])
        digest = hashlib.sha256()
        for row in rows:
            digest.update(repr(row).encode())
        print(name, len(rows), digest.hexdigest())
    sys.stdout.flush()
    # Native threads of the readers now and then abort an orderly exit; everything is said by now.
    os._exit(0)


main()
