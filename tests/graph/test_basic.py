"""Variables, nodes, Ops and types."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.compile.errors import MissingInputError
from theano.graph import Apply, Constant, Generic, MethodNotDefined, Op, Type, Variable, generic
from theano.graph.test_value import get_test_value

x, y = T.dscalars("x", "y")


class Number(Type):
    """Python numbers."""

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        if not isinstance(data, int | float):
            raise TypeError(f"{data!r} is no number")
        return data

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __str__(self) -> str:
        return "Number()"


class Add(Op):
    __props__ = ("times",)
    itypes = [Number(), Number()]
    otypes = [Number()]

    def __init__(self, times: int = 1) -> None:
        self.times = times

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        output_storage[0][0] = sum(inputs) * self.times


def test_own_type_and_op() -> None:
    a, b = Number()("a"), Number()("b")
    f = theano.function([a, b], [Add()(a, b), Add(2)(a, 3)], mode="FAST_COMPILE")
    assert f(1, 2) == [3, 8]
    with pytest.raises(TypeError, match="is no number"):
        f("text", 2)
    with pytest.raises(ValueError, match="takes 2 inputs"):
        Add()(a)
    with pytest.raises(TypeError):
        Add()(a, x)


def test_op_identity() -> None:
    assert Add(2) == Add(2) and hash(Add(2)) == hash(Add(2)) and Add(2) != Add(3)
    assert str(Add(2)) == "Add{times=2}"

    class Plain(Op):
        pass

    assert Plain() != Plain()
    with pytest.raises(MethodNotDefined, match="make_node"):
        Plain()(x)


def test_default_output_and_names() -> None:
    class Two(Op):
        __props__ = ()
        default_output = 1

        def make_node(self, a: Any) -> Apply:
            return Apply(self, [a], [a.type(), a.type()])

    assert Two()(x).index == 1
    assert [v.index for v in Two()(x, return_list=True)] == [1]
    assert Two()(x, name="second").name == "second"
    assert str(Two()(x)) == "Two.out" and str(Two()(x).owner.outputs[0]) == "Two.0"


def test_variable_text_and_clone() -> None:
    z = x + y
    assert str(x) == "x" and str(T.dscalar()) == "<TensorType(float64, scalar)>"
    assert str(z) == "Elemwise{add,no_inplace}.0" and str(z.owner) == "Elemwise{add,no_inplace}(x, y)"
    z.tag.note = 1
    copy = z.clone()
    assert copy.owner is None and copy.type == z.type and copy.tag.note == 1 and copy is not z
    with pytest.raises(TypeError, match="name"):
        Variable(generic, name=3)  # type: ignore[arg-type]


def test_apply_checks() -> None:
    with pytest.raises(TypeError, match="input 0"):
        Apply(Add(), [3], [])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="output 0"):
        Apply(Add(), [], [3])  # type: ignore[list-item]
    z = x + y
    with pytest.raises(ValueError, match="already belongs"):
        Apply(Add(), [], [z])


def test_clone_with_new_inputs() -> None:
    node = (x + y).owner
    assert node.clone_with_new_inputs([x, y]) is node
    other = node.clone_with_new_inputs([y, y])
    assert other.op == node.op and other.inputs == [y, y] and other.trace == node.trace
    f = T.fscalar("f")
    assert node.clone_with_new_inputs([f, f], strict=False).outputs[0].dtype == "float32"
    with pytest.raises(ValueError, match="takes 2 inputs"):
        node.clone_with_new_inputs([x])


def test_user_line() -> None:
    z = x * y  # this very line
    assert "this very line" in z.owner.user_line() and "test_user_line" in z.owner.user_line()


def test_constants() -> None:
    one, same, two = T.constant(1.0), T.constant(1.0), T.constant(2.0)
    assert one.equals(same) and not one.equals(two) and one.value == 1
    assert Constant(generic, "a").equals(Constant(generic, "a"))
    assert str(Constant(generic, "a")) == "Constant{a}"
    nan = T.constant(np.nan)
    assert nan.equals(T.constant(np.nan))


def test_types() -> None:
    assert Generic() == generic and hash(Generic()) == hash(generic)
    assert generic.is_valid_value(None) and generic.filter_variable("a").data == "a"
    assert Number().is_valid_value(3) and not Number().is_valid_value("a")
    with pytest.raises(TypeError, match=r"where type Number\(\) is needed"):
        Number().filter_variable(x)


def test_eval() -> None:
    z = x * 2 + y
    assert z.eval({x: 1.0, y: 2.0}) == 4
    assert z.eval({"x": 2.0, "y": 2.0}) == 6
    with pytest.raises(MissingInputError, match="no value was given for y"):
        z.eval({x: 1.0})
    with pytest.raises(ValueError, match="names no input"):
        z.eval({"q": 1.0})
    assert (theano.shared(3.0) * 2).eval() == 6


def test_test_values() -> None:
    a, b = T.dvector("a"), T.dvector("b")
    a.tag.test_value, b.tag.test_value = np.ones(3), np.ones(2)
    with theano.config.change_flags(compute_test_value="raise"):
        assert (a * 2).tag.test_value.tolist() == [2, 2, 2]
        with pytest.raises(ValueError) as info:
            a + b
        assert "test value" in info.value.__notes__[0]
        with pytest.raises(theano.graph.TestValueError, match="has no test value"):
            a + T.dvector("c")
    with theano.config.change_flags(compute_test_value="ignore"):
        assert not hasattr((a + T.dvector("c")).tag, "test_value")
    assert get_test_value(theano.shared(2.0)) == 2 and get_test_value(T.constant(3.0)) == 3


def test_shallow_and_deep_copies() -> None:
    z = T.exp(x) + y
    z.name = "z"
    shallow, deep = copy.copy(z), copy.deepcopy(z)
    assert shallow is not z and shallow.owner.inputs == z.owner.inputs and shallow.name == "z"
    shallow.name = "other"
    assert z.name == "z" and deep.owner is not z.owner
    assert shallow.eval({x: 0.0, y: 1.0}) == 2
    assert copy.copy(z.owner).inputs == z.owner.inputs
    assert copy.copy(x).type == x.type
    s = theano.shared(np.ones(2))
    again, apart = copy.copy(s), copy.deepcopy(s)
    s.set_value(np.zeros(2))
    assert again.get_value().tolist() == [0, 0] and apart.get_value().tolist() == [1, 1]
