"""FunctionMaker: from lists of inputs and outputs to a rewritten graph, a program, and functions over them."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import Any, TypedDict

from theano.compile.builders import expand_graph_ops
from theano.compile.container import Container, independent_copy
from theano.compile.errors import MissingInputError, UnusedInputError
from theano.compile.io import SymbolicInput, SymbolicOutput, as_input, as_output
from theano.compile.mode import Mode, get_mode
from theano.configuration import config
from theano.graph.basic import Apply, Constant, Variable, _OrderedNodes
from theano.graph.fg import FunctionGraph
from theano.graph.null_type import NullType
from theano.graph.pauses import collector_paused
from theano.graph.traversal import ancestors, toposort


class _Conversion(TypedDict):
    strict: bool
    allow_downcast: bool | None


class FunctionMaker:
    """What a compiled function was made of, and makes functions of it.

    Parameters
    ----------
    inputs, outputs
        In and Out objects (or what `theano.function` takes as such). Every free variable is among the inputs.
    mode
        a Mode or its name.
    accept_inplace
        allow Ops in the user's graph that overwrite their inputs.
    function_builder
        the class of the functions.
    on_unused_input
        ``"raise"``, ``"warn"`` or ``"ignore"``; ``None``: ``config.on_unused_input``.
    fgraph
        the graph, when it has been rewritten already.
    output_keys
        names of the outputs, for functions that return a dict.

    Attributes
    ----------
    inputs, outputs
        In objects, those that a call gives values for first, and Out objects.
    fgraph
        the rewritten graph: its inputs belong to `inputs`; its outputs are `outputs` and then the updates.
    mode
        the Mode.
    program
        what runs.
    """

    def __init__(
        self,
        inputs: Sequence[Any],
        outputs: Any,
        mode: Any = None,
        accept_inplace: bool = False,
        function_builder: type | None = None,
        profile: Any = None,
        on_unused_input: str | None = None,
        fgraph: FunctionGraph | None = None,
        output_keys: Sequence[str] | None = None,
        name: str | None = None,
    ) -> None:
        self.mode: Mode = get_mode(mode)
        self.unpack_single = outputs is not None and not isinstance(outputs, list | tuple)
        self.return_none = outputs is None
        listed = [] if outputs is None else [outputs] if self.unpack_single else list(outputs)
        self.inputs: list[SymbolicInput] = sorted((as_input(i) for i in inputs), key=lambda i: i.implicit)
        self.outputs: list[SymbolicOutput] = [as_output(o) for o in listed]
        self.output_keys = None if output_keys is None else list(output_keys)
        self.accept_inplace = accept_inplace
        self.function_builder = function_builder
        self.on_unused_input = on_unused_input
        self.profile = profile
        self.name = name
        if fgraph is None:
            updates = [i.update for i in self.inputs if i.update is not None]
            results = [*(o.variable for o in self.outputs), *updates]
            self._check(results)
            with collector_paused():
                fgraph = self._graph(results)
                self.program = self.mode.compile(fgraph, name, getattr(profile, "rewriting", None))
        else:
            with collector_paused():
                fgraph.update_mapping = self._update_mapping()
                self.program = self.mode.link(fgraph, name)
        self.fgraph = fgraph

    def _graph(self, results: list[Variable]) -> FunctionGraph:
        """A copy of the expressions as one graph."""
        mapping = self._update_mapping()
        fgraph = FunctionGraph([i.variable for i in self.inputs], results, update_mapping=mapping)
        expand_graph_ops(fgraph)
        return fgraph

    def _update_mapping(self) -> dict[int, int]:
        """By the number of each of the graph's outputs that is a new value: the number of the input that gets it."""
        updated = [place for place, entry in enumerate(self.inputs) if entry.update is not None]
        return dict(enumerate(updated, self.n_outputs))

    # ---- checks

    def _check(self, results: list[Variable]) -> None:
        given = [i.variable for i in self.inputs]
        positions: dict[Variable, int] = {}
        for i, variable in enumerate(given):
            if variable in positions:
                raise UnusedInputError(
                    f"theano.function: {variable} is given twice, as inputs {positions[variable]} and {i}; one of the "
                    "two values would have no effect"
                )
            positions[variable] = i
        needed = set(ancestors(results, given))
        for variable in needed:
            if variable.owner is None and variable not in positions and not isinstance(variable, Constant):
                self._report_missing(variable, results, given)
        self._report_unused([i for i in self.inputs if not i.implicit and i.variable not in needed])
        if not self.accept_inplace:
            for node in {v.owner for v in needed if v.owner is not None and v not in positions}:
                if node.op.destroy_map:
                    raise TypeError(
                        f"theano.function: {node} overwrites its inputs (destroy_map of {node.op}). "
                        f"Pass accept_inplace=True to allow that.\nIt was made at\n{node.user_line()}"
                    )

    def _report_missing(self, variable: Variable, results: list[Variable], given: list[Variable]) -> None:
        user = next((n for n in toposort(results, given) if variable in n.inputs), None)
        place = (
            f"It is needed by {user}, made at\n{user.user_line()}"
            if user is not None
            else f"It is output {results.index(variable)} itself."
        )
        if isinstance(variable.type, NullType):
            raise TypeError(f"theano.function: a result is needed that has no value: {variable.type.why_null}\n{place}")
        raise MissingInputError(
            f"theano.function: {variable} of type {variable.type} is needed, but it is none of the inputs "
            f"[{', '.join(str(i.variable) for i in self.inputs if not i.implicit)}] and has no value. Add it to the "
            f"inputs, give it a value through givens, or make it a shared variable.\n{place}",
            variable=variable,
        )

    def _report_unused(self, unused: list[SymbolicInput]) -> None:
        choice = config.on_unused_input if self.on_unused_input is None else self.on_unused_input
        if choice not in ("raise", "warn", "ignore"):
            raise ValueError(f"theano.function: on_unused_input is 'raise', 'warn' or 'ignore', not {choice!r}")
        for entry in unused if choice != "ignore" else ():
            message = (
                f"theano.function: input {self.inputs.index(entry)} ({entry.variable} of type {entry.variable.type}) "
                "takes no part in any output or update. Leave it out, or pass on_unused_input='ignore' (or 'warn')."
            )
            if choice == "raise":
                raise UnusedInputError(message)
            warnings.warn(message, stacklevel=5)

    # ---- functions

    def create(self, input_storage: Sequence[Any] | None = None, trustme: bool = False, storage_map: Any = None) -> Any:
        """A new function over the compiled program.

        Parameters
        ----------
        input_storage
            for each input a Container, a one-element list, a default value or ``None``; by default what `inputs` say.
        trustme, storage_map
            accepted as in Theano 1.0.
        """
        from theano.compile.function import Function

        given = [i.value for i in self.inputs] if input_storage is None else list(input_storage)
        if len(given) != len(self.inputs):
            raise ValueError(f"there are {len(self.inputs)} inputs, input_storage has {len(given)} entries")
        containers = [self._container(entry, value) for entry, value in zip(self.inputs, given)]
        builder = self.function_builder or Function
        return builder(self, containers)

    def _container(self, entry: SymbolicInput, value: Any) -> Container:
        if isinstance(value, Container):
            return value
        kind, conversion = entry.variable.type, _Conversion(strict=entry.strict, allow_downcast=entry.allow_downcast)
        if isinstance(value, list) and len(value) == 1 and entry.implicit:
            return Container(kind, value, name=entry.name, **conversion)
        container = Container(kind, [None], name=entry.name, **conversion)
        if value is not None:
            try:
                filtered = kind.filter(value, **conversion)
            except TypeError as error:
                raise TypeError(
                    f"theano.function: the default of input {entry.name or entry.variable}: {error}"
                ) from None
            container.storage[0] = filtered if getattr(entry, "borrow", False) else independent_copy(filtered)
        return container

    @property
    def n_outputs(self) -> int:
        """How many results go back to the caller; the graph's further outputs are updates."""
        return len(self.outputs)

    def variant(self, **changes: Any) -> FunctionMaker:
        """A copy with some attributes changed, over the same program."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, **changes)
        return other

    def without_updates(self) -> FunctionMaker:
        """The same function without its updates: graph and program are made anew, without rewriting again."""
        inputs = []
        for entry in self.inputs:
            plain = copy.copy(entry)
            plain.update = None
            inputs.append(plain)
        fgraph = FunctionGraph(self.fgraph.inputs, self.fgraph.outputs[: self.n_outputs])
        return self.variant(inputs=inputs, fgraph=fgraph, program=self.mode.link(fgraph, self.name))

    def nodes(self) -> list[Apply]:
        """The nodes of the rewritten graph in dependency order."""
        return self.fgraph.toposort()

    # ---- pickling: the program is made again from the rewritten graph

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        del state["program"], state["fgraph"]
        updates = [i.update for i in self.inputs if i.update is not None]
        state["graph"] = (self.fgraph.inputs, _OrderedNodes(self.fgraph.outputs))
        state["expressions"] = _OrderedNodes([*(o.variable for o in self.outputs), *updates])
        state["profile"] = None
        # The dictionary's order counts: what stands in ordered lists must come before what refers to it.
        return {key: state[key] for key in sorted(state, key=lambda k: k not in ("graph", "expressions"))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        graph_inputs, ordered = state.pop("graph")
        state.pop("expressions")
        self.__dict__.update(state)
        if config.reoptimize_unpickled_function:
            updates = [i.update for i in self.inputs if i.update is not None]
            results = [*(o.variable for o in self.outputs), *updates]
            self.fgraph = self._graph(results)
            self.program = self.mode.compile(self.fgraph, self.name)
        else:
            mapping = self._update_mapping()
            self.fgraph = FunctionGraph(graph_inputs, ordered.roots(), clone=False, update_mapping=mapping)
            self.program = self.mode.link(self.fgraph, self.name)
