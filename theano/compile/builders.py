"""OpFromGraph: an expression as an Op, which may have derivatives of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from theano.compile.sharedvalue import SharedVariable
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.op import Op
from theano.graph.replace import clone_get_equiv, replace_graph
from theano.graph.traversal import ancestors, graph_inputs

Override = Any


class OpFromGraph(Op):
    """An Op that computes a graph from inputs to outputs.

    When a function is compiled, its nodes are replaced by what they compute, so that it costs nothing to use one.

    Parameters
    ----------
    inputs, outputs
        lists of variables; shared variables need not be among the inputs.
    inline
        accepted as in Theano 1.0; see above.
    lop_overrides
        what takes the place of the graph's own gradient: ``"default"``; a function of ``(inputs, outputs,
        output_gradients)`` that returns a list of gradients; an OpFromGraph on all of these; or a list with an entry an
        input, each ``"default"``, ``None`` (no gradient), a variable, or such a function that returns one gradient.
    grad_overrides
        likewise, with functions of ``(inputs, output_gradients)``.
    rop_overrides
        likewise for the forward derivative of each output, with functions of ``(inputs, eval_points)``.
    connection_pattern
        as the method of Ops; by default found from the graph.
    name
        how the Op prints.

    >>> import theano, theano.tensor as T
    >>> x, y = T.dscalars("x", "y")
    >>> hypotenuse = theano.OpFromGraph([x, y], [T.sqrt(x**2 + y**2)])
    >>> a = T.dscalar("a")
    >>> theano.function([a], hypotenuse(a, 4.0))(3.0)
    array(5.)
    """

    def __init__(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        inline: bool = False,
        lop_overrides: Override = "default",
        grad_overrides: Override = "default",
        rop_overrides: Override = "default",
        connection_pattern: list[list[bool]] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        for what, listed in (("inputs", inputs), ("outputs", outputs)):
            if not isinstance(listed, list | tuple):
                raise TypeError(f"OpFromGraph: {what} is a list of variables, not {listed!r}")
            for variable in listed:
                if not isinstance(variable, Variable):
                    raise TypeError(f"OpFromGraph: {what} are variables, {variable!r} is none")
        if any(isinstance(v, Constant | SharedVariable) for v in inputs):
            raise TypeError("OpFromGraph: constants and shared variables cannot be inputs; they are found in the graph")
        if kwargs:
            raise TypeError(
                f"OpFromGraph does not take {', '.join(kwargs)}: updates and givens belong to theano.function"
            )
        if not _is_default(lop_overrides) and not _is_default(grad_overrides):
            raise ValueError("OpFromGraph: lop_overrides and grad_overrides both say what the gradient is; give one")
        self.is_inline = inline
        self.name = name
        self.lop_overrides = lop_overrides
        self.grad_overrides = grad_overrides
        self.rop_overrides = rop_overrides
        self.given_connection_pattern = connection_pattern
        self.shared_inputs = [v for v in graph_inputs(outputs, inputs) if isinstance(v, SharedVariable)]
        memo = clone_get_equiv([*inputs, *self.shared_inputs], outputs)
        everything = [*inputs, *self.shared_inputs]
        self.local_inputs = [_plain(memo[v]) for v in everything]
        replaced = [(memo[v], plain) for v, plain in zip(everything, self.local_inputs)]
        self.local_outputs = replace_graph([memo[v] for v in outputs], replaced)
        self.input_types = [v.type for v in inputs]
        self.output_types = [v.type for v in outputs]
        self._program: Any = None

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __str__(self) -> str:
        return f"{self.name or type(self).__name__}{{inline={self.is_inline}}}"

    __repr__ = __str__

    def make_node(self, *inputs: Any) -> Apply:
        if len(inputs) != len(self.input_types):
            raise ValueError(f"{self} takes {len(self.input_types)} inputs, got {len(inputs)}")
        converted = [t.filter_variable(v) for t, v in zip(self.input_types, inputs)]
        return Apply(self, [*converted, *self.shared_inputs], [t() for t in self.output_types])

    def expand(self, inputs: Sequence[Variable]) -> list[Variable]:
        """The expressions that this Op stands for, of these inputs."""
        return replace_graph(self.local_outputs, list(zip(self.local_inputs, inputs)))

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        if self._program is None:
            from theano.backend.reference import link

            fgraph = FunctionGraph(self.local_inputs, self.local_outputs)
            expand_graph_ops(fgraph)
            self._program = link(fgraph, str(self))
        for cell, value in zip(output_storage, self._program.run(list(inputs))):
            cell[0] = value

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_program": None}

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [tuple(v.shape[i] for i in range(v.type.ndim)) for v in self.expand(node.inputs)]  # type: ignore[attr-defined]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        if self.given_connection_pattern is not None:
            return [*self.given_connection_pattern, *([True] * len(node.outputs) for _ in self.shared_inputs)]
        below = [set(ancestors([v])) for v in self.local_outputs]
        return [[v in needed for needed in below] for v in self.local_inputs]

    # ---- derivatives

    def L_op(self, inputs: list[Variable], outputs: list[Variable], output_gradients: list[Variable]) -> list[Variable]:
        count = len(self.input_types)
        if _is_default(self.lop_overrides):
            override = self.grad_overrides
            arguments: tuple[Any, ...] = (inputs[:count], output_gradients)
        else:
            override, arguments = self.lop_overrides, (inputs[:count], outputs, output_gradients)
        return _overridden(
            self,
            "gradient",
            override,
            arguments,
            count,
            lambda: self._default_gradients(inputs, output_gradients),
            len(self.shared_inputs),
        )

    def _default_gradients(self, inputs: list[Variable], output_gradients: list[Variable]) -> list[Variable]:
        from theano.gradient import DisconnectedType, grad

        # An input given twice, or computed from another one, has a gradient through each of its places.
        places = [v.type() for v in self.local_inputs]
        outputs = replace_graph(self.local_outputs, list(zip(self.local_inputs, places)))
        known = {o: g for o, g in zip(outputs, output_gradients) if not isinstance(g.type, DisconnectedType)}
        gradients = grad(
            None, places, known_grads=known, disconnected_inputs="ignore", return_disconnected="Disconnected"
        )
        return replace_graph(gradients, list(zip(places, inputs)))

    def R_op(self, inputs: list[Variable], eval_points: list[Variable | None]) -> list[Variable | None]:
        count = len(self.input_types)

        def default() -> list[Any]:
            from theano.gradient import Rop

            places = [v.type() for v in self.local_inputs]
            outputs = replace_graph(self.local_outputs, list(zip(self.local_inputs, places)))
            known = [(p, e) for p, e in zip(places, eval_points) if e is not None]
            if not known:
                return [None] * len(outputs)
            results = Rop(outputs, [p for p, _ in known], [e for _, e in known])
            return replace_graph(results, list(zip(places, inputs)))

        arguments = (inputs[:count], eval_points[:count])
        return _overridden(
            self, "forward derivative", self.rop_overrides, arguments, len(self.output_types), default, 0
        )


def _is_default(override: Override) -> bool:
    return isinstance(override, str) and override == "default"


def _overridden(
    op: OpFromGraph,
    what: str,
    override: Override,
    arguments: tuple[Any, ...],
    count: int,
    default: Callable[[], list[Any]],
    further: int,
) -> list[Any]:
    """`count` derivatives as an override says, and disconnected ones for `further` inputs (shared variables)."""
    from theano.gradient import DisconnectedType

    if _is_default(override):
        return default()
    if isinstance(override, OpFromGraph):
        results = override(*(v for listed in arguments for v in listed), return_list=True)
    elif callable(override):
        results = override(*arguments)
        results = list(results) if isinstance(results, list | tuple) else [results]
    else:
        entries = list(override)
        if len(entries) != count:
            raise ValueError(f"{op}: the list of {what} overrides has {len(entries)} entries instead of {count}")
        defaults = default() if any(_is_default(e) for e in entries) else []
        results = []
        for i, entry in enumerate(entries):
            if _is_default(entry):
                results.append(defaults[i])
            elif entry is None:
                results.append(DisconnectedType()() if what == "gradient" else None)
            else:
                results.append(entry if isinstance(entry, Variable) else entry(*arguments))
    if len(results) != count:
        raise ValueError(f"{op}: the {what} override returned {len(results)} variable(s) instead of {count}")
    return [*results, *(DisconnectedType()() for _ in range(further))]


def _plain(variable: Variable) -> Variable:
    """A free variable for an input; for a shared variable one without its value."""
    if isinstance(variable, SharedVariable):
        return variable.type(name=variable.name)
    return variable


def expand_graph_ops(fgraph: FunctionGraph) -> None:
    """Replace every node of an OpFromGraph by what it computes, also those inside of others."""
    while True:
        nodes = [node for node in fgraph.toposort() if isinstance(node.op, OpFromGraph)]
        if not nodes:
            return
        for node in nodes:
            if node in fgraph.apply_nodes:
                pairs = list(zip(node.outputs, node.op.expand(node.inputs)))
                fgraph.replace_all(pairs, reason="expand_graph_ops")
