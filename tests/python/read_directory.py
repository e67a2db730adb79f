"""Prints what the Python deltalake package finds in the directory at a version, one row a line:

    kind directory person [ids] actor

Usage: read_directory.py DIRECTORY VERSION
"""

import os
import sys

from deltalake import DeltaTable


def main() -> None:
    rows = DeltaTable(sys.argv[1], version=int(sys.argv[2])).to_pyarrow_dataset().to_table().to_pylist()
    for row in sorted(rows, key=lambda row: (row["kind"], row["directory"], row["person"] or "")):
        ids = (f"{one['source']}:{one['user_key']}" if one["source"] else one["user_key"] for one in row["ids"])
        print(row["kind"], row["directory"], row["person"], f"[{' '.join(ids)}]", row["actor"])
    sys.stdout.flush()
    # Native threads of the readers now and then abort an orderly exit; everything is said by now.
    os._exit(0)


main()
