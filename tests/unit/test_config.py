from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bakeoff._options.setup_option import parse_setup
from bakeoff.config import DEFAULT_SEED, RunConfig, new_run_id
from bakeoff.errors import UserError


def config(**options: Any) -> RunConfig:
    return RunConfig(**{"source": "data.csv", "target": "y", **options})


def complaint(**options: Any) -> str:
    with pytest.raises(UserError) as caught:
        config(**options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_the_least_that_must_be_said() -> None:
    least = RunConfig("data.csv", "y")
    assert (least.task, least.include, least.setup, least.home) == (None, (), {}, Path(".bakeoff"))
    assert least.seed == DEFAULT_SEED
    assert least.run_id


def test_empty_values_count_as_not_given() -> None:
    empty = config(
        **dict.fromkeys(("task", "sort", "fold", "n_select", "seed", "setup", "run_id", "catalog", "home", "fh"), " "),
        include=["", " "],
        exclude="lr",
        order_by=[],
    )
    given = config(exclude=("lr",), run_id=empty.run_id)
    assert empty == given
    assert empty.run_id


def test_numbers_may_come_as_text() -> None:
    read = config(fold="5", n_select=" 2", batch_size="3", budget_minutes="0.5", seed="7", max_rows="1000.0")
    assert (read.fold, read.n_select, read.batch_size, read.budget_minutes) == (5, 2, 3, 0.5)
    assert (read.seed, read.max_rows) == (7, 1000)
    assert isinstance(read.max_rows, int)


@pytest.mark.parametrize("given", ["lr, rf,et", ["lr,rf", "et"], ("lr", "rf", "et", "lr"), ["lr", "", "rf,,et"]])
def test_lists_may_be_repeated_or_separated_by_commas(given: Any) -> None:
    assert config(include=given).include == ("lr", "rf", "et")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("12", 12),
        (3, 3),
        ("1,3,2", (1, 2, 3)),
        ([2, 3], (2, 3)),
        ((1,), (1,)),
        ("", None),
        ("4-6", (4, 5, 6)),
        ("[4, 5, 6]", (4, 5, 6)),
        ("1, 4-6", (1, 4, 5, 6)),
        ("6-6", (6,)),
    ],
)
def test_the_horizon_is_a_number_of_steps_or_the_steps(given: Any, read: Any) -> None:
    assert config(task="time_series", time_col="month", fh=given).fh == read


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include": ["lr"], "exclude": ["rf"]}, "--include and --exclude cannot be used together"),
        ({"task": "clustering"}, "choose from classification, regression, time_series"),
        ({"task": "time_series"}, "needs --time-col"),
        ({"time_col": "month"}, "--time-col is for time series"),
        ({"task": "regression", "fh": 3}, "--fh is for time series"),
        ({"task": "time_series", "time_col": "y"}, "--time-col and --target are both 'y'"),
        ({"task": "time_series", "time_col": "t", "fh": "0"}, "--fh must be a whole number, at least 1"),
        ({"task": "time_series", "time_col": "t", "fh": "soon"}, "--fh must be a number"),
        ({"task": "time_series", "time_col": "t", "fh": "6-4"}, "--fh must go from a nearer step to a farther one"),
        ({"task": "time_series", "time_col": "t", "fh": "0-4"}, "--fh must be a whole number, at least 1"),
        ({"register_model": "team/churn"}, "--register-model 'team/churn' cannot name a registered model"),
        ({"register_model": "team/churn"}, "use 'team-churn', or in Unity Catalog catalog.schema.team-churn"),
        ({"register_model": "models:/churn"}, "no '/' and no ':'"),
        ({"register_model": "x" * 251}, "use up to 250 characters"),
        ({"register_model": ".."}, "cannot name a registered model"),
        ({"register_model": "two\nlines"}, "cannot name a registered model"),
        ({"experiment": "x" * 251}, "--experiment 'xxx"),
        ({"home": "what?"}, "--home what? has a question mark"),
        ({"fold": 1}, "--fold must be a whole number, at least 2, not 1"),
        ({"fold": "2.5"}, "--fold must be a whole number"),
        ({"fold": "many"}, "--fold must be a number, not 'many'"),
        ({"fold": True}, "--fold must be a number, not True"),
        ({"n_select": 0}, "--n-select must be a whole number, at least 1"),
        ({"batch_size": -1}, "--batch-size must be a whole number"),
        ({"budget_minutes": 0}, "--budget-minutes must be more than 0"),
        ({"budget_minutes": "nan"}, "--budget-minutes must be a number"),
        ({"seed": -1}, "--seed must be a whole number, from 0 to 4294967295"),
        ({"max_rows": "1"}, "--max-rows must be a whole number, at least 2"),
        ({"source_version": "-3"}, "--source-version must be a whole number, at least 0"),
        ({"run_id": "../up"}, "--run-id '../up' cannot name a run"),
        ({"catalog": "main"}, "--catalog main needs --schema"),
        ({"schema": "a.b"}, "--schema 'a.b' must be one name"),
        ({"sort": False}, "--sort must be text, not False: put it in quotes"),
        ({"source": " "}, "--source is missing: give a table's name"),
        ({"target": None}, "--target is missing: name the column"),
        ({"setup": ["normalize"]}, "--setup must name arguments of setup()"),
        ({"setup": "{normalize"}, "--setup cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(options: dict[str, Any], expected: str) -> None:
    assert expected in complaint(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"source": "{{job.parameters.source}}"},
        {"fold": "${var.fold}"},
        {"include": ["lr", "{{include}}"]},
        {"setup": {"numeric_features": ["{{a}}"]}},
        {"setup": '{"normalize_method": "${var.method}"}'},
        {"home": "/Volumes/{{catalog}}/x"},
        {"run_id": "{{job.run_id}}"},
    ],
)
def test_a_placeholder_that_nobody_filled_in_names_its_option(options: dict[str, Any]) -> None:
    sentence = complaint(**options)
    assert sentence.startswith(f"--{next(iter(options)).replace('_', '-')} still holds ")
    assert "nobody filled in" in sentence


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("session_id", "--seed"),
        ("data", "--source"),
        ("target", "--target"),
        ("fold", "--fold"),
        ("fh", "--fh"),
        ("experiment_name", "--experiment"),
        ("log_experiment", "--experiment"),
        ("html", "nothing"),
        ("verbose", "nothing"),
    ],
)
def test_setup_may_not_set_what_bakeoff_sets(name: str, instead: str) -> None:
    assert f"cannot set '{name}', which Bakeoff sets itself: use {instead}" in complaint(setup={name: 1})


def test_setup_is_kept_as_given() -> None:
    given = {"normalize": True, "numeric_features": ["a"]}
    assert config(setup=given).setup == given
    assert config(setup=json.dumps(given)).setup == given


class TestFile:
    @staticmethod
    def write(folder: Path, text: str) -> Path:
        path = folder / "run.yml"
        path.write_text(text)
        return path

    def test_flags_win(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, "source: a.csv\ntarget: y\nfold: 3\nn-select: 2\ninclude: [lr, rf]\n")
        read = RunConfig.from_sources({"fold": 5, "target": "", "include": (), "sort": None}, path)
        assert (read.source, read.target, read.fold, read.n_select) == ("a.csv", "y", 5, 2)
        assert read.include == ("lr", "rf")

    def test_setup_may_be_a_mapping_or_name_a_file_beside_it(self, tmp_path: Path) -> None:
        (tmp_path / "setup.json").write_text('{"normalize": true}')
        head = "source: a.csv\ntarget: y\n"
        assert RunConfig.from_sources({}, self.write(tmp_path, f"{head}setup: '@setup.json'")).setup == {
            "normalize": True
        }
        assert RunConfig.from_sources({}, self.write(tmp_path, f"{head}setup:\n  pca: true")).setup == {"pca": True}

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("sauce: a.csv\n", "There is no option 'sauce' in .*run.yml: did you mean 'source'?"),
            ("zzz: 1\n", "the options are source, target, task"),
            ("source: [a\n", "is not YAML"),
            ("just a sentence\n", "must hold options and their values"),
            ("", "--source is missing"),
            ("source: a.csv\n", "--target is missing"),
        ],
    )
    def test_what_is_wrong_with_it(self, text: str, expected: str, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=expected.replace("?", r"\?")) as caught:
            RunConfig.from_sources({}, self.write(tmp_path, text))
        assert "\n" not in str(caught.value)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"--config .*gone.yml cannot be read \(No such file"):
            RunConfig.from_sources({}, tmp_path / "gone.yml")


class TestParseSetup:
    def test_json_and_files(self, tmp_path: Path) -> None:
        (tmp_path / "s.json").write_text('{"fold_shuffle": true}')
        (tmp_path / "s.yaml").write_text("fold_shuffle: true\n")
        assert (
            parse_setup(f"@{tmp_path / 's.json'}") == parse_setup(f"@{tmp_path / 's.yaml'}") == {"fold_shuffle": True}
        )
        assert parse_setup("@s.json", folder=tmp_path) == {"fold_shuffle": True}
        assert parse_setup("  ") == {}

    @pytest.mark.parametrize("text", ["{normalize: true}", "[1]", '"pca"', "@gone.json", "3", "@"])
    def test_unreadable(self, text: str) -> None:
        with pytest.raises(UserError, match="--setup") as caught:
            parse_setup(text)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("eaten", "meant"),
        [
            ("{normalize:true,fold_strategy:timeseries}", '{"normalize": true, "fold_strategy": "timeseries"}'),
            ("{ignore_features: [id, row nr]}", '{"ignore_features": ["id", "row nr"]}'),
            ("{n: 3, x: {a: b}}", '{"n": 3, "x": {"a": "b"}}'),
        ],
    )
    def test_json_that_lost_its_quotes_is_shown_with_them(self, eaten: str, meant: str) -> None:
        told = complaint(setup=eaten)
        for part in (f"here '{meant}'", """as '{"normalize": true}'""", "@file.json"):
            assert part in told
        assert json.loads(meant) == parse_setup(meant)

    @pytest.mark.parametrize("text", ['["normalize"]', "normalize=true", "{'normalize': True}", '"pca"', "3"])
    def test_whatever_is_no_object_is_told_how_to_write_one(self, text: str) -> None:
        told = complaint(setup=text)
        assert """as '{"normalize": true}', or put it into a file and give @file.json""" in told


def test_json_is_canonical_and_holds_everything() -> None:
    one = config(setup={"b": 1, "a": np.float64(2)}, include=["lr"], run_id="x")
    other = config(setup={"a": 2.0, "b": 1}, include="lr", run_id="x")
    assert one.to_json() == other.to_json()
    told = json.loads(one.to_json())
    assert told["home"] == ".bakeoff"
    assert told["include"] == ["lr"]
    assert told["setup"] == {"a": 2.0, "b": 1}
    assert RunConfig(**told) == other


def test_the_digest_is_of_the_question() -> None:
    same = [config(), config(run_id="x", home="elsewhere", budget_minutes=3, experiment="e", batch_size=4)]
    assert len({asked.digest() for asked in same}) == 1
    other = [config(seed=1), config(setup={"pca": True}), config(fold=3), config(source_version=2)]
    assert len({asked.digest() for asked in [same[0], *other]}) == 5


def test_run_ids_sort_by_time_and_are_unique() -> None:
    first = new_run_id()
    time.sleep(1.1)
    later = [new_run_id() for _ in range(100)]
    assert all(first < other for other in later)
    assert len(set(later)) == 100
    assert config(run_id=first).run_id == first


def test_a_run_is_known_to_be_new_only_where_nobody_named_it() -> None:
    made_up = config()
    assert not made_up.is_named
    assert len(made_up.run_id) == len(new_run_id())
    assert all(asked.is_named for asked in (config(run_id="x"), RunConfig(**json.loads(made_up.to_json()))))
    made_up.use_name()
    assert made_up.is_named


def test_a_floor_for_champions_is_read_and_checked() -> None:
    assert (config().min_value, config().min_lift) == (None, None)
    assert (config(min_value="-0.5").min_value, config(min_lift="0").min_lift) == (-0.5, 0.0)
    assert (config(min_value=" ").min_value, config(min_lift="").min_lift) == (None, None)
    assert complaint(min_value="high").startswith("--min-value must be a number")
    assert complaint(min_lift=-0.1).startswith("--min-lift must be at least 0")


@pytest.mark.parametrize("models", [{"include": "lr,rf"}, {"exclude": "dummy"}])
def test_a_floor_above_the_dummy_needs_the_dummy(models: dict[str, str]) -> None:
    said = "--min-lift compares with the model 'dummy', which is not to be compared: include it."
    assert complaint(min_lift=0.1, **models) == said
    assert config(min_lift=0.1, include="lr,dummy").min_lift == 0.1
    assert "use --min-value" in complaint(min_lift=0.1, task="time_series", time_col="month")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("yes", 3), ("True", 3), (True, 3), ("1", 1), ("4", 4), (4, 4), ("", 0), (None, 0), ("no", 0), (False, 0), (0, 0)],
)
def test_a_race_is_switched_on_or_told_how_many_run_on_all_folds(given: Any, kept: int) -> None:
    assert config(race=given).race == kept


def test_a_race_needs_folds_to_save() -> None:
    said = "--race must be yes, no, or the number of families that run on all folds in any case, not 'soon'."
    assert complaint(race="soon") == said
    assert "not -1" in complaint(race=-1)
    assert complaint(race="yes", fold=2) == (
        "--race compares models after 2 folds, and --fold is 2: use more folds, or no --race."
    )
    assert config(race="yes", fold=3).race == 3


def test_a_portfolio_is_small_or_large_or_none() -> None:
    assert [config(portfolio=given).portfolio for given in ("small", "Small", "large", "no", "", None)] == [
        "small", "small", "large", None, None, None,
    ]  # fmt: skip
    assert "portfolio" in complaint(portfolio="huge")
    assert config(portfolio="small").digest() != config().digest() == config(portfolio="no").digest()


def test_a_race_is_another_question_than_the_grid_and_the_grid_is_what_it_was() -> None:
    assert config(race="no").digest() == config().digest()
    assert len({asked.digest() for asked in (config(), config(race="yes"), config(race=4))}) == 3


@pytest.mark.parametrize(("given", "kept"), [("2", 2), (1, 1), ("", 0), (None, 0), ("no", 0), (False, 0), ("0", 0)])
def test_so_many_families_are_tuned_as_are_asked_for(given: Any, kept: int) -> None:
    assert config(tune=given).tune == kept


def test_tuning_is_a_question_of_its_own_and_its_time_is_not() -> None:
    assert config(tune="no").digest() == config().digest() != config(tune=2).digest()
    assert config(tune=2, tune_minutes="10").digest() == config(tune=2).digest()
    assert config(tune=2, tune_minutes="10").tune_minutes == 10.0


def test_tuning_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complaint(tune="some") == "--tune must be no, or the number of families that are tuned, not 'some'."
    assert complaint(tune_minutes=5) == "--tune-minutes is for tuning: add --tune 2 to tune the best two families."
    assert "--tune-minutes must be more than 0" in complaint(tune=1, tune_minutes=0)
    monkeypatch.setattr("bakeoff._options.limits.find_spec", lambda _: None)
    assert complaint(tune=1) == "--tune needs Optuna, which is not installed: pip install 'bakeoff[tune]'."
    assert config(tune="no").tune == 0


class TestReadingOptions:
    @pytest.mark.parametrize(
        ("given", "read"),
        [
            ({"sep": "tab"}, "\t"),
            ({"sep": "\t"}, "\t"),
            ({"sep": " ; "}, ";"),
            ({"sep": "||"}, "||"),
            ({"decimal": "comma"}, ","),
            ({"encoding": "CP1252"}, "CP1252"),
            ({"header": True}, "yes"),
            ({"header": "No"}, "no"),
            ({"header": 3}, "3"),
            ({"na_values": "?, -999,"}, ("?", "-999")),
            ({"na_values": ["k.A.", -99.5, 7]}, ("k.A.", "-99.5", "7")),
            ({"na_values": ""}, ()),
        ],
    )
    def test_are_read(self, given: dict[str, Any], read: Any) -> None:
        (name,) = given
        assert getattr(config(**given), name) == read

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (
                {"sep": "x"},
                "--sep must be what stands between two columns, such as ';' or one of the words comma, semicolon",
            ),
            ({"sep": '"'}, "--sep must be what stands between two columns"),
            ({"decimal": "'"}, "--decimal must be ',' or '.'"),
            ({"encoding": "latin-99"}, "--encoding latin-99 is no encoding of text"),
            ({"header": "0"}, "--header must be yes, no, or the number of the line"),
            ({"header": "maybe"}, "--header must be yes, no"),
            ({"sep": ",", "decimal": ","}, "--sep and --decimal are both ','"),
        ],
    )
    def test_what_is_wrong_is_said_in_one_sentence(self, given: dict[str, Any], expected: str) -> None:
        assert expected in complaint(**given)

    def test_are_part_of_the_question_only_where_they_are_given(self) -> None:
        assert config().digest() == "a5805a4487b09203"  # of runs that are older than these options
        others = [
            config(sep=";"),
            config(decimal=","),
            config(encoding="cp1252"),
            config(na_values="?"),
            config(header="no"),
        ]
        assert len({asked.digest() for asked in [config(), *others]}) == 6

    def test_survive_the_way_through_a_table(self) -> None:
        asked = config(sep="\t", decimal=",", na_values="?,-1", header="2")
        assert RunConfig.from_sources(json.loads(asked.to_json())) == asked


@pytest.mark.parametrize(
    ("option", "given", "read"),
    [
        ("blend", True, "on"),  # what YAML makes of on
        ("blend", False, "off"),
        ("blend", "ON", "on"),
        ("keep_predictions", True, "yes"),
        ("keep_predictions", False, "no"),
        ("holdout", "0.2", 0.2),
    ],
)
def test_words_and_shares_are_read_as_yaml_and_people_write_them(option: str, given: Any, read: Any) -> None:
    assert getattr(RunConfig("a.csv", "y", **{option: given}), option) == read


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"blend": "maybe"}, "--blend must be off, offer or on, not 'maybe'"),
        ({"keep_predictions": "some"}, "--keep-predictions must be auto, yes, no or table, not 'some'"),
        (
            {"keep_predictions": "table", "task": "time_series", "time_col": "month"},
            "--keep-predictions table is for tables, not for time series",
        ),
        ({"holdout": 1}, "--holdout must be a share of the rows between 0 and 1, as in 0.2, not 1"),
        ({"holdout": "many"}, "--holdout"),
        ({"blend": "on", "keep_predictions": "no"}, "leave out --keep-predictions no"),
        ({"holdout": 0.2, "setup": {"train_size": 0.8}}, "leave one of them out"),
        (
            {"task": "time_series", "time_col": "t", "blend": "on", "keep_predictions": "no"},
            "leave out --keep-predictions no",
        ),
        ({"task": "time_series", "time_col": "t", "holdout": 0.2}, "--holdout is for tables"),
    ],
)
def test_a_blend_or_a_hold_out_that_cannot_be_is_refused(options: dict[str, Any], why: str) -> None:
    assert why in complaint(**options)


def test_a_hold_out_is_another_question_and_a_blend_is_not() -> None:
    plain = RunConfig("a.csv", "y").digest()
    assert RunConfig("a.csv", "y", holdout=0.2).digest() != plain
    assert RunConfig("a.csv", "y", blend="on", keep_predictions="yes").digest() == plain
