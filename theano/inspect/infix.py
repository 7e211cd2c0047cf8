"""pp: expressions as formulas in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from theano.graph.basic import Apply, Variable
from theano.graph.traversal import toposort

# How an Op prints: a function of the node, the output's number and the texts of the inputs.
NodePrinter = Callable[[Apply, int, Sequence[str]], str]


def OperatorPrinter(operator: str, precedence: int = 0, assoc: str = "left") -> NodePrinter:
    """Prints ``(a + b + c)``, or ``(-a)`` for one operand; precedence and assoc are accepted as in Theano 1.0."""

    def text(node: Apply, number: int, inputs: Sequence[str]) -> str:
        if len(inputs) == 1:
            return f"({operator}{inputs[0]})"
        return f"({f' {operator} '.join(inputs)})"

    return text


def FunctionPrinter(*names: str) -> NodePrinter:
    """Prints ``name(a, b)``, with one name for each output."""

    def text(node: Apply, number: int, inputs: Sequence[str]) -> str:
        return f"{names[min(number, len(names) - 1)]}({', '.join(inputs)})"

    return text


def MemberPrinter(*names: str) -> NodePrinter:
    """Prints ``a.name``."""

    def text(node: Apply, number: int, inputs: Sequence[str]) -> str:
        return f"{inputs[0]}.{names[min(number, len(names) - 1)]}"

    return text


def PatternPrinter(*patterns: str | tuple[Any, ...]) -> NodePrinter:
    """Prints by a pattern for each output: ``"%(0)s"`` in it is the first operand, ``"%(1)s"`` the second, and so on.

    A tuple of a pattern and numbers, precedences in Theano 1.0, is accepted.
    """
    texts = [p if isinstance(p, str) else p[0] for p in patterns]

    def text(node: Apply, number: int, inputs: Sequence[str]) -> str:
        return texts[min(number, len(texts) - 1)] % {str(i): operand for i, operand in enumerate(inputs)}

    return text


def IgnorePrinter() -> NodePrinter:
    """Prints the first operand alone."""
    return lambda node, number, inputs: inputs[0]


def _default(node: Apply, number: int, inputs: Sequence[str]) -> str:
    suffix = f".{number}" if len(node.outputs) > 1 else ""
    return f"{node.op}({', '.join(inputs)}){suffix}"


# ---- printers of the library's own Ops, by the names of their classes

_AS_FUNCTIONS = {"lt", "le", "gt", "ge", "eq", "neq", "mod"}
_NAMES = {"second": "fill"}


def _elemwise(node: Apply, number: int, inputs: Sequence[str]) -> str:
    scalar_op = node.op.scalar_op
    name = scalar_op.name or str(scalar_op)
    symbol = getattr(scalar_op, "symbol", None)
    if name.startswith("Cast{"):
        return f"{node.outputs[number].type.dtype}({inputs[0]})"
    if name == "abs_":
        return f"|{inputs[0]}|"
    if symbol and name not in _AS_FUNCTIONS:
        return OperatorPrinter(symbol)(node, number, inputs)
    return FunctionPrinter(_NAMES.get(name, str(scalar_op)))(node, number, inputs)


def _dimshuffle(node: Apply, number: int, inputs: Sequence[str]) -> str:
    order = node.op.new_order
    if order == (1, 0):
        return f"{inputs[0]}.T"
    given = [axis for axis in order if axis != "x"]
    if order[len(order) - len(given) :] == tuple(given) == tuple(range(node.inputs[0].type.ndim)):
        return inputs[0]  # padding on the left, which operands get by themselves
    return f"DimShuffle{{{','.join(map(str, order))}}}({inputs[0]})"


def _dot(node: Apply, number: int, inputs: Sequence[str]) -> str:
    return f"({inputs[0]} \\dot {inputs[1]})"


def index_text(idx_list: Sequence[Any], dynamic: Sequence[str]) -> str:
    """The text between the brackets of an index: parts that are not static are taken from `dynamic` in order."""
    remaining = iter(dynamic)

    def part(entry: Any) -> str:
        if entry is None:
            return ""
        return str(entry) if isinstance(entry, int) else next(remaining, "?")

    def item(entry: Any) -> str:
        if hasattr(entry, "step"):
            start, stop, step = part(entry.start), part(entry.stop), part(entry.step)
            return f"{start}:{stop}" + (f":{step}" if step else "")
        return part(entry)

    return ", ".join(item(entry) for entry in idx_list)


def _subtensor(node: Apply, number: int, inputs: Sequence[str]) -> str:
    return f"{inputs[0]}[{index_text(node.op.idx_list, inputs[1:])}]"


def _inc_subtensor(node: Apply, number: int, inputs: Sequence[str]) -> str:
    op: Any = node.op
    verb = "set_subtensor" if op.set_instead_of_inc else "inc_subtensor"
    return f"{verb}({inputs[0]}[{index_text(op.idx_list, inputs[2:])}], {inputs[1]})"


_BY_CLASS: dict[str, NodePrinter] = {
    "Elemwise": _elemwise,
    "DimShuffle": _dimshuffle,
    "Dot": _dot,
    "Subtensor": _subtensor,
    "IncSubtensor": _inc_subtensor,
    "AdvancedSubtensor1": lambda node, number, inputs: f"{inputs[0]}[{inputs[1]}]",
    "Shape": MemberPrinter("shape"),
    "Reshape": FunctionPrinter("reshape"),
    "Join": FunctionPrinter("join"),
    "Alloc": FunctionPrinter("alloc"),
    "MakeVector": lambda node, number, inputs: f"[{', '.join(inputs)}]",
    "Shape_i": lambda node, number, inputs: f"{inputs[0]}.shape[{node.op.i}]",
}


class PPrinter:
    """Prints expressions as formulas; knows a printer for each Op, and more can be assigned."""

    def __init__(self) -> None:
        self.assigned: list[tuple[Any, NodePrinter]] = []

    def assign(self, condition: Any, printer: NodePrinter) -> None:
        """Print nodes of an Op (or for which ``condition(None, variable)`` is true) by `printer`.

        `printer` is called with the node, the number of its output and the texts of the inputs.
        """
        self.assigned.insert(0, (condition, printer))

    def clone(self) -> PPrinter:
        """A printer of its own, with the same assignments."""
        other = PPrinter()
        other.assigned = list(self.assigned)
        return other

    def clone_assign(self, condition: Any, printer: NodePrinter) -> PPrinter:
        """A clone with one more assignment."""
        other = self.clone()
        other.assign(condition, printer)
        return other

    def _printer(self, node: Apply, variable: Variable) -> NodePrinter:
        from theano.graph.op import Op

        for condition, printer in self.assigned:
            if condition == node.op if isinstance(condition, Op) else condition(None, variable):
                return printer
        for cls in type(node.op).__mro__:
            if cls.__name__ in _BY_CLASS:
                return _BY_CLASS[cls.__name__]
        return _default

    def process(self, variable: Variable, pstate: Any = None) -> str:
        """The formula of a variable."""
        # Texts are joined in one pass from the leaves to the root: parts that are used twice are made once.
        texts: dict[Variable, str] = {}
        for node in toposort([variable]):
            inputs = [texts.get(v) or str(v) for v in node.inputs]
            for number, output in enumerate(node.outputs):
                if output.name is not None and output is not variable:
                    texts[output] = output.name
                else:
                    texts[output] = self._printer(node, output)(node, number, inputs)
        return texts.get(variable) or str(variable)

    def process_graph(self, inputs: Sequence[Variable], outputs: Sequence[Variable], updates: Any = None) -> str:
        """The formulas of a graph: ``inputs -> outputs``, with what is updated."""
        head = ", ".join(map(str, inputs))
        parts = [self.process(v) for v in outputs]
        for old, new in (updates or {}).items():
            parts.append(f"{old} <- {self.process(new)}")
        return f"{head} -> {', '.join(parts)}"

    def __call__(self, *args: Any) -> str:
        """The formula of a variable, or of a graph: a FunctionGraph, a function, or inputs and outputs."""
        if len(args) == 1:
            (obj,) = args
            if isinstance(obj, Variable):
                return self.process(obj)
            fgraph = getattr(getattr(obj, "maker", None), "fgraph", obj)
            if hasattr(fgraph, "inputs") and hasattr(fgraph, "outputs"):
                return self.process_graph(fgraph.inputs, fgraph.outputs)
            return str(obj)
        return self.process_graph(*args)


pprint = PPrinter()


def pp(*args: Any) -> str:
    """An expression as a formula in one line; every operator has its parentheses.

    Parameters
    ----------
    *args
        a variable, a function or a FunctionGraph.

    >>> import theano, theano.tensor as T
    >>> x = T.dscalar("x")
    >>> theano.pp(x ** 2)
    '(x ** TensorConstant{2})'
    """
    return pprint(*args)
