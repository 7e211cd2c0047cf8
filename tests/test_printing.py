"""Text forms of expressions and functions."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.printing import debugprint, hex_digest, min_informative_str, pp, pprint, pydotprint, var_descriptor

x, y = T.dscalars("x", "y")
REFERENCE = theano.Mode("reference", None)


def test_pp_of_a_gradient() -> None:
    gradient = T.grad(x**2, x)
    assert pp(gradient) == (
        "((fill((x ** TensorConstant{2}), TensorConstant{1.0}) * TensorConstant{2}) * "
        "(x ** (TensorConstant{2} - TensorConstant{1})))"
    )
    f = theano.function([x], gradient)
    assert pp(f.maker.fgraph.outputs[0]) == "(TensorConstant{2.0} * x)"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: x + y + 1, "((x + y) + TensorConstant{1})"),
        (lambda: -x, "(-x)"),
        (lambda: T.exp(x) // y, "(exp(x) // y)"),
        (lambda: T.gt(x, y), "gt(x, y)"),
        (lambda: T.dot(A, A.T), "(A \\dot A.T)"),
        (lambda: A[0], "A[0]"),
        (lambda: A[1:, ::2], "A[1:, ::2]"),
        (lambda: A.sum(), "Sum{acc_dtype=float64}(A)"),
        (lambda: x.dimshuffle("x"), "x"),
        (lambda: T.dvector("v").dimshuffle(0, "x"), "DimShuffle{0,x}(v)"),
        (lambda: T.dmatrix("m") + T.dvector("v"), "(m + v)"),
        (lambda: T.cast(x, "float32"), "float32(x)"),
        (lambda: x, "x"),
    ],
)
def test_pp(make: Any, text: str) -> None:
    assert pp(make()) == text


A = T.dmatrix("A")


def test_pp_of_named_parts() -> None:
    z = x + 1
    z.name = "z"
    assert pp(z * 2) == "(z * TensorConstant{2})"
    assert pp(z) == "(x + TensorConstant{1})"


def test_pp_assign() -> None:
    printer = pprint.clone_assign(T.exp(x).owner.op, lambda node, number, inputs: f"e^{inputs[0]}")
    assert printer(T.exp(x) + 1) == "(e^x + TensorConstant{1})"
    assert "exp(x)" in pp(T.exp(x))


def test_pp_of_a_function() -> None:
    assert pp(theano.function([x, y], x * y, mode=REFERENCE)) == "x, y -> (x * y)"


def test_debugprint() -> None:
    text = debugprint((x + y) * (x + 1), file="str")
    assert text == (
        "Elemwise{mul,no_inplace} [id A] ''\n"
        " |Elemwise{add,no_inplace} [id B] ''\n"
        " | |x [id C]\n"
        " | |y [id D]\n"
        " |Elemwise{add,no_inplace} [id E] ''\n"
        "   |x [id C]\n"
        "   |TensorConstant{1} [id F]\n"
    )


def test_debugprint_shows_a_node_once() -> None:
    z = T.exp(x)
    assert debugprint(z + z, file="str").count("|x") == 1


def test_debugprint_options() -> None:
    z = T.exp(x)
    z.name = "z"
    out = z * 2
    assert "x" not in debugprint(out, file="str", stop_on_name=True).split("'z'")[1].replace("TensorConstant", "")
    assert debugprint(out, file="str", depth=1).count("\n") == 1
    assert "[id 0]" in debugprint(out, file="str", ids="int")
    assert f"[id {id(x)}]" in debugprint(out, file="str", ids="id")
    assert "[id" not in debugprint(out, file="str", ids="")
    assert "<TensorType(float64, scalar)>" in debugprint(out, file="str", print_type=True)
    with pytest.raises(ValueError, match="ids"):
        debugprint(out, ids="letters")
    with pytest.raises(TypeError, match="debugprint takes"):
        debugprint(3)


def test_debugprint_of_a_function(capsys: pytest.CaptureFixture[str]) -> None:
    s = theano.shared(3.0, "s")
    f = theano.function([x], [T.exp(x) * s, x + 1], mode=REFERENCE)
    debugprint(f, print_storage=True)
    text = capsys.readouterr().out
    assert "''   1" in text and "s [id" in text and "array(3.)" in text and text.count("add") == 1
    file = io.StringIO()
    debugprint([x, T.exp(y)], file=file)
    assert file.getvalue().startswith("x [id A]\n")


def test_deep_graphs() -> None:
    z = x
    for _ in range(3000):
        z = z + 1
    assert pp(z).endswith("TensorConstant{1})")
    assert debugprint(z, file="str", ids="").count("\n") == 6001
    assert min_informative_str(z).count("\n") == 6000
    var_descriptor(z)


def test_min_informative_str() -> None:
    assert min_informative_str((x + y) * (x + y)).splitlines()[1:] == [
        " B. Elemwise{add,no_inplace}",
        "  C. x",
        "  D. y",
        " E. Elemwise{add,no_inplace}",
        "  C. x",
        "  D. y",
    ]
    z = x + y
    assert min_informative_str(z * z).splitlines()[-1] == " <B>"


def test_var_descriptor() -> None:
    assert var_descriptor(x + y) == var_descriptor(x + y)
    assert var_descriptor(x + y) != var_descriptor(y + x)
    assert var_descriptor(x + 1) != var_descriptor(x + 2)


def test_hex_digest() -> None:
    a = np.arange(6.0).reshape(2, 3)
    assert hex_digest(a) == hex_digest(a.copy())
    others = [a.T, a + 1, a.astype("float32"), a.reshape(3, 2)]
    assert len({hex_digest(o) for o in [a, *others]}) == 5


def test_print_op(capsys: pytest.CaptureFixture[str]) -> None:
    v = T.dvector("v")
    shown = theano.printing.Print("v is", attrs=["__str__", "shape"])(v)
    f = theano.function([v], shown * 2)
    assert f([1.0, 2.0]).tolist() == [2, 4]
    assert capsys.readouterr().out == "v is __str__ = [1. 2.]\nv is shape = (2,)\n"
    assert theano.function([v], T.grad(shown.sum(), v))([3.0]).tolist() == [1]
    seen: list[Any] = []
    op = theano.printing.Print(global_fn=lambda op, value: seen.append(value.sum()))
    theano.function([v], op(v))([1.0, 2.0])
    assert seen == [3.0]


def test_stages() -> None:
    s = theano.shared(1.0, "s")
    f = theano.function([x], {"twice": x * 2}, updates=[(s, s + x)], mode=theano.Mode("reference", "fast_run"))
    assert f.stages() == theano.printing.stages(f)
    assert list(f.stages()) == ["expression", "rewritten graph", "interpreted"]
    text = str(f.stages())
    for part in (
        "==== expression ====",
        "output 'twice'",
        "update of s",
        "==== rewritten graph ====",
        "= Elemwise{mul",
    ):
        assert part in text


def test_pydotprint(tmp_path: Any) -> None:
    f = theano.function([x], T.exp(x) * theano.shared(2.0, "s"), mode=REFERENCE)
    path = tmp_path / "graph.dot"
    pydotprint(f, str(path), format="dot", print_output_file=False)
    source = path.read_text()
    assert source.startswith("digraph") and "Elemwise{exp" in source and "cyan" in source and "green" in source
    if not theano.printing.pydot_imported:
        with pytest.raises(RuntimeError, match="pip install pydot"):
            pydotprint(f, str(tmp_path / "graph.png"))


def test_patterns_can_be_assigned() -> None:
    from theano.printing import IgnorePrinter, PatternPrinter

    printer = pprint.clone_assign(T.abs_, PatternPrinter(("|%(0)s|", -1000)))
    printer.assign(T.exp, IgnorePrinter())
    assert printer(T.abs_(x) + T.exp(y)) == "(|x| + y)"


def test_debugprint_shows_the_graphs_inside_of_loops() -> None:
    x, h, w = T.dmatrix("x"), T.dvector("h"), T.dmatrix("w")
    rows, _ = theano.scan(lambda row, state: T.tanh(row + T.dot(state, w)), sequences=x, outputs_info=h, name="rnn")
    text = theano.printing.debugprint(rows, file="str")
    outside, inside = text.split("\nInner graphs:\n")
    assert "Scan{rnn} [id B]" in outside
    assert "tanh" not in outside
    assert "Scan{rnn} [id B]\n the body:\n >Elemwise{tanh,no_inplace}" in inside
    assert "-> row of x [id D]" in inside
    assert "-> state 0, 1 back; begins with InplaceDimShuffle{x,0}" in inside
