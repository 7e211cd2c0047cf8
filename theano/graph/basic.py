"""The nodes of an expression: variables, constants and the applications that link them.

A graph is bipartite. An :class:`Apply` node says "this Op on these variables gives those variables"; a
:class:`Variable` knows the node that makes it (its ``owner``, ``None`` for an input or a constant) and which output of
that node it is. Everything else in the compiler is a walk over, or a rewriting of, this structure.
"""

from __future__ import annotations

import itertools
import linecache
import os
import sys
import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from theano.configuration import config

if TYPE_CHECKING:
    from theano.graph.op import Op
    from theano.graph.type import Type

PACKAGE_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

_auto_names = itertools.count()


class Scratchpad:
    """A bag of attributes that users and rewrites hang on variables and nodes (``x.tag.test_value``)."""

    def __repr__(self) -> str:
        return f"Scratchpad({self.__dict__!r})"

    def info(self) -> None:
        """Print what the scratchpad holds."""
        for name, value in self.__dict__.items():
            print(f"  {name}: {type(value)} {value}")


scratchpad = Scratchpad


def user_frames() -> tuple[tuple[Any, int], ...]:
    """Code object and line of the innermost frames outside this package, innermost first: ``config.traceback.limit``.

    Only references are taken, since this runs for every node; :func:`format_trace` makes text of them on demand.
    """
    frame = sys._getframe(1)
    found: list[tuple[Any, int]] = []
    limit = config.traceback.limit  # -1: all
    while frame is not None and len(found) != limit:
        if not frame.f_code.co_filename.startswith(PACKAGE_FOLDER):
            found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(found)


def format_trace(trace: Sequence[tuple[Any, ...]], limit: int = 3) -> str:
    """The user's lines of a trace as Python prints them, innermost first."""
    lines = []
    for frame in trace[:limit]:
        if isinstance(frame[0], str):
            filename, number, function = frame[:3]
        else:
            filename, number, function = frame[0].co_filename, frame[1], frame[0].co_name
        lines.append(f'  File "{filename}", line {number}, in {function}')
        text = linecache.getline(filename, number).strip()
        if text:
            lines.append(f"    {text}")
    return "\n".join(lines)


def portable_trace(trace: Sequence[tuple[Any, ...]]) -> tuple[tuple[str, int, str], ...]:
    """A trace as plain strings and numbers, which can be pickled."""
    return tuple(f if isinstance(f[0], str) else (f[0].co_filename, f[1], f[0].co_name) for f in trace)


class Node:
    """What variables and applications have in common: a tag."""

    tag: Scratchpad

    def __copy__(self) -> Any:
        """Another object with the same attributes."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        return copy


class Variable(Node):
    """A value in an expression, known by its type and by what computes it.

    Parameters
    ----------
    type
        what values it can hold.
    owner, index
        the :class:`Apply` that computes it and its place among that node's outputs; ``None`` for a free variable.
    name
        for people; need not be unique.
    """

    __hash__ = object.__hash__

    def __init__(
        self, type: Type, owner: Apply | None = None, index: int | None = None, name: str | None = None
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a variable must be a string, not {name!r}")
        self.type = type
        self.owner = owner
        self.index = index
        self.name = name
        self.tag = Scratchpad()
        self.auto_name = f"auto_{next(_auto_names)}"

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        if self.owner is not None:
            op = self.owner.op
            if self.index == getattr(op, "default_output", None):
                return f"{op}.out"
            return f"{op}.{self.index}"
        return f"<{self.type}>"

    def __repr__(self) -> str:
        if config.print_test_value and hasattr(self.tag, "test_value"):
            return f"{self}\n{self.tag.test_value!r}"
        return str(self)

    def __copy__(self) -> Variable:
        """Another variable of the same value: a copied result is computed by a copy of its node."""
        return super().__copy__() if self.owner is None else self.owner.clone().outputs[self.index or 0]

    def clone(self) -> Variable:
        """A free variable of the same type and name, with a copy of the tag."""
        copy = self.__class__(self.type, None, None, self.name)
        copy.tag.__dict__.update(self.tag.__dict__)
        return copy

    def get_parents(self) -> list[Apply]:
        """The node that computes it, as a list of at most one."""
        return [] if self.owner is None else [self.owner]

    def eval(self, inputs_to_values: dict[Any, Any] | None = None) -> Any:
        """The value of this expression, given values for the free variables that it needs.

        The compiled function is kept, so later calls with the same inputs are quick.

        >>> import theano.tensor as T
        >>> x, y = T.dscalars("x", "y")
        >>> (x + y).eval({x: 1.0, y: 2.0})
        array(3.)
        """
        from theano.compile.errors import MissingInputError
        from theano.compile.function import function
        from theano.compile.sharedvalue import SharedVariable

        given = inputs_to_values or {}
        by_name = {v.name: v for v in _free_inputs(self)} if any(isinstance(k, str) for k in given) else {}
        try:
            values = {(by_name[k] if isinstance(k, str) else k): v for k, v in given.items()}
        except KeyError as error:
            raise ValueError(f"eval: {error} names no input of {self}; its inputs are {list(by_name)}") from None
        missing = [v for v in _free_inputs(self) if v not in values and not isinstance(v, SharedVariable)]
        if missing:
            raise MissingInputError(
                f"eval: no value was given for {', '.join(map(str, missing))}, on which {self} depends",
                variable=missing[0],
            )
        inputs = tuple(sorted(values, key=id))
        cache = self.__dict__.setdefault("_eval_functions", {})
        if inputs not in cache:
            cache[inputs] = function(list(inputs), self, on_unused_input="ignore")
        return cache[inputs](*(values[v] for v in inputs))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state.pop("_eval_functions", None)
        state["tag"] = _portable_tag(self.tag)
        return state

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.owner is None:
            return (_new_object, (self.__class__,), self.__getstate__())
        if _pickling.is_ordered(self.owner):
            return (_output_of, (self.owner, self.index))
        return (_last_of, (_OrderedNodes([self]),))


class Constant(Variable):
    """A variable whose value is known when the graph is built.

    ``data`` must not be changed afterwards; two constants with equal type and data are merged.
    """

    def __init__(self, type: Type, data: Any, name: str | None = None) -> None:
        super().__init__(type, None, None, name)
        self.data = type.filter(data)

    @property
    def value(self) -> Any:
        """The data, under the name that Theano 1.0 also offered."""
        return self.data

    def signature(self) -> Any:
        """A hashable, comparable summary: constants with equal signatures are the same value."""
        return (self.type, self.data)

    def equals(self, other: Any) -> bool:
        """Whether `other` is a constant of the same type and value."""
        return isinstance(other, Constant) and self.signature() == other.signature()

    def clone(self) -> Constant:
        copy = self.__class__(self.type, self.data, self.name)
        copy.tag.__dict__.update(self.tag.__dict__)
        return copy

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        text = str(self.data)
        if len(text) > 20:
            text = f"{text[:10]}...{text[-10:]}".replace("\n", "")
        return f"{type(self).__name__}{{{text}}}"


class Apply(Node):
    """The application of an Op to inputs, giving outputs.

    Attributes
    ----------
    trace
        the user's lines that made the node, innermost first; see :func:`format_trace`.
    """

    def __init__(self, op: Op, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> None:
        self.op = op
        self.inputs: list[Any] = list(inputs)  # Any: what else a variable has depends on its type
        self.outputs: list[Any] = list(outputs)
        for i, variable in enumerate(self.inputs):
            if not isinstance(variable, Variable):
                raise TypeError(f"{op}: input {i} of an Apply must be a Variable, not {variable!r} of {type(variable)}")
        for i, variable in enumerate(self.outputs):
            if not isinstance(variable, Variable):
                raise TypeError(
                    f"{op}: output {i} of an Apply must be a Variable, not {variable!r} of {type(variable)}"
                )
            if variable.owner is None:
                variable.owner = self
                variable.index = i
            elif variable.owner is not self or variable.index != i:
                raise ValueError(f"{op}: output {i} already belongs to another node ({variable.owner})")
        self.tag = Scratchpad()
        self.trace: tuple[tuple[Any, ...], ...] = user_frames()

    @property
    def nin(self) -> int:
        return len(self.inputs)

    @property
    def nout(self) -> int:
        return len(self.outputs)

    @property
    def out(self) -> Variable:
        """The default output."""
        return self.default_output()

    def default_output(self) -> Variable:
        """The output that a call of the Op returns: its only one, or number ``op.default_output``."""
        number = getattr(self.op, "default_output", None)
        if number is None:
            if len(self.outputs) != 1:
                raise ValueError(f"{self.op} has {len(self.outputs)} outputs and no default_output")
            return self.outputs[0]
        if not 0 <= number < len(self.outputs):
            raise ValueError(f"{self.op}: default_output {number} is out of range for {len(self.outputs)} outputs")
        return self.outputs[number]

    def __str__(self) -> str:
        return f"{self.op}({', '.join(str(v) for v in self.inputs)})"

    __repr__ = __str__

    def clone(self) -> Apply:
        """The same Op on the same inputs with fresh outputs; keeps tag and trace."""
        copy = object.__new__(type(self))  # whole graphs are copied so: there is nothing to check or to look up again
        copy.op = self.op
        copy.inputs = list(self.inputs)
        copy.outputs = [_fresh(output) for output in self.outputs]
        for i, output in enumerate(copy.outputs):
            output.owner, output.index = copy, i
        copy.tag = Scratchpad()
        copy.tag.__dict__.update(self.tag.__dict__)
        copy.trace = self.trace
        return copy

    def clone_with_new_inputs(self, inputs: Sequence[Variable], strict: bool = True) -> Apply:
        """The same Op on other inputs.

        Where input types differ from the old ones, the inputs are converted (``strict``) or the node is made anew by
        the Op's ``make_node``, so that output types follow.
        """
        if len(inputs) != len(self.inputs):
            raise ValueError(f"{self.op} takes {len(self.inputs)} inputs, got {len(inputs)}")
        inputs = list(inputs)
        remake = False
        for i, (old, new) in enumerate(zip(self.inputs, inputs, strict=True)):
            if old.type != new.type:
                if strict:
                    inputs[i] = old.type.filter_variable(new)
                else:
                    remake = True
        if remake:
            node = self.op.make_node(*inputs)
            node.tag.__dict__.update(self.tag.__dict__)
            node.trace = self.trace
            return node
        if all(old is new for old, new in zip(self.inputs, inputs, strict=True)):
            return self
        copy = self.clone()
        copy.inputs = inputs
        return copy

    def get_parents(self) -> list[Variable]:
        return list(self.inputs)

    def user_line(self) -> str:
        """Where the user's program made this node, as text for error messages; empty when unknown."""
        return format_trace(self.trace)

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __reduce_ex__(self, protocol: Any) -> Any:
        if not _pickling.is_ordered(self):
            return (_last_of, (_OrderedNodes([self]),))
        outputs = [(v.__class__, v.type, v.name, _portable_tag(v.tag), v.auto_name) for v in self.outputs]
        return (_rebuild_apply, (self.op, self.inputs, outputs, _portable_tag(self.tag), portable_trace(self.trace)))


def _fresh(variable: Variable) -> Variable:
    """A variable of the same class, type, name and tag, without owner."""
    copy = variable.__class__(variable.type, None, None, variable.name)
    copy.tag.__dict__.update(variable.tag.__dict__)
    return copy


def _free_inputs(variable: Variable) -> list[Variable]:
    from theano.graph.traversal import graph_inputs

    return [v for v in graph_inputs([variable]) if not isinstance(v, Constant)]


# ---- pickling without recursion over the depth of the graph
#
# pickle follows references depth first, which overflows the stack for deep graphs. So the first variable or node that
# it meets stands for a list of all nodes below it, inputs before users; while pickle walks that list every node finds
# its inputs already written. Two marks in the list, which do something when they are pickled themselves, say when the
# walk begins and ends.


class _Pickling(threading.local):
    """The lists that are being written, the innermost last, each with the set of its nodes."""

    def __init__(self) -> None:
        self.lists: list[tuple[weakref.ref[_OrderedNodes], set[Apply]]] = []

    def is_ordered(self, node: Apply) -> bool:
        """Whether `node` is in a list that is being written, so that its inputs come before it."""
        while self.lists and self.lists[-1][0]() is None:
            self.lists.pop()  # pickling it was broken off by an exception
        return any(node in nodes for _, nodes in self.lists)


_pickling = _Pickling()


def _portable_tag(tag: Scratchpad) -> Scratchpad:
    copy = Scratchpad()
    left_out = ("trace",) if config.pickle_test_value else ("trace", "test_value")
    copy.__dict__.update((k, v) for k, v in tag.__dict__.items() if k not in left_out)
    return copy


class _OrderedNodes(list):
    """Variables or nodes to be pickled together with all that they depend on, in dependency order.

    What comes back from a pickle holds more; :meth:`roots` are the objects of the original list.
    """

    def __reduce_ex__(self, protocol: Any) -> Any:
        from theano.graph.traversal import toposort

        nodes = toposort([output for v in self for output in (v.outputs if isinstance(v, Apply) else [v])])
        return (_OrderedNodes, (), None, iter([_Mark(self, nodes), *nodes, *self, _Mark(self, None)]))

    def roots(self) -> list[Any]:
        """The objects of the list that was pickled."""
        return self[-1 - self[-1] : -1]


class _Mark:
    """Beginning (with the nodes) or end of a list that is being written."""

    def __init__(self, owner: _OrderedNodes, nodes: list[Apply] | None) -> None:
        self.owner = owner
        self.nodes = nodes

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.nodes is not None:
            _pickling.lists.append((weakref.ref(self.owner), set(self.nodes)))
        else:
            _pickling.lists = [entry for entry in _pickling.lists if entry[0]() is not self.owner]
        return (int, (len(self.owner),))


def _last_of(nodes: _OrderedNodes) -> Any:
    return nodes.roots()[-1]


def _output_of(node: Apply, index: int) -> Variable:
    return node.outputs[index]


def _new_object(cls: Any) -> Any:
    return cls.__new__(cls)


def _rebuild_apply(op: Op, inputs: list[Variable], outputs: list[Any], tag: Scratchpad, trace: Any) -> Apply:
    fresh = []
    for cls, type, name, output_tag, auto_name in outputs:
        variable = cls(type, None, None, name)
        variable.tag = output_tag
        variable.auto_name = auto_name
        fresh.append(variable)
    node = Apply(op, inputs, fresh)
    node.tag = tag
    node.trace = trace
    return node
