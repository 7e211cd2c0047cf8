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


def train_digits(*arguments: str, flags: str = "") -> str:
    script = ROOT / "examples" / "train_digits.py"
    environ = dict(os.environ, THEANORC="", THEANO_FLAGS=flags, PYTHONPATH=str(ROOT))
    done = subprocess.run([sys.executable, script, *arguments], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


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


def test_readme_shows_what_happens() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    session = "\n\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S))
    test = doctest.DocTestParser().get_doctest(session, {}, "README.md", "README.md", 0)
    report: list[str] = []
    result = doctest.DocTestRunner().run(test, out=report.append)
    assert result.attempted > 0
    assert result.failed == 0, "".join(report)
