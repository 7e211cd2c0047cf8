"""FunctionGraph: a graph with fixed inputs and outputs that can be edited in place.

It knows who uses each variable (``clients``), and it tells its *features* about every change, which is how rewriting
drivers learn which nodes deserve another look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.replace import clone_get_equiv
from theano.graph.traversal import toposort

Client = tuple[Any, int]


class InconsistencyError(Exception):
    """An edit would make the graph invalid; it has been undone."""


class Feature:
    """What can be attached to a :class:`FunctionGraph`; each method is called at its occasion."""

    def on_attach(self, fgraph: FunctionGraph) -> None:
        """The feature was attached."""

    def on_detach(self, fgraph: FunctionGraph) -> None:
        """The feature was removed."""

    def on_import(self, fgraph: FunctionGraph, node: Apply, reason: Any) -> None:
        """`node` became part of the graph."""

    def on_prune(self, fgraph: FunctionGraph, node: Apply, reason: Any) -> None:
        """`node` is no longer part of the graph."""

    def on_change_input(
        self, fgraph: FunctionGraph, node: Any, i: int, old: Variable, new: Variable, reason: Any
    ) -> None:
        """Input `i` of `node` (``"output"`` for an output of the graph) changed from `old` to `new`."""

    def orderings(self, fgraph: FunctionGraph) -> dict[Apply, list[Apply]]:
        """Node → nodes that must run before it, beyond what the graph says."""
        return {}

    def validate(self, fgraph: FunctionGraph) -> None:
        """Raise :class:`InconsistencyError` when the graph must not stay as it is."""


class Clients(dict[Variable, list[Client]]):
    """variable → its clients; may be called as well, as Theano 1.0's ``fgraph.clients(variable)``."""

    def __call__(self, variable: Variable) -> list[Client]:
        return self[variable]


class ReplaceValidate(Feature):
    """Nothing: every FunctionGraph has ``replace_validate`` and ``validate``, which this brought in Theano 1.0."""


class NodeFinder(Feature):
    """Gives the graph ``get_nodes(op)``, the set of its nodes of that Op."""

    def on_attach(self, fgraph: FunctionGraph) -> None:
        fgraph.get_nodes = lambda op: {node for node in fgraph.apply_nodes if node.op == op}  # type: ignore[attr-defined]


class FunctionGraph:
    """A graph from `inputs` to `outputs`, editable, with a record of clients.

    Parameters
    ----------
    inputs, outputs
        what the graph is between. Free variables beside the inputs must be constants, unless `inputs` is ``None``: then
        all free variables become inputs.
    clone
        work on a copy (the default), so that the expression that a user holds is never changed.
    update_mapping
        kept for those who ask: output number → number of the input that it updates.

    Attributes
    ----------
    clients
        variable → list of ``(node, input number)``; ``("output", i)`` stands for output i of the graph.
    memo
        old → new variables and nodes when the graph was cloned.
    """

    def __init__(
        self,
        inputs: Sequence[Variable] | None,
        outputs: Sequence[Variable],
        features: Iterable[Feature] | None = None,
        clone: bool = True,
        update_mapping: dict[int, int] | None = None,
    ) -> None:
        outputs = list(outputs)
        if inputs is None:
            from theano.graph.traversal import graph_inputs

            inputs = [v for v in graph_inputs(outputs) if not isinstance(v, Constant)]
        self.memo: dict[Any, Any] = {}
        if clone:
            self.memo = clone_get_equiv(inputs, outputs)
            inputs = [self.memo[v] for v in inputs]
            outputs = [self.memo[v] for v in outputs]
        self.inputs: list[Variable] = list(inputs)
        self.outputs: list[Variable] = list(outputs)
        self.clients = Clients()
        self.apply_nodes: set[Apply] = set()
        self.variables: set[Variable] = set()
        self._features: list[Feature] = []
        self._order: list[Apply] | None = None
        for variable in self.inputs:
            if variable.owner is not None:
                raise ValueError(f"input {variable} of a FunctionGraph is computed by {variable.owner.op}")
            self.clients.setdefault(variable, [])
            self.variables.add(variable)
        self._input_set = set(self.inputs)
        self.update_mapping = update_mapping
        for feature in features or ():
            self.attach_feature(feature)
        for i, variable in enumerate(self.outputs):
            self._import(variable, "init")
            self.clients[variable].append(("output", i))

    # ---- features

    def attach_feature(self, feature: Feature) -> None:
        """Add a feature, unless it is there already; it will not hear of nodes imported earlier."""
        if feature not in self._features:
            self._features.append(feature)
            if hasattr(feature, "on_attach"):
                feature.on_attach(self)

    def remove_feature(self, feature: Feature) -> None:
        """Detach a feature."""
        if feature in self._features:
            self._features.remove(feature)
            if hasattr(feature, "on_detach"):
                feature.on_detach(self)

    def execute_callbacks(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Call method `name` of every feature that has it."""
        for feature in self._features:
            method = getattr(feature, name, None)
            if method is not None:
                method(self, *args, **kwargs)

    # ---- content

    def add_input(self, variable: Variable) -> None:
        """Let a free variable be one more input."""
        if variable.owner is not None:
            raise ValueError(f"input {variable} of a FunctionGraph is computed by {variable.owner.op}")
        if variable not in self._input_set:
            self.inputs.append(variable)
            self._input_set.add(variable)
            self.variables.add(variable)
            self.clients.setdefault(variable, [])

    def disown(self) -> None:
        """Detach all features and forget all content: for those who built it without a copy and go on otherwise."""
        for feature in list(self._features):
            self.remove_feature(feature)
        self.inputs, self.outputs, self._order = [], [], None
        for content in (self.clients, self.apply_nodes, self.variables, self._input_set):
            content.clear()

    def _import(self, variable: Variable, reason: Any) -> None:
        """Make `variable` and all that computes it part of the graph."""
        if variable in self.variables:
            return
        if variable.owner is None:
            self._import_free(variable)
            return
        for node in toposort([variable], self.variables):
            for i, v in enumerate(node.inputs):
                if v not in self.variables:
                    self._import_free(v, node)
                self.clients[v].append((node, i))
            self.apply_nodes.add(node)
            for v in node.outputs:
                self.variables.add(v)
                self.clients.setdefault(v, [])
            self._order = None
            self.execute_callbacks("on_import", node, reason)

    def _import_free(self, variable: Variable, node: Apply | None = None) -> None:
        if not isinstance(variable, Constant):
            from theano.compile.errors import MissingInputError

            user = f"\nIt is needed by {node}, made at\n{node.user_line()}" if node is not None else ""
            raise MissingInputError(
                f"{variable} of type {variable.type} is needed, but it is no input of the function and has no value. "
                f"Give it as an input, through givens, or make it a shared variable.{user}",
                variable=variable,
            )
        self.variables.add(variable)
        self.clients.setdefault(variable, [])

    def _remove_client(self, variable: Variable, client: Client, reason: Any) -> None:
        """Take one client off; prune what then nobody uses."""
        _remove_last(self.clients[variable], client)
        todo = [variable]
        while todo:
            v = todo.pop()
            if self.clients.get(v):
                continue
            node = v.owner
            if node is None:
                if v not in self._input_set and v in self.variables:
                    self.variables.discard(v)
                    self.clients.pop(v, None)
                continue
            if node not in self.apply_nodes or any(self.clients.get(o) for o in node.outputs):
                continue
            self.apply_nodes.remove(node)
            self._order = None
            for o in node.outputs:
                self.variables.discard(o)
                self.clients.pop(o, None)
            for i, x in enumerate(node.inputs):
                _remove_last(self.clients[x], (node, i))
                todo.append(x)
            self.execute_callbacks("on_prune", node, reason)

    # ---- edits

    def change_input(self, node: Any, i: int, new: Variable, reason: Any = None) -> None:
        """Let input `i` of `node` (output `i` of the graph, for ``"output"``) be `new`."""
        old = self.outputs[i] if node == "output" else node.inputs[i]
        if old is new:
            return
        if old.type != new.type:
            where = f"output {i} of the graph" if node == "output" else f"input {i} of {node}"
            raise TypeError(f"{reason}: cannot change {where} from type {old.type} to type {new.type}")
        self._import(new, reason)
        if node == "output":
            self.outputs[i] = new
        else:
            node.inputs[i] = new
        self.clients[new].append((node, i))
        self._order = None
        self.execute_callbacks("on_change_input", node, i, old, new, reason)
        self._remove_client(old, (node, i), reason)

    def replace(self, old: Variable, new: Variable, reason: Any = None, verbose: bool | None = None) -> None:
        """Let every client of `old` use `new`; types must be equal (convertible ones are converted).

        With `verbose` it says so on the screen.
        """
        if old is new or old not in self.variables:
            return
        if verbose:
            print(f"{reason}: {old} replaced by {new}")
        if old.type != new.type:
            new = old.type.filter_variable(new)
        for node, i in list(self.clients[old]):
            if node != "output" and node not in self.apply_nodes:
                continue
            self.change_input(node, i, new, reason)

    def replace_all(self, pairs: Iterable[tuple[Variable, Variable]], reason: Any = None) -> None:
        """:meth:`replace` for each pair."""
        for old, new in pairs:
            self.replace(old, new, reason)

    def replace_validate(self, old: Variable, new: Variable, reason: Any = None, verbose: bool | None = None) -> None:
        """:meth:`replace`, undone with :class:`InconsistencyError` when a feature objects to the result."""
        self.replace_all_validate([(old, new)], reason, verbose)

    def replace_all_validate(
        self, pairs: Iterable[tuple[Variable, Variable]], reason: Any = None, verbose: bool | None = None
    ) -> None:
        """:meth:`replace_all`, undone with :class:`InconsistencyError` when a feature objects to the result."""
        changes: list[tuple[Any, int, Variable]] = []
        for old, new in pairs:
            if old not in self.variables:
                continue
            if old.type != new.type:
                new = old.type.filter_variable(new)
            for node, i in list(self.clients[old]):
                if node != "output" and node not in self.apply_nodes:
                    continue
                changes.append((node, i, old))
                if verbose:
                    print(f"{reason}: {old} replaced by {new} in {node}")
                self.change_input(node, i, new, reason)
        try:
            self.validate()
        except InconsistencyError:
            for node, i, old in reversed(changes):
                self.change_input(node, i, old, ("undo", reason))
            raise

    def validate(self) -> None:
        """Let every feature check the graph."""
        self.execute_callbacks("validate")

    # ---- views

    def orderings(self) -> dict[Apply, list[Apply]]:
        """All features' orderings together."""
        result: dict[Apply, list[Apply]] = {}
        for feature in self._features:
            method = getattr(feature, "orderings", None)
            if method is None:
                continue
            for node, before in method(self).items():
                result.setdefault(node, []).extend(before)
        return result

    def toposort(self) -> list[Apply]:
        """All nodes in dependency order; kept until the graph changes."""
        if self._order is None:
            self._order = toposort(self.outputs, self.inputs, self.orderings())
        return list(self._order)

    def has_clients(self, variable: Variable) -> bool:
        """Whether anything uses `variable`."""
        return bool(self.clients.get(variable))

    def check_integrity(self) -> None:
        """Raise when clients and nodes contradict each other: for tests and debugging."""
        nodes = set(toposort(self.outputs, self.inputs))
        if nodes != self.apply_nodes:
            raise InconsistencyError(f"nodes out of step: {nodes ^ self.apply_nodes}")
        wanted: dict[Variable, list[Client]] = {}
        for node in nodes:
            for i, v in enumerate(node.inputs):
                wanted.setdefault(v, []).append((node, i))
        for i, v in enumerate(self.outputs):
            wanted.setdefault(v, []).append(("output", i))
        for variable in self.variables:
            have = self.clients.get(variable, [])
            if len(have) != len(wanted.get(variable, [])) or any(c not in have for c in wanted.get(variable, [])):
                raise InconsistencyError(f"clients of {variable} out of step: {have}")
        for variable in wanted:
            if variable not in self.variables:
                raise InconsistencyError(f"{variable} is used but unknown to the graph")

    def clone(self, check_integrity: bool = True) -> FunctionGraph:
        """An independent copy."""
        return self.clone_get_equiv(check_integrity)[0]

    def clone_get_equiv(
        self, check_integrity: bool = True, attach_feature: bool = True
    ) -> tuple[FunctionGraph, dict[Any, Any]]:
        """An independent copy, and old → new for its variables and nodes."""
        memo = clone_get_equiv(self.inputs, self.outputs)
        copy = FunctionGraph([memo[v] for v in self.inputs], [memo[v] for v in self.outputs], clone=False)
        if attach_feature:
            for feature in self._features:
                copy.attach_feature(feature)
        return copy, memo

    def __str__(self) -> str:
        return f"FunctionGraph({', '.join(map(str, self.inputs))} -> {', '.join(map(str, self.outputs))})"

    __repr__ = __str__

    def __reduce__(self) -> Any:
        return (_rebuild, (self.inputs, self.outputs, self._features))


def _remove_last(clients: list[Client], client: Client) -> None:
    """Remove a client. Graphs are pruned from their ends, so it is mostly near the end of a list that may be long."""
    for i in range(len(clients) - 1, max(len(clients) - 9, -1), -1):
        if clients[i] == client:
            del clients[i]
            return
    clients.remove(client)


def _rebuild(inputs: list[Variable], outputs: list[Variable], features: list[Feature]) -> FunctionGraph:
    return FunctionGraph(inputs, outputs, features, clone=False)
