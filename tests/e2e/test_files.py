"""Whole runs on files as people have them: what is said of the file, and the kept model at work on rows like it."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

import bakeoff
from bakeoff.config import RunConfig


def some_rows() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 90
    rows = pd.DataFrame(
        {
            "hours": rng.normal(7, 1, n).round(2),
            "stress": rng.integers(1, 10, n),
            "country": rng.choice(["NA", "BW", "ZA"], n),
            "beats": rng.integers(50, 90, n),
        }
    )
    score = rows["hours"] - rows["stress"] / 4
    rows["disorder"] = np.where(score > score.median(), "None", "Apnea")
    return rows.astype({"stress": object}).assign(
        stress=rows["stress"].where(rows.index % 9 != 0, "?"), beats=rows["beats"].where(rows.index % 8 != 0, -999)
    )


@pytest.mark.slow
def test_a_file_with_words_decimal_commas_and_marks_is_learned_from_and_scored(tmp_path: Path) -> None:
    rows = some_rows()
    source = tmp_path / "rows.csv"
    lines = [
        ";".join(rows.columns),
        *(";".join(map(str, row)).replace(".", ",") for row in rows.itertuples(index=False)),
    ]
    source.write_bytes("\n".join(["Schlaf, vorläufig", *lines]).encode("cp1252"))
    home = tmp_path / "home"
    said: list[str] = []
    config = RunConfig(
        *(str(source), "disorder"), include="lr,dt", fold=3, engine="native", home=home, na_values="-999", run_id="one"
    )
    result = bakeoff.run(config, say=said.append)
    assert {outcome.status.value for outcome in result.facts.board.outcomes} == {"ok"}
    told = [finding["sentence"] for finding in result.facts.look.findings]
    assert "Read rows.csv as ';'-separated, decimal comma, cp1252, with names in line 2." in told
    assert any(sentence.startswith("Took 'NA' (") and "'None'" in sentence for sentence in told)
    assert any(sentence.startswith("Took '?' (10 cells of stress) for gaps") for sentence in told)
    assert "Took '-999' (12 cells of beats) for gaps (--na-values)." in told

    raw = rows.drop(columns="disorder")
    loaded = mlflow.pyfunc.load_model(str(next(home.rglob("MLmodel")).parent))
    as_text = raw.astype({"stress": str})
    expected = loaded.predict(as_text)
    assert set(expected) == {"None", "Apnea"}
    for numbers in (as_text.replace({"stress": {"?": None}}), as_text.replace({"beats": {-999: np.nan}})):
        assert list(loaded.predict(numbers)) == list(expected)

    scored = tmp_path / "scored.csv"
    bakeoff.score(model="one", source=str(source), to=str(scored), home=home, say=said.append)
    predictions = pd.read_csv(scored, keep_default_na=False)["prediction"]
    assert list(predictions) == list(expected)
