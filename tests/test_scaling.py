"""Work to compile grows with the graph and no faster: calls of Python functions are counted, so no time is measured."""

from __future__ import annotations

import gc
import importlib.util
import sys
from pathlib import Path

import pytest

from theano.backend.native import linker
from theano.graph.fg import FunctionGraph
from theano.rewrite import rewrite_graph

_spec = importlib.util.spec_from_file_location("scaling", Path(__file__).parent.parent / "benchmarks" / "scaling.py")
scaling = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scaling)

SMALL, TIMES = 60, 4


class NoLibrary:
    """In the place of LLVM."""

    def __init__(self, text):
        self.text = text

    def address(self, name):
        return 0


def calls(build, size):
    """How many functions are called on the way from a graph to the text of its program."""
    _, outputs, updates = build(size)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    count = 0

    def counting(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    gc.collect()
    sys.setprofile(counting)
    try:
        graph = FunctionGraph(None, [*outputs, *(new for _, new in updates)])
        linker.link(rewrite_graph(graph))
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", [name for name in scaling.FAMILIES if name != "nested choices"])
def test_work_is_linear(name, monkeypatch):
    monkeypatch.setattr(linker, "Library", NoLibrary)
    monkeypatch.setattr(linker, "provide_staging", lambda names: None)
    build = scaling.FAMILIES[name]
    calls(build, SMALL)  # what is found out once
    small, large = calls(build, SMALL), calls(build, TIMES * SMALL)
    assert large < 1.5 * TIMES * small, large / small
