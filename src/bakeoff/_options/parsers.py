"""The parser of each option of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bakeoff._options.choices import (
    BLENDS,
    CALIBRATIONS,
    ENGINES,
    ISOLATIONS,
    KEEP_PREDICTIONS,
    TASKS,
    parse_choice,
    parse_portfolio,
    parse_word,
)
from bakeoff._options.decisions import parse_threshold
from bakeoff._options.limits import (
    parse_above_zero,
    parse_from_zero,
    parse_horizon,
    parse_race,
    parse_share,
    parse_tune,
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
    **dict.fromkeys(("source", "target", "sort", "time_col", "split_time", "split_col"), parse_text),
    **dict.fromkeys(("include", "exclude", "order_by"), parse_texts),
    **dict.fromkeys(("n_select", "batch_size"), parse_whole(1)),
    **dict.fromkeys(("catalog", "schema"), parse_name_part),
    "experiment": parse_experiment,
    "register_model": parse_model_name,
    "task": parse_choice(TASKS, "task"),
    "fold": parse_whole(2),
    "budget_minutes": parse_above_zero("leave it out to run without a limit"),
    "champion_margin": parse_from_zero("a new model never replaces a better one"),
    "min_value": parse_number,
    "min_lift": parse_from_zero("a champion is better than the dummy"),
    "engine": parse_choice(ENGINES, "engine"),
    "seed": parse_whole(0, _MAX_SEED),
    "setup": parse_setup_option,
    "run_id": parse_run_id,
    "home": parse_home,
    "max_rows": parse_whole(2),
    "source_version": parse_whole(0),
    "fh": parse_horizon,
    "trial_timeout": parse_from_zero("0 is no limit", "0 seconds"),
    "trial_memory_mb": parse_above_zero("leave it out for no limit"),
    "max_retries": parse_whole(0),
    "n_slots": parse_whole(1),
    "isolation": parse_choice(ISOLATIONS, "isolation"),
    "payload_dir": parse_path,
    "sep": parse_sep,
    "decimal": parse_decimal,
    "encoding": parse_encoding,
    "na_values": parse_gaps,
    "header": parse_header,
    "race": parse_race,
    "tune": parse_tune,
    "tune_minutes": parse_above_zero("leave it out for no limit"),
    "portfolio": parse_portfolio,
    "keep_predictions": parse_word(KEEP_PREDICTIONS, {True: "yes", False: "no"}),
    "blend": parse_word(BLENDS, {True: "on", False: "off"}),
    "holdout": parse_share,
    "threshold": parse_threshold,
    "calibrate": parse_word(CALIBRATIONS, {True: "auto", False: "off"}),
}
"""Function that reads each option's value; called with the flag, for the error's sentence, and the value."""
