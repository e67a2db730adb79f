"""Prints what the Python deltalake package finds in a book, one element a line:

    kafka_partition,kafka_offset,element_index,kind,event_id,duplicate

Usage: read_book.py BOOK [VERSION]
"""

import os
import sys

import pyarrow.compute as pc
import pyarrow.csv
from deltalake import DeltaTable

COLUMNS = ["kafka_partition", "kafka_offset", "element_index", "kind", "event_id", "duplicate"]
ELEMENTS = ["event", "change", "rejection"]


def main() -> None:
    version = int(sys.argv[2]) if len(sys.argv) > 2 else None
    book = DeltaTable(sys.argv[1], version=version).to_pyarrow_dataset()
    rows = book.to_table(columns=COLUMNS, filter=pc.field("kind").isin(ELEMENTS))
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    pyarrow.csv.write_csv(rows, sys.stdout.buffer, options)
    sys.stdout.flush()
    # Native threads of the readers now and then abort an orderly exit; everything is said by now.
    os._exit(0)


main()
