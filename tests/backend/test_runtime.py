"""What programs call while they run, and the thread that compiles it while the package is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FORK = """
import os, theano
number = os.fork()
x = theano.tensor.dvector()
assert list(theano.function([x], x[::-1] + 1)([1, 2])) == [3, 2]
if number:
    assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 0
"""

BROKEN = """
import theano.backend.native.runtime as runtime
runtime.entry_address()
runtime._entry = 0
runtime._check_interpreter = lambda: exec("raise RuntimeError('another interpreter')")
runtime.start()
import theano
try:
    theano.function([], theano.tensor.ones(3))
except RuntimeError as error:
    print(error)
"""


def output(program: str) -> str:
    environment = {**os.environ, "THEANO_FLAGS": "native.cache=False"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not copied on this system")
def test_processes_copied_right_after_the_import_compile() -> None:
    output(FORK)


def test_what_fails_in_the_thread_fails_where_a_function_is_compiled() -> None:
    assert "another interpreter" in output(BROKEN)
