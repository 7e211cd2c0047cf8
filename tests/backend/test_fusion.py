"""What the native backend makes of a graph: loops that do several things at once, memory used again."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.special

import theano
import theano.tensor as T
from theano.backend.native import link, linker
from theano.backend.native.loops import Loop
from theano.backend.native.steps import CheckEqual
from theano.graph import FunctionGraph


def program(inputs, outputs):
    """The native program of a graph as it stands."""
    return link(FunctionGraph(inputs, outputs))


def loops(made) -> list[Loop]:
    return [step for step in made.plan.steps if isinstance(step, Loop)]


def operations(loop: Loop) -> list[str]:
    """The operations of a loop in order, reductions last."""
    lines = re.findall(r"= (\w+) %|^  (\w+) %\d+ over", loop.text(), flags=re.MULTILINE)
    return [a or f"reduce {b}" for a, b in lines]


x, y, m, row = T.dvector("x"), T.dvector("y"), T.dmatrix("m"), T.drow("row")


class TestLoops:
    def test_an_elementwise_chain_is_one_loop(self):
        (loop,) = loops(program([x, y], [T.exp(x) * y + T.sqr(x)]))
        assert operations(loop) == ["exp", "mul", "sqr", "add"]
        assert len(loop.stores) == 1

    def test_several_results_are_one_loop(self):
        difference = x - y
        (loop,) = loops(program([x, y], [difference, abs(difference), difference**2]))
        assert len(loop.stores) == 3

    def test_a_reduction_joins_what_feeds_it(self):
        (loop,) = loops(program([x, y], [T.sum(T.exp(x) * y)]))
        assert operations(loop) == ["exp", "mul", "reduce add"]
        assert not loop.stores

    def test_reductions_over_the_same_axes_share_a_loop(self):
        (loop,) = loops(program([m], [m.sum(axis=1), m.max(axis=1), T.sqr(m).sum(axis=1)]))
        assert operations(loop) == ["sqr", "reduce add", "reduce maximum", "reduce add"]

    def test_reductions_over_other_axes_do_not(self):
        assert len(loops(program([m], [m.sum(axis=0), m.sum(axis=1)]))) == 2

    def test_a_maximum_and_its_place_are_found_together(self):
        (loop,) = loops(program([m], [m.argmax(axis=1), m.max(axis=1)]))
        (reduction,) = loop.reductions
        assert len(reduction.arrays) == 2

    def test_what_needs_a_reduction_comes_in_a_later_loop(self):
        first, *_, last = loops(program([x], [x / T.sum(x)]))
        assert operations(first) == ["reduce add"]
        assert operations(last) == ["true_div"]

    def test_a_length_does_not_divide_a_loop(self):
        (scalar, loop) = loops(program([x], [T.exp(x) / T.cast(T.shape_i(x, 0), "float64")]))
        assert not scalar.extents
        assert operations(loop) == ["exp", "true_div"]

    def test_loops_over_unrelated_arrays_stay_apart(self):
        assert len(loops(program([x, y], [T.exp(x), T.sin(y)]))) == 2

    def test_broadcasting_needs_no_copy(self):
        (loop,) = loops(program([m, row], [m * row]))
        assert operations(loop) == ["mul"]

    def test_shapes_compute_nothing(self):
        made = program([x], [T.exp(x).shape[0]])
        assert "exp" not in made.stages()["program"]

    def test_a_dimshuffle_costs_no_step(self):
        (loop,) = loops(program([m], [T.exp(m.T)]))
        assert "load float64[w3, w2]@1" in loop.text()


class TestLengths:
    """Lengths are compared at run time; loops that were made before the comparison get the common length, too."""

    def test_loops_meet_after_they_were_made(self):
        made = program([x, y], [T.exp(x) * 2 + T.tanh(y) * 3])
        (loop,) = loops(made)
        assert operations(loop) == ["exp", "mul", "tanh", "mul", "add"]
        (check,) = [step for step in made.plan.steps if isinstance(step, CheckEqual)]
        assert made.plan.steps.index(check) < made.plan.steps.index(loop)

    def test_loops_that_share_data_meet(self):
        a, b, c = T.dvectors("abc")
        made = program([a, b, c], [T.exp(a), a + b, T.exp(c), b * c])
        assert len(loops(made)) == 1
        given = np.random.default_rng(0).normal(size=(3, 19))
        found = made.run(list(given))
        np.testing.assert_allclose(found[2], np.exp(given[2]))
        np.testing.assert_array_equal(found[3], given[1] * given[2])

    def test_a_transposed_operand_joins(self):
        a, b, c = T.dmatrices("abc")
        assert len(loops(program([a, b, c], [T.tanh(a + b.T * c)]))) == 1

    @pytest.mark.parametrize("groups", [1, 3])
    @pytest.mark.parametrize("kind", [T.dvector, T.dmatrix])
    def test_updates_are_one_loop_a_parameter(self, groups, kind):
        """Adam: four arrays a parameter, whose lengths nobody knows to be equal before they meet."""
        rng = np.random.default_rng(0)
        shape = (7,) if kind is T.dvector else (3, 5)
        gradients, updates, values = [], [], []
        for _ in range(groups):
            value, mean, square = (theano.shared(v) for v in abs(rng.normal(size=(3, *shape))))
            values.append([v.get_value() for v in (value, mean, square)])
            gradient = kind()
            gradients.append(gradient)
            new_mean = 0.9 * mean + 0.1 * gradient
            new_square = 0.999 * square + 0.001 * T.sqr(gradient)
            updates += [(value, value - 0.01 * new_mean / (T.sqrt(new_square) + 1e-8))]
            updates += [(mean, new_mean), (square, new_square)]
        f = theano.function(gradients, [], updates=updates)
        assert len(loops(f.program)) == groups
        given = rng.normal(size=(groups, *shape))
        f(*given)
        for g, before, ((value, _), (mean, _), (square, _)) in zip(
            given, values, zip(updates[::3], updates[1::3], updates[2::3], strict=True), strict=True
        ):
            np.testing.assert_allclose(mean.get_value(), 0.9 * before[1] + 0.1 * g)
            np.testing.assert_allclose(square.get_value(), 0.999 * before[2] + 0.001 * g**2)
            step = 0.01 * mean.get_value() / (np.sqrt(square.get_value()) + 1e-8)
            np.testing.assert_allclose(value.get_value(), before[0] - step)
        kept = [v.get_value() for v, _ in updates]
        wrong = [*given[:-1], given[-1][..., 1:]]
        with pytest.raises(ValueError, match="shapes") as caught:
            f(*wrong)
        assert "test_fusion.py" in "".join(caught.value.__notes__)
        for before, (variable, _) in zip(kept, updates, strict=True):
            np.testing.assert_array_equal(variable.get_value(), before)

    def test_a_length_that_a_loop_computes_does_not_bind_it(self):
        """The length of the slice comes from a sum over x, so that sum cannot wait for the comparison."""
        part = y[: T.cast(T.sum(x), "int64")]
        made = program([x, y], [T.exp(part) + x, T.sum(x)])
        sum_loop, *_ = loops(made)
        assert operations(sum_loop) == ["reduce add"]
        given, other = np.array([1.0, 2.0, 0.0]), np.arange(5.0)
        np.testing.assert_allclose(made.run([given, other])[0], np.exp(other[:3]) + given)
        with pytest.raises(ValueError):
            made.run([given + 1, other])

    def test_lengths_of_slices_meet(self):
        made = program([x, y], [T.exp(x[1:]) * 2 + T.exp(y[:-1]) * 3])
        assert len(loops(made)) == 1
        a, b = np.arange(5.0), np.arange(5.0) / 7
        np.testing.assert_allclose(made.run([a, b])[0], np.exp(a[1:]) * 2 + np.exp(b[:-1]) * 3)
        with pytest.raises(ValueError):
            made.run([a, b[1:]])

    def test_a_length_that_must_be_one(self):
        declared = T.addbroadcast(m, 1)
        made = program([m, x], [T.exp(m), T.exp(m) * declared, T.exp(x)])
        given = np.arange(3.0).reshape(3, 1)
        first, second, _ = made.run([given, np.zeros(2)])
        np.testing.assert_allclose(second, np.exp(given) * given)
        np.testing.assert_allclose(first, np.exp(given))
        with pytest.raises(ValueError):
            made.run([np.zeros((3, 2)), np.zeros(2)])

    def test_lengths_that_are_equal_by_chance_stay_apart(self):
        """A value written to a part may have length 1 where the part has more: nothing is known of the two."""
        made = program([x, y], [T.set_subtensor(T.exp(x)[1:], T.exp(y)), T.exp(y)])
        for count in (1, 4):
            given = np.arange(count) / 3
            expected = np.exp(np.arange(5.0))
            expected[1:] = np.exp(given)
            np.testing.assert_allclose(made.run([np.arange(5.0), given])[0], expected)


class TestMemory:
    def test_a_chain_of_loops_writes_over_its_operand(self):
        v = x
        for _ in range(4):  # each sum divides the loop
            v = T.exp(v) * T.sum(v)
        made = program([x], [v])
        assert len(made.plan.slots) <= 2

    def test_temporaries_share_slots(self):
        v = m
        for _ in range(6):
            v = T.tanh(T.dot(m, v))
        made = program([m], [v])
        assert len(made.plan.slots) <= 2

    def test_results_are_not_copied(self):
        made = program([x], [T.exp(x)])
        (loop,) = loops(made)
        assert loop.stores[0][1].buffer.kind == "output"

    def test_a_result_is_written_over_what_it_is_made_of(self):
        v = T.exp(x)
        made = program([x], [v / v.sum(), v.shape[0] * T.cast(v.max(), "int64")])
        assert made.plan.slots == [] and len(made.plan.in_place) == 1
        assert made.run([np.zeros(4)])[0].tolist() == [0.25] * 4
        used_twice = program([x], [v / v.sum(), v])
        assert [r.tolist() for r in used_twice.run([np.zeros(4)])] == [[0.25] * 4, [1.0] * 4]

    def test_results_are_written_over_a_chain_of_operands(self):
        v = m
        for _ in range(3):
            v = T.exp(v) / T.exp(v).sum()
        made = program([m], [v])
        assert made.plan.slots == [] and len(made.plan.in_place) == 3
        first, second = made.run([np.zeros((2, 3))]), made.run([np.ones((5, 1))])
        np.testing.assert_allclose(first[0], np.full((2, 3), 1 / 6))
        np.testing.assert_allclose(second[0], np.full((5, 1), 1 / 5))

    def test_a_result_may_have_another_shape_than_what_it_is_written_over(self):
        c = T.col("c")
        v = T.exp(c)
        for made in (program([x], [T.nnet.softmax(T.tanh(x) + 1)]), program([c], [(v / v.sum()).T])):
            assert made.plan.slots == []
        assert made.run([np.zeros((4, 1))])[0].tolist() == [[0.25] * 4]

    def test_rows_too_long_for_strips_lie_in_the_result(self):
        f = theano.function([m], T.nnet.softmax(m))
        given = np.random.default_rng(0).standard_normal((3, 200_001))
        expected = np.exp(given - given.max(axis=1, keepdims=True))
        for values in (given, given[:, :5], given):
            e = expected[:, : values.shape[1]]
            np.testing.assert_allclose(f(values), e / e.sum(axis=1, keepdims=True), rtol=1e-12)

    def test_an_input_that_is_a_result_is_copied(self):
        made = program([x], [x])
        given = np.arange(3.0)
        (result,) = made.run([given])
        assert not np.shares_memory(result, given)
        assert np.array_equal(result, given)

    def test_a_change_of_a_fresh_array_is_made_in_place(self):
        made = theano.function([x], T.set_subtensor(T.exp(x)[1:3], 0.0)).program
        assert sum(len(loop.stores) for loop in loops(made)) == 2  # exp, and the part

    def test_changes_in_turn_copy_once(self):
        v = m
        for i in range(4):
            v = T.set_subtensor(v[i, 1:], i)
            v = T.inc_subtensor(v[T.constant([0, 1]), T.constant([0, 0])], 1.0)
        made = theano.function([m], v).program
        assert len([loop for loop in loops(made) if len(loop.extents) == 2]) == 1
        expected = np.zeros((4, 3))
        for i in range(4):
            expected[i, 1:] = i
        expected[:2, 0] = 4
        given = np.zeros((4, 3))
        np.testing.assert_array_equal(made.run([given])[0], expected)
        assert not given.any()

    def test_a_changed_array_that_is_used_elsewhere_is_copied(self):
        whole = T.exp(x)
        changed, kept = program([x], [T.set_subtensor(whole[1:3], 0.0), whole]).run([np.zeros(4)])
        assert kept.tolist() == [1, 1, 1, 1]
        assert changed.tolist() == [1, 0, 0, 1]

    def test_steady_calls_use_memory_of_results_that_nobody_holds(self):
        f = theano.function([x], x + 1)
        value = np.zeros(1000)
        addresses = {f(value).ctypes.data for _ in range(20)}
        assert len(addresses) <= 2
        held = [f(value) for _ in range(20)]
        assert len({a.ctypes.data for a in held}) == 20


@pytest.mark.parametrize("bits", [128, 256, 512])
class TestVectorWidths:
    """The code for machines with narrower vectors is right, too; LLVM writes it for this one."""

    def test_loops_and_reductions(self, bits, monkeypatch):
        monkeypatch.setattr(linker, "vector_bits", lambda: bits)
        f32 = T.fmatrix("f32")
        outputs = [T.nnet.sigmoid(m), m.sum(axis=0), m.max(axis=1), T.cast(m, "int8") * 2, T.exp(f32).sum(), f32.T * 2]
        outputs += [f32.argmax(axis=0), m.argmax(axis=1), T.cast(m * 9, "int8").argmin(axis=0)]
        made = program([m, f32], outputs)
        rng = np.random.default_rng(0)
        for shape in [(1, 1), (3, 5), (2, 17), (33, 64), (0, 4)]:
            if not shape[0]:
                continue
            a = rng.normal(size=shape)
            b = a.astype("float32")
            sigmoid, columns, rows, small, total, transposed, *places = made.run([a, b])
            np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(-a)), rtol=1e-14)
            np.testing.assert_allclose(columns, a.sum(axis=0), rtol=1e-12, atol=1e-12)
            np.testing.assert_array_equal(rows, a.max(axis=1))
            np.testing.assert_array_equal(small, a.astype("int8") * 2)
            np.testing.assert_allclose(total, np.exp(b).sum(dtype="float64"), rtol=1e-5)
            np.testing.assert_array_equal(transposed, b.T * 2)
            expected = [b.argmax(axis=0), a.argmax(axis=1), (a * 9).astype("int8").argmin(axis=0)]
            for found, place in zip(places, expected, strict=True):
                np.testing.assert_array_equal(found, place)

    def test_it_compiles_for_arm(self, bits, monkeypatch):
        if bits != 128:
            pytest.skip("64-bit ARM has vectors of 128 bits")
        import llvmlite.binding as llvm

        monkeypatch.setattr(linker, "vector_bits", lambda: 128)
        made = program([m], [T.nnet.sigmoid(m) + T.tanh(m), m.sum(axis=1), m.argmax(axis=1)])
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        machine = llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(cpu="neoverse-n1", opt=2)
        assembly = machine.emit_assembly(llvm.parse_assembly(made.text))
        assert ".2d" in assembly


class TestCodeSize:
    def test_equal_steps_are_compiled_once(self):
        weights = [T.dmatrix(f"w{i}") for i in range(12)]
        v = x
        for w in weights:
            v = T.tanh(T.dot(w, v))
        made = program([x, *weights], [v])
        assert made.text.count("call i64 @" + made.text.split("define i64 @")[1].split("(")[0] + ".step") >= 20
        rng = np.random.default_rng(0)
        values = [rng.normal(size=(5, 5)) for _ in weights]
        expected = given = rng.normal(size=5)
        for value in values:
            expected = np.tanh(value @ expected)
        np.testing.assert_allclose(made.run([given, *values])[0], expected, rtol=1e-12)

    def test_functions_that_are_used_often_are_called(self):
        v = x
        for i in range(30):
            v = T.tanh(v + i) * 0.5
        made = program([x], [v])
        assert made.text.count("define internal <") == 1
        assert program([x], [T.exp(x) + T.exp(2 * x)]).text.count("define internal <") == 0
        assert program([x], [T.gamma(x) + T.gamma(2 * x)]).text.count("define internal <") == 1
        expected = given = np.linspace(-3, 3, 21)
        for i in range(30):
            expected = np.tanh(expected + i) * 0.5
        np.testing.assert_allclose(made.run([given])[0], expected, rtol=1e-12)

    def test_functions_with_loops_are_called(self):
        x, y = T.dvectors("x", "y")
        made = program([x, y], [T.gammainc(x, y), T.gammainc(y, x) * T.gammainc(x + 1, y)])
        assert made.text.count("define internal <") == 1
        a, b = np.arange(1.0, 40), np.arange(2.0, 41)
        first, second = made.run([a, b])
        np.testing.assert_allclose(first, scipy.special.gammainc(a, b), rtol=1e-12)
        np.testing.assert_allclose(second, scipy.special.gammainc(b, a) * scipy.special.gammainc(a + 1, b), rtol=1e-12)
