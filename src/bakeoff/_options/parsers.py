"""The parser of each option of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bakeoff._options.choices import (
    BLENDS,
    KEEP_PREDICTIONS,
    parse_engine,
    parse_isolation,
    parse_portfolio,
    parse_task,
    parse_word,
)
from bakeoff._options.limits import (
    parse_horizon,
    parse_lift,
    parse_margin,
    parse_megabytes,
    parse_minutes,
    parse_race,
    parse_share,
    parse_timeout,
)
from bakeoff._options.names import parse_experiment, parse_model_name, parse_name_part, parse_run_id
from bakeoff._options.setup_option import parse_setup_option
from bakeoff._options.text_files import parse_decimal, parse_encoding, parse_gaps, parse_header, parse_sep
from bakeoff._options.values import parse_home, parse_number, parse_path, parse_text, parse_texts, parse_whole

_MAX_SEED = 2**32 - 1
REQUIRED = {
    "source": "give a table's name, or a path to a file, a folder of files or a Delta table",
    "target": "name the column to predict",
}
"""Options without a default, with the hint that an error about a missing one ends with."""
PARSERS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("source", "target", "sort", "time_col"), parse_text),
    **dict.fromkeys(("include", "exclude", "order_by"), parse_texts),
    **dict.fromkeys(("n_select", "batch_size"), parse_whole(1)),
    **dict.fromkeys(("catalog", "schema"), parse_name_part),
    "experiment": parse_experiment,
    "register_model": parse_model_name,
    "task": parse_task,
    "fold": parse_whole(2),
    "budget_minutes": parse_minutes,
    "champion_margin": parse_margin,
    "min_value": parse_number,
    "min_lift": parse_lift,
    "engine": parse_engine,
    "seed": parse_whole(0, _MAX_SEED),
    "setup": parse_setup_option,
    "run_id": parse_run_id,
    "home": parse_home,
    "max_rows": parse_whole(2),
    "source_version": parse_whole(0),
    "fh": parse_horizon,
    "trial_timeout": parse_timeout,
    "trial_memory_mb": parse_megabytes,
    "max_retries": parse_whole(0),
    "n_slots": parse_whole(1),
    "isolation": parse_isolation,
    "payload_dir": parse_path,
    "sep": parse_sep,
    "decimal": parse_decimal,
    "encoding": parse_encoding,
    "na_values": parse_gaps,
    "header": parse_header,
    "race": parse_race,
    "portfolio": parse_portfolio,
    "keep_predictions": parse_word(KEEP_PREDICTIONS, {True: "yes", False: "no"}),
    "blend": parse_word(BLENDS, {True: "on", False: "off"}),
    "holdout": parse_share,
}
"""Function that reads each option's value; called with the flag, for the error's sentence, and the value."""
