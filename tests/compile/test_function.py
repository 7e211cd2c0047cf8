"""theano.function: arguments, results, errors."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.compile.errors import MissingInputError, UnusedInputError

x, y = T.dscalars("x", "y")
v = T.dvector("v")


def test_positions_and_names() -> None:
    f = theano.function([x, y], x - y)
    assert f(5, 3) == 2
    assert f(5, y=3) == 2
    assert f(y=3, x=5) == 2


def test_form_of_results() -> None:
    assert isinstance(theano.function([x], x)(1), np.ndarray)
    assert theano.function([x], [x])(1) == [np.array(1.0)]
    assert theano.function([x], (x, 2 * x))(1) == [np.array(1.0), np.array(2.0)]
    assert theano.function([x], {"one": x, "two": 2 * x})(1) == {"one": 1.0, "two": 2.0}
    assert theano.function([], [])() == []
    assert theano.function([])() == []


def test_output_subset() -> None:
    f = theano.function([x], [x, 2 * x, 3 * x])
    assert f(1, output_subset=[2, 0]) == [3.0, 1.0]
    g = theano.function([x], {"one": x, "two": 2 * x})
    assert g(1, output_subset=["two"]) == {"two": 2.0}


def test_results_do_not_alias() -> None:
    values = np.array([1.0, 2.0])
    same = theano.function([v], [v, v])
    a, b = same(values)
    assert not np.shares_memory(a, values) and not np.shares_memory(a, b)
    s = theano.shared(values, borrow=True)
    result = theano.function([], s)()
    result[0] = 7
    assert s.get_value()[0] == 1


def test_inputs_are_left_alone() -> None:
    values = np.array([1.0, 2.0])
    theano.function([v], v * 2 + 1)(values)
    assert values.tolist() == [1.0, 2.0]


def test_interior_variable_as_input() -> None:
    doubled = x * 2
    assert theano.function([doubled], doubled + 1)(5) == 6


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((1,), {}, ["no value was given for y"]),
        ((1, 2, 3), {}, ["at most 2", "3 were given"]),
        ((1, 2), {"z": 3}, ["no argument named 'z'"]),
        ((1, 2), {"y": 3}, ["'y' was given twice"]),
        (([1.0], 2), {}, ["argument 0 (x)", "dimensions"]),
        ((1, "a"), {}, ["argument 1 (y)"]),
    ],
)
def test_wrong_arguments(args: tuple, kwargs: dict, words: list[str]) -> None:
    f = theano.function([x, y], x + y, name="addition")
    with pytest.raises((TypeError, ValueError)) as info:
        f(*args, **kwargs)
    for word in ["addition", *words]:
        assert word in str(info.value)


def test_downcast() -> None:
    z = T.fvector("z")
    data = np.array([0.1])
    with pytest.raises(TypeError, match="allow_input_downcast=True"):
        theano.function([z], z)(data)
    assert theano.function([z], z, allow_input_downcast=True)(data).dtype == np.float32
    i = T.iscalar("i")
    assert theano.function([i], i, allow_input_downcast=True)(3.7) == 3
    with pytest.raises(TypeError):
        theano.function([T.fscalar("s")], T.constant(1.0), allow_input_downcast=False, on_unused_input="ignore")(0.1)


def test_strict_input() -> None:
    f = theano.function([theano.In(v, strict=True)], v)
    f(np.zeros(2))
    with pytest.raises(TypeError, match="strict"):
        f(np.zeros(2, "int32"))
    with pytest.raises(TypeError):
        f([0.0])


def test_trust_input() -> None:
    f = theano.function([v], v + 1)
    f.trust_input = True
    assert f(np.array([1.0])).tolist() == [2.0]
    assert f.copy().trust_input


def test_name_defaults_to_the_line() -> None:
    f = theano.function([x], x)
    assert "test_function.py" in f.name
    assert theano.function([x], x, name="identity").name == "identity"


# ---- errors when compiling


def test_missing_input() -> None:
    with pytest.raises(MissingInputError) as info:
        theano.function([x], x + y)
    assert info.value.variable is y
    assert "y of type" in str(info.value) and "test_function.py" in str(info.value)
    with pytest.raises(MissingInputError, match="output 0 itself"):
        theano.function([x], y, on_unused_input="ignore")


def test_unused_input() -> None:
    with pytest.raises(UnusedInputError, match="y of type"):
        theano.function([x, y], x)
    with pytest.warns(UserWarning, match="y of type"):
        theano.function([x, y], x, on_unused_input="warn")
    assert theano.function([x, y], x, on_unused_input="ignore")(1, 2) == 1
    with theano.config.change_flags(on_unused_input="ignore"):
        theano.function([x, y], x)
    with pytest.raises(ValueError, match="on_unused_input"):
        theano.function([x, y], x, on_unused_input="no")


def test_input_twice() -> None:
    with pytest.raises(UnusedInputError, match="given twice"):
        theano.function([x, x], x)


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        (x, x, "list"),
        ([3], x, "input 0"),
        ([T.constant(1.0)], x, "constant"),
        ([theano.shared(1.0, "w")], x, "givens"),
        ([x], [3], "output 0"),
        ([x], [x, None], "output 1"),
    ],
)
def test_wrong_lists(inputs: object, outputs: object, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        theano.function(inputs, outputs)  # type: ignore[arg-type]


def test_dict_keys() -> None:
    with pytest.raises(AssertionError, match="keys"):
        theano.function([x], {1: x})


# ---- defaults


def test_default_value() -> None:
    f = theano.function([x, theano.In(y, value=10.0)], x + y)
    assert f(1) == 11 and f(1, 2) == 3 and f(1, y=5) == 6 and f(1) == 11
    assert f[y] == f["y"] == f.value[y] == 10
    f[y] = 20
    assert f(1) == 21
    assert theano.function([(x, 2.0)], x)() == 2
    assert theano.function([theano.Param(x, default=2.0, name="other")], x)(other=4) == 4


def test_default_must_fit() -> None:
    with pytest.raises(TypeError, match="default of input y"):
        theano.function([x, theano.In(y, value=[1.0])], x + y)


def test_named_input() -> None:
    f = theano.function([theano.In(x, name="size")], x)
    assert f(size=3) == 3
    with pytest.raises(TypeError):
        f(x=3)


def test_input_with_update_keeps_state() -> None:
    f = theano.function([x, theano.In(y, value=10.0, update=x + y)], y)
    assert [float(f(1)), float(f(2)), float(f[y])] == [10, 11, 13]
    assert f(5, 3) == 3 and f[y] == 8
    copied = f.copy()
    copied(1)
    assert copied[y] == 9 and f[y] == 8


def test_shared_container() -> None:
    h = theano.function([theano.In(y, value=0.0)], y)
    f = theano.function([x, theano.In(y, value=h.container[y], implicit=True)], x + y)
    h[y] = 5
    assert f(1) == 6


def test_unknown_and_ambiguous_access() -> None:
    f = theano.function([x, theano.In(T.dscalar("x"), value=1.0)], x, on_unused_input="ignore")
    with pytest.raises(TypeError, match="several inputs named 'x'"):
        f["x"]
    with pytest.raises(TypeError, match="no input 'z'"):
        f["z"]


def test_mutable_without_borrow() -> None:
    with pytest.raises(AssertionError, match="borrow"):
        theano.In(x, mutable=True, borrow=False)


# ---- while running


def test_note_on_failing_node() -> None:
    w = T.dvector("w")
    f = theano.function([v, w], v * w, mode=theano.Mode("reference", None))
    with pytest.raises(ValueError) as info:
        f([1.0, 2.0], [1.0, 2.0, 3.0])
    (note,) = info.value.__notes__
    assert "The node that failed" in note and "shape (3,)" in note and "float64" in note and "strides" in note
    assert "test_function.py" in note and "f = theano.function([v, w], v * w" in note
    with theano.config.change_flags(exception_verbosity="high"), pytest.raises(ValueError) as info:
        f([1.0, 2.0], [1.0, 2.0, 3.0])
    assert "Values alive" in info.value.__notes__[0]


def test_accept_inplace() -> None:
    class Increment(theano.Op):
        __props__ = ()
        destroy_map = {0: [0]}

        def make_node(self, a):  # type: ignore[no-untyped-def]
            return theano.Apply(self, [a], [a.type()])

        def perform(self, node, inputs, output_storage):  # type: ignore[no-untyped-def]
            inputs[0] += 1
            output_storage[0][0] = inputs[0]

    z = Increment()(v)
    with pytest.raises(TypeError, match="accept_inplace"):
        theano.function([v], z)
    values = np.zeros(2)
    f = theano.function([v], [z, v * 1], accept_inplace=True)
    results = f(values)
    assert [r.tolist() for r in results] == [[1.0, 1.0], [0.0, 0.0]]
    assert values.tolist() == [0.0, 0.0]
