"""Prints an answer in Arrow or Parquet as JSON: its rows, and what it says that it stands on."""

import json
import sys

import pyarrow.ipc
import pyarrow.parquet

path = sys.argv[1]
if path.endswith(".parquet"):
    table = pyarrow.parquet.read_table(path)
    metadata = pyarrow.parquet.read_metadata(path).metadata
else:
    table = pyarrow.ipc.open_stream(path).read_all()
    metadata = table.schema.metadata
print(json.dumps({"rows": table.to_pylist(), "coverage": json.loads(metadata[b"gatebook.coverage"])}))
