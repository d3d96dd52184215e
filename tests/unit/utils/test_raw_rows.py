"""What stands before a logged model goes with it, to places where Bakeoff is not installed."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pandas as pd

from bakeoff._utils.pickling import standing_alone
from bakeoff._utils.raw_rows.conversions import MIDDLE, NUMBER, PLAIN, SAME, SECONDS, TEXT, TIME, TRUTH, WRITTEN
from bakeoff._utils.raw_rows.rows import RawColumn, RawRows

LOAD = """
import pickle, sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        assert name.partition(".")[0] != "bakeoff", name
sys.meta_path.insert(0, Nothing())
import pandas as pd
with open(sys.argv[1], "rb") as file:
    made = pickle.load(file)
"""
TRANSFORM = (
    LOAD
    + """
rows = pd.DataFrame({"price": ["1,5 €", None], "took": ["0 days 00:01:00", None], 7: [1, "p"]})
rows["at"] = ["2024-01-01", None]
print(made.transform(rows).to_dict("list"))
"""
)


def test_it_is_loaded_where_bakeoff_is_not_installed(tmp_path: Path) -> None:
    columns = [RawColumn("price", "p", WRITTEN, ","), RawColumn("took", "took", SECONDS), RawColumn(7, "7", TEXT)]
    made = RawRows((*columns, RawColumn("at", "at", TIME, "Europe/Berlin")))
    with standing_alone([made]):
        content = cloudpickle.dumps(made)
    assert not [name for name in cloudpickle.list_registry_pickle_by_value() if name.startswith("bakeoff")]
    (tmp_path / "made.pkl").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", TRANSFORM, str(tmp_path / "made.pkl")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    moments = "[Timestamp('2024-01-01 00:00:00'), NaT]"
    assert done.stdout.strip() == f"{{'p': [1.5, nan], 'took': [60.0, nan], '7': ['1', 'p'], 'at': {moments}}}"


def test_every_conversion_is_done_where_bakeoff_is_not_installed(tmp_path: Path) -> None:
    kinds = (SAME, PLAIN, NUMBER, WRITTEN, SECONDS, TIME, TRUTH, MIDDLE, TEXT)
    made = RawRows(tuple(RawColumn(kind, kind, kind, "." if kind == WRITTEN else None, ("-999",)) for kind in kinds))
    rows = pd.DataFrame({kind: [1, -999] for kind in kinds})
    with standing_alone([made]):
        (tmp_path / "made.pkl").write_bytes(cloudpickle.dumps(made))
    rows.to_pickle(tmp_path / "rows.pkl")
    code = f"{LOAD}\nmade.transform(pd.read_pickle('rows.pkl')).to_pickle('transformed.pkl')"
    subprocess.run([sys.executable, "-c", code, "made.pkl"], check=True, cwd=tmp_path)
    transformed = pd.read_pickle(tmp_path / "transformed.pkl")
    pd.testing.assert_frame_equal(transformed, made.transform(rows))
    assert transformed[NUMBER].isna().tolist() == [False, True]


def test_it_is_cloned_as_scikit_learn_does_it() -> None:
    from sklearn.base import clone

    made = RawRows((RawColumn("a", "b"),))
    again = clone(made)
    assert again is not made
    assert again.columns == made.columns
    assert again.fit().transform(pd.DataFrame({"a": [1], "c": [2]})).to_dict("list") == {"b": [1]}
    assert pickle.loads(pickle.dumps(made)).columns == made.columns
