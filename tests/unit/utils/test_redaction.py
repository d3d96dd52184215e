"""No secret is written down, whatever it stands in, and nothing else is taken out with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff import RunConfig
from bakeoff._utils.redaction import MARK, is_redacted, redact, redact_text, secrets_in
from bakeoff.comparison.trial import Outcome, Status
from bakeoff.job.trial_store import redact_outcome

SECRET = "s3cr3tVALUE0123456789"  # noqa: S105 - nobody's
QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
ANYWHERE = [
    f"https://me:{SECRET}@host:8443/path?x=1",
    f"jdbc:postgresql://me:{SECRET}@host/db",
    f"mysql+pymysql://me:p@ss{SECRET}@host/db",
    f"https://{SECRET}@github.com/a/b",
    f"jdbc:sqlserver://host;user=me;password={SECRET};encrypt=true",
    f"DefaultEndpointsProtocol=https;AccountName=me;AccountKey={SECRET}==;EndpointSuffix=core.windows.net",
    f"https://me.blob.core.windows.net/box/a.csv?sv=2024&sig={SECRET}&se=2026",
    f"Authorization: Bearer {SECRET}",
    f"Authorization: Basic {SECRET}==",
    f"{{'user': 'me', 'password': '{SECRET}'}}",
    f'{{"api_key": "{SECRET}"}}',
    f"PASSWORD='two words {SECRET}'",
    f"DATABRICKS_TOKEN={SECRET}",
    f"token: {SECRET}",
    f"--client-secret={SECRET}",
    f"s3://bucket/a?X-Amz-Signature={SECRET}",
]


@pytest.mark.parametrize("text", ANYWHERE)
def test_a_secret_is_taken_out_of_what_it_stands_in(text: str) -> None:
    clean = redact_text(f"It failed: {text} (see the log)")
    assert SECRET not in clean
    assert MARK in clean
    assert clean.startswith("It failed: ")
    assert clean.endswith(" (see the log)")
    assert any(SECRET in found for found in secrets_in(text))


@pytest.mark.parametrize(
    "token", ["dapi0123456789abcdef0123456789abcdef", "dapi0123456789abcdef0123-2", "AKIAIOSFODNN7EXAMPLE"]
)
def test_tokens_are_known_by_their_form(token: str) -> None:
    assert redact_text(f"with {token}, which") == f"with {MARK}, which"


@pytest.mark.parametrize(
    "text",
    [
        "main.sales.orders",
        "abfss://box@account.dfs.core.windows.net/a/b.parquet",
        "https://host:8080/a@b",
        "KeyError: 'mean radius'",
        "the monkey has a keyboard, and passwords are hidden",
        "lr: ValueError: n_components=5 must be <= 3",
        '{"normalize": true, "fold_strategy": "kfold", "keep_features": ["a"]}',
        "s3://bucket/folder/data.csv",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text
    assert not secrets_in(text)


def test_a_secret_inside_a_path_is_known_without_what_follows() -> None:
    found = secrets_in(f"/data/password={SECRET}/table.csv")
    assert redact_text(f"it said {SECRET}", known=found) == f"it said {MARK}"
    assert redact_text("table.csv", known=found) == "table.csv"


def test_what_stands_under_a_telling_name_is_taken_out_whole() -> None:
    told = {"apiKey": ["a", "b"], "deep": [{"db_password": 12345}], "monkey": "x", "token": None, "use_secret": True}
    assert redact(told) == {**told, "apiKey": MARK, "deep": [{"db_password": MARK}]}
    assert secrets_in({"apiKey": ["aaaa", "b"], "deep": [{"db_password": 12345}]}) == {"aaaa", "12345"}


@QUICK
@given(st.text(max_size=60), st.sampled_from(ANYWHERE), st.text(max_size=60))
def test_doing_it_again_changes_nothing(before: str, secret: str, after: str) -> None:
    once = redact_text(f"{before} {secret} {after}")
    assert redact_text(once) == once
    assert SECRET not in once


@QUICK
@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda some: st.lists(some) | st.dictionaries(st.text(), some))
)
def test_data_of_any_shape_is_taken_and_keeps_it(data: Any) -> None:
    once = redact(data, known=[SECRET])
    assert type(once) is type(data)
    assert redact(once, known=[SECRET]) == once


@QUICK
@given(st.text(min_size=4, max_size=30), st.text(max_size=80), st.text(max_size=80))
def test_a_known_secret_is_found_anywhere(secret: str, before: str, after: str) -> None:
    clean = redact_text(f"{before}{secret}{after}", known=[secret])
    assert secret not in clean or secret in MARK * 3


def test_what_a_model_says_when_it_fails_is_clean() -> None:
    outcome = Outcome(
        "lr",
        0,
        status=Status.FAILED,
        error_type="ValueError",
        error_message="cannot log in with hunter2",
        traceback=f"line 1\npassword={SECRET}",
        metric_errors={"auc": f"Bearer {SECRET}"},
    )
    clean = redact_outcome(outcome, known={"hunter2"})
    assert (clean.error_message, clean.traceback) == (f"cannot log in with {MARK}", f"line 1\npassword={MARK}")
    assert clean.metric_errors == {"auc": f"Bearer {MARK}"}
    good = Outcome("lr", 0, metrics={"auc": 0.9})
    assert redact_outcome(good, known={"hunter2"}) is good


def test_a_config_keeps_its_question_and_not_its_secrets() -> None:
    asked = RunConfig(
        f"https://me:{SECRET}@host/a.csv", "y", setup={"custom": {"password": SECRET}, "normalize": True}, run_id="r"
    )
    text = asked.to_json()
    assert SECRET not in text
    assert is_redacted(json.loads(text))
    assert RunConfig.from_sources(json.loads(text)).digest() == asked.digest()
    rotated = RunConfig("https://me:another@host/a.csv", "y", setup={"custom": {"password": "new"}, "normalize": True})
    assert rotated.digest() == asked.digest()
    assert RunConfig("https://me:another@host/b.csv", "y", setup=asked.setup).digest() != asked.digest()
    assert asked.source.count(SECRET) == 1
