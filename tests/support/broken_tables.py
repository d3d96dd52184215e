"""Ways in which a local table can be broken; each takes its folder."""

from __future__ import annotations

import json
from pathlib import Path


def lose_data(table: Path) -> None:
    for path in table.glob("*.parquet"):
        path.unlink()


def lose_first_commit(table: Path) -> None:
    (table / "_delta_log" / f"{0:020d}.json").unlink()


def break_first_commit(table: Path) -> None:
    (table / "_delta_log" / f"{0:020d}.json").write_text("{not json")
    for path in (table / "_delta_log").glob("*.crc"):
        path.unlink()


def be_foreign(table: Path) -> None:
    log = table / "_delta_log" / f"{0:020d}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    column = {"name": "other", "type": "string", "nullable": True, "metadata": {}}
    for action in actions:
        if "metaData" in action:
            action["metaData"]["schemaString"] = json.dumps({"type": "struct", "fields": [column]})
            action["metaData"]["partitionColumns"] = []
            action["metaData"]["configuration"] = {}
    log.write_text("\n".join(map(json.dumps, actions)))
    for path in (table / "_delta_log").iterdir():
        if path != log and path.is_file():
            path.unlink()
