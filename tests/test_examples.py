"""The examples run as a newcomer runs them, in a process of their own."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(script: str, *arguments: str, flags: str = "") -> str:
    environ = dict(os.environ, THEANORC="", THEANO_FLAGS=flags, PYTHONPATH=str(ROOT), PYTHONIOENCODING="utf-8")
    command = [sys.executable, str(ROOT / "examples" / script), *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


def train_digits(*arguments: str, flags: str = "") -> str:
    return run("train_digits.py", *arguments, flags=flags)


@pytest.mark.parametrize("flags", ["", "floatX=float32"])
def test_train_digits(tmp_path: Path, flags: str) -> None:
    for package in ("matplotlib", "rich", "sklearn"):
        pytest.importorskip(package)
    picture = tmp_path / "digits.png"
    output = train_digits("--epochs", "20", "--output", str(picture), flags=flags)
    softmax, hidden = re.findall(r"│ +([\d.]+)% +│", output)
    assert float(softmax) < 6
    assert float(hidden) < 5
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_train_digits_on_mnist_format(tmp_path: Path) -> None:
    for package in ("matplotlib", "rich", "sklearn"):
        pytest.importorskip(package)
    import gzip
    import pickle

    import numpy as np

    rng = np.random.default_rng(0)
    prototypes = rng.random((10, 784), dtype="float32")

    def examples(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(0, 10, n)
        return (prototypes[labels] + 0.1 * rng.standard_normal((n, 784))).astype("float32"), labels

    with gzip.open(tmp_path / "mnist.pkl.gz", "wb") as file:
        pickle.dump((examples(320), examples(32), examples(64)), file)
    output = train_digits(
        str(tmp_path / "mnist.pkl.gz"), "--epochs", "5", "--rate", "0.002", "--output", str(tmp_path / "digits.png")
    )
    assert "320 digits to learn from, 64 to be tested on" in output
    assert re.findall(r"│ +([\d.]+)% +│", output) == ["0.00", "0.00"]


def test_char_lstm(tmp_path: Path) -> None:
    pytest.importorskip("rich")
    text = tmp_path / "text.txt"
    text.write_text("abcdefgh, " * 500, encoding="utf-8")
    output = run(
        "char_lstm.py", "--text", str(text), "--steps", "100", "--hidden", "16", "--batch-size", "4", "--rate", "0.02"
    )
    assert "5,000 characters, 10 different ones: by chance, 3.32 bits" in output
    bits = [float(found) for found in re.findall(r"steps: ([\d.]+) bits", output)]
    assert len(bits) == 10
    assert bits[-1] < 0.2 < 2 < bits[0]
    assert "abcdefgh, abcdefgh, abcdefgh, " in output[output.index("after 100 steps") :]


def test_char_lstm_reads_the_documentation_of_python() -> None:
    pytest.importorskip("rich")
    output = run("char_lstm.py", "--steps", "1", "--hidden", "8", "--characters", "20")
    characters, bits = re.findall(r"([\d,]+) characters, .* by chance, ([\d.]+) bits", output)[0]
    assert int(characters.replace(",", "")) > 100_000
    assert abs(float(re.findall(r"after 1 steps: ([\d.]+) bits", output)[0]) - float(bits)) < 1


def test_kalman_filter(tmp_path: Path) -> None:
    picture = tmp_path / "nile.png"
    output = run("kalman_filter.py", "--output", str(picture))
    # J. Durbin and S. J. Koopman, Time Series Analysis by State Space Methods (2001), give 15099 and 1469.1.
    assert re.findall(r"variance of the (\w+): (\d+)", output) == [("noise", "15099"), ("change", "1469")]
    filtered, direct = re.findall(r"log-likelihood: ([\d.-]+), without a filter: ([\d.-]+)", output)[0]
    assert filtered == direct
    if "nile.png" in output:
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_readme_shows_what_happens() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    session = "\n\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S))
    test = doctest.DocTestParser().get_doctest(session, {}, "README.md", "README.md", 0)
    report: list[str] = []
    result = doctest.DocTestRunner().run(test, out=report.append)
    assert result.attempted > 0
    assert result.failed == 0, "".join(report)
