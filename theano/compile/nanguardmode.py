"""NanGuardMode: stops at the first node that gives NaN, infinity or a suspiciously large number."""

from __future__ import annotations

import pdb
import warnings
from typing import Any

import numpy as np

from theano.backend.program import Program
from theano.backend.reference import link as link_reference
from theano.compile.mode import Mode
from theano.configuration import config
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph

BIG = 1e10


def contains_nan(arr: Any, node: Apply | None = None, var: Variable | None = None) -> bool:
    """Whether an array of floating point numbers has a NaN."""
    return isinstance(arr, np.ndarray | np.number) and arr.dtype.kind in "fc" and bool(np.isnan(arr).any())


def contains_inf(arr: Any, node: Apply | None = None, var: Variable | None = None) -> bool:
    """Whether an array of floating point numbers has an infinity."""
    return isinstance(arr, np.ndarray | np.number) and arr.dtype.kind in "fc" and bool(np.isinf(arr).any())


def contains_big(arr: Any) -> bool:
    """Whether an array of floating point numbers has a finite magnitude above 1e10."""
    if not (isinstance(arr, np.ndarray | np.number) and arr.dtype.kind in "fc"):
        return False
    with np.errstate(all="ignore"):
        magnitudes = np.abs(arr)
    return bool(((magnitudes > BIG) & np.isfinite(magnitudes)).any())


class NanGuardMode(Mode):
    """Runs node by node and reports the first bad number, in an input or in a node's output.

    A variable with ``tag.nan_guard_mode_check = False`` is not looked at.

    Parameters
    ----------
    nan_is_error, inf_is_error, big_is_error
        what is reported: NaN, infinity, finite magnitudes above 1e10; ``None``: as ``config.NanGuardMode`` says.
    optimizer
        which rewrites are applied, as for Mode.
    linker
        accepted as in Theano 1.0; nodes can be watched on the reference backend only.

    Raises
    ------
    AssertionError
        when the function runs (or a warning, by ``config.NanGuardMode.action``).
    """

    def __init__(
        self,
        nan_is_error: bool | None = None,
        inf_is_error: bool | None = None,
        big_is_error: bool | None = None,
        optimizer: Any = "default",
        linker: Any = None,
    ) -> None:
        super().__init__("reference", optimizer)
        settings = config.NanGuardMode
        self.nan_is_error = settings.nan_is_error if nan_is_error is None else nan_is_error
        self.inf_is_error = settings.inf_is_error if inf_is_error is None else inf_is_error
        self.big_is_error = settings.big_is_error if big_is_error is None else big_is_error
        if not (self.nan_is_error or self.inf_is_error or self.big_is_error):
            raise ValueError("NanGuardMode: one of nan_is_error, inf_is_error and big_is_error must be True")

    @classmethod
    def from_config(cls) -> NanGuardMode:
        """The mode as ``config.NanGuardMode`` describes it."""
        return cls()

    def clone(self, link_kwargs: Any = None, optimizer: Any = None, **changes: Any) -> NanGuardMode:
        chosen = self.optimizer if optimizer is None else optimizer
        return type(self)(self.nan_is_error, self.inf_is_error, self.big_is_error, chosen)

    def link(self, fgraph: FunctionGraph, name: str | None = None) -> Program:
        return link_reference(fgraph, name).watched(self._check_inputs, self._check_outputs)

    def _check_inputs(self, position: int, node: Apply, inputs: list[list[Any]], outputs: list[list[Any]]) -> None:
        for variable, cell in zip(node.inputs, inputs):
            if variable.owner is None and not isinstance(variable, Constant):
                self._check(variable, cell[0], f"in input {variable} of the function")

    def _check_outputs(self, position: int, node: Apply, inputs: list[list[Any]], outputs: list[list[Any]]) -> None:
        for variable, cell in zip(node.outputs, outputs):
            self._check(variable, cell[0], f"in output {variable.index} of {node.op}")

    def _check(self, variable: Variable, value: Any, place: str) -> None:
        if not getattr(variable.tag, "nan_guard_mode_check", True):
            return
        if self.nan_is_error and contains_nan(value):
            found = "NaN"
        elif self.inf_is_error and contains_inf(value):
            found = "Infinity"
        elif self.big_is_error and contains_big(value):
            found = f"a number above {BIG:g}"
        else:
            return
        from theano.inspect.debugprint import debugprint

        message = (
            f"NanGuardMode: {found} {place}. Set {variable}.tag.nan_guard_mode_check = False to leave this "
            "variable out.\n"
            f"{debugprint(variable, file='str', depth=6)}"
        )
        if config.NanGuardMode.action == "warn":
            warnings.warn(message, stacklevel=2)
            return
        if config.NanGuardMode.action == "pdb":
            print(message)
            pdb.set_trace()
            return
        raise AssertionError(message)
