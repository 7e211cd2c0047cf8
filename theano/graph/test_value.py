"""Test values: running an expression on sample data while it is being built.

With ``config.compute_test_value`` on, every node is computed as soon as it is made, from ``tag.test_value`` of its
inputs, so that clashing shapes are reported at the very line that makes the mistake.
"""

from __future__ import annotations

import pdb
import warnings
from typing import Any

from theano.graph.basic import Apply, Constant, Variable, format_trace
from theano.graph.op import TestValueError, test_value_mode


def get_test_value(variable: Any) -> Any:
    """The test value of a variable: its data for constants and shared variables, else ``tag.test_value``.

    Raises
    ------
    TestValueError
        when there is none.
    """
    from theano.compile.sharedvalue import SharedVariable

    if not isinstance(variable, Variable):
        from theano.tensor.variable import as_tensor_variable

        variable = as_tensor_variable(variable)
    if isinstance(variable, Constant):
        return variable.data
    if isinstance(variable, SharedVariable):
        return variable.get_value(borrow=True)
    if not hasattr(variable.tag, "test_value"):
        raise TestValueError(f"{variable} has no test value; set {variable}.tag.test_value to sample data")
    value = variable.tag.test_value
    try:
        return variable.type.filter(value)
    except TypeError as error:
        raise TestValueError(f"the test value of {variable} does not fit its type {variable.type}: {error}") from error


def compute_test_values(node: Apply) -> None:
    """Compute the test values of a new node's outputs, as ``config.compute_test_value`` says."""
    mode = test_value_mode()
    try:
        values = [get_test_value(v) for v in node.inputs]
    except TestValueError as error:
        if mode == "ignore":
            return
        if mode == "warn":
            warnings.warn(str(error), stacklevel=4)
            return
        if mode == "pdb":
            pdb.set_trace()
        raise
    storage: list[list[Any]] = [[None] for _ in node.outputs]
    try:
        node.op.perform(node, list(values), storage)
    except Exception as error:
        error.add_note(f"while computing the test value of {node}, made at\n{format_trace(node.trace)}")
        raise
    for output, cell in zip(node.outputs, storage, strict=True):
        output.tag.test_value = cell[0]
