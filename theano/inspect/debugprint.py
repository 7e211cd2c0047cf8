"""debugprint: a graph as an indented tree, one line a variable."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph

_LETTERS = 26


def char_from_number(number: int) -> str:
    """0, 1, … as A, B, …, Z, BA, BB, …: the digits of base 26."""
    text = chr(ord("A") + number % _LETTERS)
    while number >= _LETTERS:
        number //= _LETTERS
        text = chr(ord("A") + number % _LETTERS) + text
    return text


class _Identities:
    """The labels ``[id A]`` of nodes and free variables."""

    def __init__(self, style: str) -> None:
        if style not in ("CHAR", "int", "id", ""):
            raise ValueError(f"debugprint: ids is 'CHAR', 'int', 'id' or '', not {style!r}")
        self.style = style
        self.numbers: dict[Any, int] = {}

    def label(self, obj: Any) -> str:
        if self.style == "":
            return ""
        if self.style == "id":
            return f"[id {id(obj)}]"
        number = self.numbers.setdefault(obj, len(self.numbers))
        return f"[id {char_from_number(number) if self.style == 'CHAR' else number}]"


def debugprint(
    obj: Any,
    depth: int = -1,
    print_type: bool = False,
    file: Any = None,
    ids: str = "CHAR",
    stop_on_name: bool = False,
    done: dict[Any, Any] | None = None,
    print_storage: bool = False,
    print_clients: bool = False,
    used_ids: dict[Any, Any] | None = None,
    print_view_map: bool = False,
    print_destroy_map: bool = False,
) -> Any:
    """Print the graph of variables, of a function or of a FunctionGraph, as a tree.

    Every node has a label; where a node appears again, only its line is printed. For functions the position of a node
    in the order of execution stands at the end of its line. The graphs inside of `scan` and `ifelse` follow at the end.

    Parameters
    ----------
    obj
        a variable, node, function or FunctionGraph, or a list of such.
    depth
        levels to print; -1 for all.
    print_type
        show the type of each variable.
    file
        where to print; ``None``: standard output; ``"str"``: return the text.
    ids
        labels as letters (``"CHAR"``), numbers (``"int"``), memory addresses (``"id"``) or none (``""``).
    stop_on_name
        do not look behind variables that have a name.
    done, used_ids
        dicts to carry over what has been printed, and its labels, to a later call.
    print_storage
        for functions: show the values of shared variables and defaults.
    print_clients
        for functions: show who uses each node that is used more than once.
    print_view_map, print_destroy_map
        show these maps of Ops that have them.

    >>> import theano, theano.tensor as T
    >>> x = T.dscalar("x")
    >>> theano.printing.debugprint(x * 2 + 1)
    Elemwise{add,no_inplace} [id A] ''
     |Elemwise{mul,no_inplace} [id B] ''
     | |x [id C]
     | |TensorConstant{2} [id D]
     |TensorConstant{1} [id E]
    """
    identities = _Identities(ids)
    if used_ids is not None:
        identities.numbers = used_ids
    printed: dict[Any, Any] = {} if done is None else done
    out: TextIO = io.StringIO() if file == "str" else sys.stdout if file is None else file
    printer = _Printer(
        out, depth, print_type, identities, printed, stop_on_name, print_clients, print_view_map, print_destroy_map
    )
    for root in _roots(obj, print_storage):
        printer.tree(root)
    printer.inner_graphs()
    if file == "str":
        return out.getvalue()  # type: ignore[attr-defined]
    return None if file is None else file


class _Root:
    """A variable to print, and what is known about its graph."""

    def __init__(self, variable: Variable, fgraph: FunctionGraph | None = None, values: Any = None) -> None:
        self.variable = variable
        self.order = {} if fgraph is None else {node: i for i, node in enumerate(fgraph.toposort())}
        self.clients = {} if fgraph is None else fgraph.clients
        self.values: dict[Variable, Any] = values or {}
        self.meanings: dict[Variable, str] = {}  # what free variables of an inner graph stand for


def _roots(obj: Any, print_storage: bool) -> list[_Root]:
    from theano.compile.function import Function

    roots: list[_Root] = []
    for item in obj if isinstance(obj, list | tuple | set) else [obj]:
        if isinstance(item, Function):
            fgraph = item.maker.fgraph
            values = {v: c.storage[0] for v, c in zip(fgraph.inputs, item.input_storage)} if print_storage else {}
            roots += [_Root(v, fgraph, values) for v in fgraph.outputs]
        elif isinstance(item, FunctionGraph):
            roots += [_Root(v, item) for v in item.outputs]
        elif isinstance(item, Variable):
            roots.append(_Root(item))
        elif isinstance(item, Apply):
            roots.append(_Root(item.outputs[0]))
        elif isinstance(getattr(item, "variable", None), Variable):
            roots.append(_Root(item.variable))
        else:
            raise TypeError(f"debugprint takes variables, nodes, functions and FunctionGraphs, not {item!r}")
    return roots


@dataclass
class _Printer:
    """Prints trees; remembers what has been printed and which Ops with graphs inside have been met."""

    out: TextIO
    depth: int
    print_type: bool
    identities: _Identities
    printed: dict[Any, Any]
    stop_on_name: bool
    print_clients: bool
    print_view_map: bool
    print_destroy_map: bool
    with_inner: list[Apply] = field(default_factory=list)

    def tree(self, root: _Root, first: str = "", rest: str = "") -> None:
        """The tree of a root; `first` precedes its first line, `rest` the others."""
        # Each entry: the variable, the text before it and before its inputs, and the levels left.
        todo: list[tuple[Variable, str, str, int]] = [(root.variable, first, rest, self.depth)]
        while todo:
            variable, prefix, inner, left = todo.pop()
            if left == 0:
                continue
            node = variable.owner
            if node is None:
                self._leaf(root, variable, prefix)
                continue
            again = self._node(root, variable, node, prefix)
            if again or (self.stop_on_name and variable.name is not None):
                continue
            last = len(node.inputs) - 1
            children: Sequence[Variable] = node.inputs
            for i in range(last, -1, -1):
                todo.append((children[i], inner + " |", inner + (" |" if i < last else "  "), left - 1))

    def _leaf(self, root: _Root, variable: Variable, prefix: str) -> None:
        label = self.identities.label(variable)
        kind = f" <{variable.type}>" if self.print_type else ""
        line = f"{prefix}{variable}{' ' if label else ''}{label}{kind}"
        if variable in root.values and not isinstance(variable, Constant):
            line += f" {root.values[variable]!r}"
        elif variable in root.meanings:
            line += f" -> {root.meanings[variable]}"
        print(line, file=self.out)

    def _node(self, root: _Root, variable: Variable, node: Apply, prefix: str) -> bool:
        """Print the line of a node; returns whether it has been printed before."""
        label = self.identities.label(node)
        kind = f" <{variable.type}>" if self.print_type else ""
        output = f".{variable.index}" if len(node.outputs) > 1 else ""
        notes = ""
        if self.print_destroy_map and node.op.destroy_map:
            notes += f" d={node.op.destroy_map}"
        if self.print_view_map and node.op.view_map:
            notes += f" v={node.op.view_map}"
        order = f"   {root.order[node]}" if node in root.order else ""
        again = node in self.printed
        if self.print_clients and not again and len(root.clients.get(variable, ())) > 1:
            users = ", ".join(str(user if user == "output" else user.op) for user, _ in root.clients[variable])
            notes += f" clients: {users}"
        gap = " " if label else ""
        print(f"{prefix}{node.op}{output}{gap}{label}{kind} '{variable.name or ''}'{notes}{order}", file=self.out)
        if not again:
            self.printed[node] = ""
            if hasattr(node.op, "inner_graphs"):
                self.with_inner.append(node)
        return again

    def inner_graphs(self) -> None:
        """The graphs inside of the Ops that have been printed, and those inside of these."""
        if self.with_inner:
            print("\nInner graphs:", file=self.out)
        while self.with_inner:
            node = self.with_inner.pop(0)
            print(f"\n{node.op} {self.identities.label(node)}".rstrip(), file=self.out)
            describe = getattr(node.op, "inner_meanings", None)
            meanings = {} if describe is None else describe(node, self._reference)
            for title, _, outputs in node.op.inner_graphs:
                print(f" {title}:", file=self.out)
                for variable in outputs:
                    root = _Root(variable)
                    root.meanings = meanings
                    self.tree(root, " >", "  ")

    def _reference(self, variable: Variable) -> str:
        """A variable of the graph around, in short."""
        label = self.identities.label(variable if variable.owner is None else variable.owner)
        index = f".{variable.index}" if variable.owner is not None and len(variable.owner.outputs) > 1 else ""
        return f"{variable if variable.owner is None else variable.owner.op}{index} {label}".rstrip()
