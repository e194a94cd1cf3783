"""Records since which operator set ONNX has each operator, to operators.json here.  Needs onnx 1.23.2.

python3 scripts/operators/record.py
"""

import json
import pathlib

from onnx import defs

NEWEST = 26
since = {}
for schema in defs.get_all_schemas_with_history():
    if schema.domain == "" and not schema.deprecated and schema.since_version <= NEWEST:
        since[schema.name] = min(since.get(schema.name, NEWEST), schema.since_version)
file = pathlib.Path(__file__).parent / "operators.json"
file.write_text(json.dumps(dict(sorted(since.items())), indent=2) + "\n")
