"""Prints an answer in Arrow, Parquet or as a workbook as JSON: its rows, and what it says that it stands on."""

import json
import sys

import openpyxl
import pyarrow.ipc
import pyarrow.parquet

path = sys.argv[1]
if path.endswith(".xlsx"):
    book = openpyxl.load_workbook(path)
    header, *cells = book["rows"].iter_rows(values_only=True)
    kinds = {cell.data_type for row in book["rows"].iter_rows() for cell in row}
    rows = [dict(zip(header, row)) for row in cells]
    facts = {name: value for name, value in book["coverage"].iter_rows(min_row=2, values_only=True)}
    print(json.dumps({"rows": rows, "kinds": sorted(kinds), "coverage": facts}, default=str))
    sys.exit()
if path.endswith(".parquet"):
    table = pyarrow.parquet.read_table(path)
    metadata = pyarrow.parquet.read_metadata(path).metadata
else:
    table = pyarrow.ipc.open_stream(path).read_all()
    metadata = table.schema.metadata
print(json.dumps({"rows": table.to_pylist(), "coverage": json.loads(metadata[b"gatebook.coverage"])}))
