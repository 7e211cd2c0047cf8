"""A neuron learns logical or in a process whose configuration file asks for float32 and for an accelerator."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# Neither line has a section header above it.
THEANORC = "floatX = float32\ndevice = gpu\n"

PROGRAM = """
import numpy as np
import theano
import theano.tensor as T

assert theano.config.floatX == "float32"
pairs, truths = T.matrix("pairs"), T.vector("truths")
assert pairs.dtype == truths.dtype == "float32"
draw = np.random.RandomState(2345).uniform(low=-1, high=1, size=(2, 1))
weights = theano.shared(np.asarray(draw, dtype=theano.config.floatX), name="weights", borrow=True)
bias = theano.shared(1.0, name="bias")  # a Python number: float64

guess = T.flatten(T.nnet.sigmoid(T.dot(pairs, weights) + bias))
cost = T.nnet.binary_crossentropy(guess, truths).mean()
descent = [(p, p - 0.1 * T.grad(cost, wrt=p)) for p in (weights, bias)]
learn = theano.function(inputs=[pairs, truths], outputs=[guess, cost], updates=descent)
answer = theano.function(inputs=[pairs], outputs=[guess])

costs = []
for _ in range(30000):
    _, current = learn([[0, 0], [1, 1], [0, 1], [1, 0]], [0, 1, 1, 1])
    costs.append(float(current))
assert costs[-1] < costs[1000] < costs[0]
(answers,) = answer([[1, 1], [1, 1], [1, 1], [1, 0]])
print(*answers)
"""


def run(program: str, directory: Path, theanorc: str, flags: str = "") -> subprocess.CompletedProcess[str]:
    (directory / "theanorc").write_text(theanorc)
    environ = dict(os.environ, THEANORC=str(directory / "theanorc"), THEANO_FLAGS=flags, PYTHONPATH=str(ROOT))
    return subprocess.run(
        [sys.executable, "-c", program], env=environ, cwd=directory, capture_output=True, text=True, timeout=120
    )


def test_or_gate_is_learnt_in_float32(tmp_path: Path) -> None:
    done = run(PROGRAM, tmp_path, THEANORC)
    assert done.returncode == 0, done.stderr
    answers = [float(word) for word in done.stdout.split()]
    assert answers == pytest.approx([0.99999995] * 3 + [0.99729306], abs=2e-6)
    assert done.stderr.count("Warning") == 1
    assert "device=gpu" in done.stderr
    assert "theanorc, line 2" in done.stderr
    assert "CPU" in done.stderr


def test_force_device_makes_a_missing_accelerator_an_error(tmp_path: Path) -> None:
    done = run("import theano", tmp_path, THEANORC + "force_device = True\n")
    assert done.returncode != 0
    assert "RuntimeError" in done.stderr
    assert "device=gpu" in done.stderr


def test_flags_override_the_file(tmp_path: Path) -> None:
    done = run("import theano; print(theano.config.floatX)", tmp_path, THEANORC, "device=cpu,floatX=float64")
    assert (done.stdout, done.stderr) == ("float64\n", "")
