"""What theano.scan accepts of arguments and of step functions, and what it says of the rest."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.loops.helpers import loop_of, run
from theano.scan_module import until

# ---- what a step function may return


S = theano.shared(np.float64(0), "S")


@pytest.mark.parametrize(
    ("returned", "n_outputs", "n_updates", "has_condition"),
    [
        (lambda x: x, 1, 0, False),
        (lambda x: [x], 1, 0, False),
        (lambda x: (x, x), 2, 0, False),
        (lambda x: {S: x}, 0, 1, False),
        (lambda x: OrderedDict([(S, x)]), 0, 1, False),
        (lambda x: [(S, x)], 0, 1, False),
        (lambda x: ([], [(S, x)]), 0, 1, False),
        (lambda x: (x, {S: x}), 1, 1, False),
        (lambda x: (x, [(S, x)]), 1, 1, False),
        (lambda x: [[x, x], theano.OrderedUpdates({S: x})], 2, 1, False),
        (lambda x: ((x, x), {}), 2, 0, False),
        (lambda x: (x, []), 1, 0, False),
        (lambda x: (x, until(x > 1)), 1, 0, True),
        (lambda x: ([x, x], until(x > 1)), 2, 0, True),
        (lambda x: ({S: x}, until(x > 1)), 0, 1, True),
        (lambda x: ([x], [(S, x)], until(x > 1)), 1, 1, True),
        (lambda x: [x, {S: x}, until(x > 1)], 1, 1, True),
        (lambda x: (x, x, x), 3, 0, False),
        (lambda x: (x, x, {S: x}, until(x > 1)), 2, 1, True),
        (lambda x: 1.5, 1, 0, False),
    ],
)
def test_what_may_be_returned(returned: Any, n_outputs: int, n_updates: int, has_condition: bool) -> None:
    x = T.dvector("x")
    outputs, updates = theano.scan(returned, sequences=x, return_list=True)
    assert len(outputs) == n_outputs and len(updates) == n_updates and isinstance(updates, theano.OrderedUpdates)
    assert loop_of([*outputs, *updates.values()][0]).layout.until == has_condition
    S.set_value(0)
    results = run([x], outputs, [1, 2, 3], updates=updates)
    assert all(len(r) == (2 if has_condition else 3) for r in results)
    assert S.get_value() == (n_updates and (2 if has_condition else 3))


def test_results_are_bare_alone_and_a_list_together() -> None:
    x = T.dvector("x")
    assert isinstance(theano.scan(lambda a: a, sequences=x)[0], T.TensorVariable)
    assert isinstance(theano.scan(lambda a: a, sequences=x, return_list=True)[0], list)
    assert isinstance(theano.scan(lambda a: [a, a], sequences=x)[0], list)
    assert theano.scan(lambda a: {S: a}, sequences=x)[0] is None
    assert theano.scan(lambda a: [], sequences=x)[0] is None


# ---- types of states


def test_numbers_take_the_dtype_of_the_step() -> None:
    for kind, number, dtype in [
        (T.dvector, 0, "float64"),
        (T.fvector, 0, "float32"),
        (T.fvector, 0.0, "float32"),
        (T.dvector, 0.0, "float64"),
        (T.ivector, 0, "int64"),
        (T.ivector, 0.5, "float64"),
        (T.zvector, 1, "complex128"),
    ]:
        x = kind("x")
        sums, _ = theano.scan(lambda a, s: s + a, sequences=x, outputs_info=number)
        assert sums.dtype == dtype
        assert run([x], sums, [1, 2]).tolist() == [number + 1, number + 3]
    counts, _ = theano.scan(lambda s: s + 1, outputs_info=0, n_steps=300)
    assert counts.dtype == "int64" and run([], counts)[-1] == 300


def test_lower_dtypes_are_cast_up() -> None:
    x = T.fvector("x")
    for dtype in ("float64", "complex128"):
        sums, _ = theano.scan(lambda a, s: a, sequences=x, outputs_info=T.constant(0, dtype=dtype))
        assert sums.dtype == dtype
    counted, _ = theano.scan(lambda s: T.constant(1, dtype="int64"), outputs_info=np.float32(0), n_steps=2)
    assert counted.dtype == "float32" and run([], counted).tolist() == [1, 1]


def test_higher_dtypes_are_refused() -> None:
    h = T.fscalar("h")
    with pytest.raises(TypeError) as caught:
        theano.scan(lambda s: s * np.float64(1.1), outputs_info=[None, h][1:], n_steps=2)
    text = str(caught.value)
    for part in (
        "state 0 (h)",
        "float32, scalar",
        "float64, scalar",
        "test_scan_arguments.py",
        "np.float64(1.1)",
        "cast(new, ",
    ):
        assert part in text
    with pytest.raises(TypeError, match="state 1"):
        theano.scan(lambda s, i: [s, i * 1.5], outputs_info=[h, np.int64(0)], n_steps=2)
    with pytest.raises(TypeError, match="complex128"):
        theano.scan(lambda s: s * np.complex128(1j), outputs_info=np.float64(0), n_steps=2)


def test_other_ranks_are_refused() -> None:
    with pytest.raises(TypeError, match=r"state 0 \(h\).*vector.*scalar(?s:.*)initial\[0\]"):
        theano.scan(lambda s: s.sum(), outputs_info=T.dvector("h"), n_steps=2)
    with pytest.raises(TypeError, match=r"scalar.*vector(?s:.*)initial value of rank 1"):
        theano.scan(lambda s: s * T.dvector(), outputs_info=T.dscalar("h"), n_steps=2)
    with pytest.raises(TypeError, match=r"first dimension of the initial value is time"):
        theano.scan(lambda a, b: a * T.dvector(), outputs_info=dict(initial=T.dvector(), taps=[-2, -1]), n_steps=2)


def test_broadcast_patterns_agree() -> None:
    x, w = T.dmatrix("x"), T.dmatrix("w")
    h, _ = theano.scan(lambda h: T.dot(w, h), outputs_info=T.zeros((1, 2)) + np.arange(1.0, 3.0), n_steps=3)
    assert h.broadcastable == (False, False, False)
    assert run([w], h, [[2]]).tolist() == [[[2, 4]], [[4, 8]], [[8, 16]]]
    row, _ = theano.scan(lambda a, h: T.shape_padleft(a), sequences=x, outputs_info=x[:1])
    assert run([x], row, [[1, 2], [3, 4]]).tolist() == [[[1, 2]], [[3, 4]]]
    kept, _ = theano.scan(lambda h: 2 * h, outputs_info=np.ones((1, 2)), n_steps=3)
    assert kept.broadcastable == (False, True, False)
    with pytest.raises(ValueError, match="keeps its shape"):
        run([w], h, [[2], [3]])


# ---- misuse


def test_misuse() -> None:
    x, s = T.dvector("x"), T.dscalar("s")

    def ok(*rows: Any) -> Any:
        return rows[0]

    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda: theano.scan(ok), ValueError, "how many steps"),
        (lambda: theano.scan(ok, outputs_info=s), ValueError, "say n_steps="),
        (lambda: theano.scan(ok, outputs_info=s, n_steps=np.inf), ValueError, "how many steps"),
        (lambda: theano.scan(ok, x, n_steps=2.5), ValueError, "n_steps must be an integer, got 2.5"),
        (lambda: theano.scan(ok, x, n_steps=s), ValueError, "n_steps must be an integer.*float64"),
        (lambda: theano.scan(ok, x, n_steps=T.lvector("v")), TypeError, "n_steps must be a scalar"),
        (lambda: theano.scan(ok, x, n_steps="3"), ValueError, "n_steps must be an integer"),
        (lambda: theano.scan(ok, s), TypeError, r"sequence 0 \(s\) has rank 0.*non_sequences"),
        (lambda: theano.scan(ok, [x, object()]), TypeError, "sequence 1 must be a tensor"),
        (lambda: theano.scan(ok, dict(taps=[0])), ValueError, "sequence 0.*needs something to go through"),
        (lambda: theano.scan(ok, dict(input=x, tap=[0])), ValueError, "sequence 0 has the key 'tap'"),
        (lambda: theano.scan(ok, dict(input=x, taps=[])), ValueError, "empty list of taps"),
        (lambda: theano.scan(ok, dict(input=x, taps=[0, 0])), ValueError, "a tap twice"),
        (lambda: theano.scan(ok, dict(input=x, taps=[0.5])), TypeError, "taps of sequence 0 are integers"),
        (lambda: theano.scan(ok, x, dict(taps=[-1])), ValueError, "taps .* but no initial value"),
        (lambda: theano.scan(ok, x, dict(initial=s, taps=[0])), ValueError, "can only look back"),
        (lambda: theano.scan(ok, x, dict(initial=x, taps=[-1, 1])), ValueError, "can only look back"),
        (lambda: theano.scan(ok, x, dict(initial=s, taps=[])), ValueError, "empty list of taps"),
        (lambda: theano.scan(ok, x, dict(initial=s, taps=[-2])), ValueError, "rank 0.*look 2 steps back"),
        (lambda: theano.scan(ok, x, dict(initial=np.zeros(2), taps=[-3])), ValueError, "2 rows.*look 3 steps back"),
        (lambda: theano.scan(ok, x, dict(initial=s, return_steps=3)), ValueError, r"'return_steps'.*outputs\[-n:\]"),
        (lambda: theano.scan(ok, x, ["a"]), TypeError, "initial value of outputs_info 0 must be a tensor"),
        (lambda: theano.scan(ok, x, [None, None]), ValueError, "returned 1 outputs, but outputs_info has 2"),
        (lambda: theano.scan(lambda a: [a, a], x, [None]), ValueError, "returned 2 outputs, but outputs_info has 1"),
        (lambda: theano.scan(lambda a: None, x), ValueError, "lack a return"),
        (lambda: theano.scan(lambda a: "text", x), ValueError, "'text'.*no variable"),
        (lambda: theano.scan(lambda a: [[a, "b"]], x), ValueError, "'b'.*no variable"),
        (lambda: theano.scan(lambda a: ({S: a}, [a]), x), ValueError, "order is: outputs, then updates"),
        (lambda: theano.scan(lambda a: (a, until(a), {}), x), ValueError, "order is: outputs, then updates"),
        (lambda: theano.scan(lambda a: (a, until(x)), x), TypeError, "condition must be a scalar"),
        (lambda: theano.scan(lambda a, b: a, x), TypeError, r"\(a, b\) does not take the 1 argument"),
        (lambda: theano.scan(lambda: x, x), TypeError, r"(?s)does not take.*sequence 0 \(x\), tap 0"),
        (lambda: theano.scan(x, x), TypeError, "must be a function"),
        (lambda: theano.scan(lambda a: theano.shared({}), x), TypeError, "outputs of a loop are tensors"),
        (lambda: theano.scan(ok, x, return_steps=1), TypeError, r"return_steps belongs.*outputs\[-n:\]"),
        (lambda: theano.scan(ok, x, initial_states=1), TypeError, "it is called outputs_info"),
        (lambda: theano.scan(ok, x, sequences_taps=1), TypeError, "taps stand beside the sequence"),
        (lambda: theano.scan(ok, x, non_sequence=1), TypeError, "is non_sequences meant"),
        (lambda: theano.scan(ok, x, zzz=1), TypeError, "no argument 'zzz'; it takes fn, sequences"),
    ]
    for call, kind, text in cases:
        with pytest.raises(kind, match=text):
            call()


def test_too_short_an_initial_value_at_run_time() -> None:
    begin = T.dvector("begin")
    result, _ = theano.scan(lambda a: a, outputs_info=dict(initial=begin, taps=[-3]), n_steps=4)
    with pytest.raises(ValueError, match=r"begin of state 0 has 2 rows, but its taps \[-3\] need 3"):
        run([begin], result, [1, 2])
