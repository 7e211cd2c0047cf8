"""Loops: a body of steps inside the program, with rows of its arrays where they belong from the beginning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from theano.backend.native.emit import Check, Emitter
from theano.backend.native.lower import Lowering, expand, expands, find_rule, lowers
from theano.backend.native.nested import Body
from theano.backend.native.overwriting import Succession
from theano.backend.native.program import ONE, ZERO, Array, Buffer, Const, Ref, Step
from theano.backend.native.repeat import Last, Reading, Repeat, Row
from theano.backend.native.steps import Allocate, Describe
from theano.graph.basic import Apply
from theano.graph.fg import FunctionGraph
from theano.loops.op import Scan


@expands(Scan)
def expand_body(node: Apply) -> list[Any]:
    """The loop with its body expanded, too."""
    op = node.op
    body = FunctionGraph(op.inner_inputs, op.inner_outputs)
    expand(body)
    made = op.variant(body.inputs, body.outputs).make_node(*node.inputs)
    if op.layout.n_outputs == 0 or not _native_body(made):
        return made.outputs
    return MeasuredScan.of(made, op.outer_lengths(node)).outputs


class MeasuredScan(Scan):
    """A loop whose nodes have, as last inputs, what is known of the lengths of its outputs' rows.

    They are used where no step is run. `known` tells for each output of which dimensions the length is there.
    """

    known: tuple[tuple[bool, ...], ...]

    @classmethod
    def of(cls, node: Apply, lengths: Sequence[Sequence[Any]]) -> Apply:
        """The node again, with these lengths, ``None`` where they are not known."""
        op: Any = node.op
        measured = cls(op.inner_inputs, op.inner_outputs, op.layout, op.name, op.truncate_gradient, op.recompute)
        measured.known = tuple(tuple(n is not None for n in row) for row in lengths)
        made = measured.make_node(*node.inputs)
        made.inputs += [n for row in lengths for n in row if n is not None]
        return made

    def run(self, node: Apply, inputs: Sequence[Any], step: Callable[[list[Any]], list[Any]]) -> list[Any]:
        return super().run(node, inputs[: len(inputs) - sum(map(sum, self.known))], step)

    def outer_lengths(self, node: Apply) -> list[tuple[Any, ...]]:
        lengths = iter(node.inputs[len(node.inputs) - sum(map(sum, self.known)) :])
        return [tuple(next(lengths) if known else None for known in row) for row in self.known]


def _native_body(node: Apply) -> bool:
    return all(find_rule(inner) is not None for inner in node.op.inner_nodes)


@lowers(Scan, when=_native_body)
def scan(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    return _ScanLowering(ctx, node, inputs).results()


class _ScanLowering:
    """The lowering of one loop."""

    def __init__(self, ctx: Lowering, node: Apply, inputs: list[Array]) -> None:
        self.ctx, self.node, self.op, self.layout = ctx, node, node.op, node.op.layout
        self.given = self.layout.split_inputs(inputs)
        self.lengths: list[list[Array | None]] = [[None] * v.type.ndim for v in self.op.body_outputs.outputs]
        if isinstance(self.op, MeasuredScan):
            end = len(self.op.body_inputs.others)
            lengths = iter(self.given.others[end:])
            self.given = self.given._replace(others=self.given.others[:end])
            self.lengths = [[next(lengths) if known else None for known in row] for row in self.op.known]
        self.outer = self.layout.split_inputs(node.inputs)
        self.body = Body(ctx, self.op.inner_inputs, self.op.inner_outputs)
        self.inner = self.layout.split_body_inputs(self.body.fgraph.inputs)
        self.inner_outputs = self.layout.split_body_outputs(self.body.fgraph.outputs)
        self.count, self.before = self._count()
        self.step = ctx.new_words()
        self.repeat = Repeat(str(self.op), self.count, self.step, self.body, node)
        self.repeat.after.update(self.before)
        self.taken: set[int] = set()

    # ---- before the loop

    def _count(self) -> tuple[Ref, list[Step]]:
        """The number of steps, checked not to be negative."""
        ctx, op = self.ctx, self.op
        count, steps = ctx.integer(self.given.steps)
        if isinstance(count, Const) and count.value >= 0:
            return count, list(steps)

        def compute(em: Emitter) -> None:
            ok = em.b.icmp("sge", em.ref(count), em.b.const("i64", 0))
            em.check(ok, Check(ValueError, op.negative_steps, self.node, [count]))

        check = Describe("check steps", compute, after=steps, node=self.node)
        ctx.steps.append(check)
        ctx.lengths_set_by([count], [check])
        return count, [*steps, check]

    def _rows(self, n: int) -> tuple[Ref, list[Step]]:
        """The number of rows with `n` more than there are steps."""
        if n == 0:
            return self.count, self.before
        if isinstance(self.count, Const):
            return Const(self.count.value + n), self.before
        word = self.ctx.new_words()

        def compute(em: Emitter) -> None:
            em.set_word(word, em.b.add(em.ref(self.count), em.b.const("i64", n)))

        step = Describe(f"w{word} = w{self.count} + {n}", compute, after=self.before, node=self.node)
        self.ctx.steps.append(step)
        self.ctx.lengths_set_by([word], [step])
        return word, [step]

    def _whole(self, dtype: str, pattern: Sequence[bool], rows: Ref, lengths: Sequence[Ref]) -> Array:
        """A new array of rows, or of those that are kept."""
        return self.ctx.new_array(dtype, (False, *pattern), (rows, *lengths))

    def _allocated(self, whole: Array, after: Sequence[Step]) -> None:
        allocate = Allocate(whole, self.node)
        allocate.after.update(after)
        for length in whole.shape:
            allocate.after.update((*self.ctx.length_steps(length), *self.ctx.reasons(length)))
        self.ctx.steps.append(allocate)
        whole.producers = (allocate,)

    def _read(self, whole: Array, row: Row | None, offset: int) -> Array:
        """A row of `whole` as an array of the body."""
        data = self.ctx.new_words()
        self.repeat.readings.append(Reading(data, whole, row, offset))
        shape = tuple(self.body.outside(s) for s in whole.shape[1:])
        buffer = Buffer("input", whole.dtype, shape)
        self.body.varying.add(buffer)
        return whole.view(
            pattern=whole.pattern[1:], shape=shape, strides=whole.strides[1:], data=data, buffer=buffer, producers=()
        )

    def _sequences(self) -> None:
        ctx, op = self.ctx, self.op
        for x, name, inner in zip(self.given.sequences, self.outer.sequences, self.inner.sequences, strict=True):
            array = ctx.materialized(x)
            length = array.shape[0]

            def message(length: int, n: int, name: Any = name) -> str:
                return op.wrong_rows(name, length, n)

            ctx.require_equal(length, self.count, message, [length, self.count])
            self.repeat.after.update(ctx.reasons(length))
            self.repeat.reads.append(array)
            self.body.arrays[inner] = self._read(array, None, 0)

    def _states(self) -> list[tuple[Row, Array]]:
        """For each state where its rows lie, and the array to allocate; the rows given are copied there."""
        ctx, op, layout = self.ctx, self.op, self.layout
        states = []
        for k, (initial, taps) in enumerate(zip(self.given.states, self.inner.states, strict=True)):
            depth = layout.depth(k)
            name = self.outer.states[k]
            length = initial.shape[0]

            def message(length: int, k: int = k, name: Any = name) -> str:
                return op.wrong_initial(k, name, length)

            ctx.require_equal(length, Const(depth), message, [length])
            reasons = [*self.before, *ctx.reasons(length)]
            lengths = [ctx.canonical(s) for s in initial.shape[1:]]
            ring = depth + 1 if layout.last_only[k] else 0
            rows, made = (Const(ring), []) if ring else self._rows(depth)
            whole = self._whole(initial.dtype, initial.pattern[1:], rows, lengths)
            for original in initial.shape[1:]:
                reasons += [*ctx.length_steps(original), *ctx.reasons(original)]
            self._allocated(whole, [*reasons, *made])
            part = whole.view(
                pattern=(depth == 1, *whole.pattern[1:]),
                shape=(Const(depth), *whole.shape[1:]),
                strides=(ZERO if depth == 1 else whole.strides[0], *whole.strides[1:]),
            )
            loop = ctx.copy_into(
                initial.view(shape=(Const(depth), *initial.shape[1:]), pattern=part.pattern)
                if initial.leaf is None and initial.data >= 0
                else initial,
                part,
            )
            self.repeat.after.update((*reasons, loop))
            self.repeat.reads.append(part)
            self.repeat.writes.append(whole)
            row = Row(whole, self.step, depth, ring)
            states.append((row, whole))
            for tap, inner in zip(layout.taps[k], taps, strict=True):
                self.body.arrays[inner] = self._read(whole, row, depth + tap)
        return states

    # ---- the body

    def _new_row(self, array: Array, row: Row) -> Buffer:
        """Let the body write `array` to `row`."""
        placed = self.body.place(array, "row", -1, self.taken)
        assert placed.buffer is not None
        placed.buffer.row = row
        self.body.varying.add(placed.buffer)
        return placed.buffer

    def _fixed(self, lengths: Sequence[Ref]) -> bool:
        """Whether lengths are known before the loop."""
        body = self.body
        return all(
            not body.length_steps(ref) and not body.length_steps(body.canonical(ref)) and not body.reasons(ref)
            for ref in lengths
        )

    def _state_row(self, k: int, array: Array, row: Row) -> Buffer:
        """Let the body write the new row of state `k`, `array`, to `row`."""
        body, whole = self.body, row.whole
        for mine, length in zip(whole.shape[1:], array.shape, strict=True):
            body.require_equal(
                body.outside(mine), length, self._changed_shape(k, array.rank), [*whole.shape[1:], *array.shape]
            )
        shape = [body.outside(s) for s in whole.shape[1:]]
        unsure = [step for ref in (*shape, *array.shape) for step in body.reasons(ref)]
        if body.is_invariant(unsure):
            return self._new_row(array, row)
        # Whether the lengths agree shows only behind the work: it is copied to its place behind the check.
        source = body.materialized(array)
        target = body.new_array(array.dtype, array.pattern, shape, kind="row")
        loop = body.copy_into(source, target)
        loop.after.update(unsure)
        assert target.buffer is not None
        target.buffer.row = row
        self.body.varying.add(target.buffer)
        return target.buffer

    def _changed_shape(self, k: int, rank: int) -> Callable[..., str]:
        op, node = self.op, self.node
        return lambda *lengths: op.changed_shape(node, k, lengths[:rank], lengths[rank:])

    def _output_row(self, k: int, array: Array) -> Array:
        """Rows of output `k`; where only the body tells their lengths they are allocated in the first step."""
        ctx, last = self.ctx, self.layout.last_only[self.layout.n_states + k]
        rows, made = (ONE, []) if last else self._rows(0)
        lengths = [self.body.canonical(s) for s in array.shape]
        fixed = self._fixed(array.shape)
        late = [ref for ref in lengths if isinstance(ref, int)] if not fixed else []
        words = {ref: ctx.new_words() for ref in dict.fromkeys(late)}
        shape = [words.get(ref, ref) if isinstance(ref, int) else ref for ref in lengths]
        whole = self._whole(array.dtype, array.pattern, rows, shape)
        row = Row(whole, self.step, 0, 1 if last else 0)
        if late:
            ctx.lengths_set_by(list(words.values()), [self.repeat])
            row.lengths = [(word, ref) for ref, word in words.items()]
            for ref, known in zip(lengths, self.lengths[k], strict=True):
                if known is not None and ref in words:
                    row.empty[words[ref]], steps = ctx.integer(known)
                    self.repeat.after.update(steps)
            row.changed = (self._changed_rows(k), self.node)
            self.repeat.late.append(row)
        else:
            self._allocated(whole, made)
            self.repeat.after.update(whole.producers)
        self.repeat.writes.append(whole)
        self._new_row(array, row)
        return whole

    def _changed_rows(self, k: int) -> Callable[..., str]:
        op = self.op

        def message(*lengths: int) -> str:
            return (
                f"{op}: lengths {lengths[1::2]} of output {k} of a step differ from those of the step before, "
                f"{lengths[::2]}; rows of one array must have one shape"
            )

        return message

    # ---- the whole

    def results(self) -> list[Array]:
        ctx, layout, body, repeat = self.ctx, self.layout, self.body, self.repeat
        for x, inner in zip(self.given.others, self.inner.others, strict=True):
            body.capture(inner, x)
        self._sequences()
        states = self._states()
        body.lower_nodes()
        made = layout.split_body_outputs([body.array(v) for v in body.fgraph.outputs])
        if made.condition is not None:
            self._condition(made.condition)
        for k, ((row, _), array) in enumerate(zip(states, made.states, strict=True)):
            new = self._state_row(k, array, row)
            if row.ring and layout.taps[k] == (-1,):
                body.successions.append(Succession(body.arrays[self.inner.states[k][0]], new, row))
        wholes = [self._output_row(k, array) for k, array in enumerate(made.outputs)]
        body.close()
        repeat.reads += body.captured
        repeat.after.update(body.after)
        ctx.steps.append(repeat)
        results = [self._state_result(k, row) for k, (row, _) in enumerate(states)]
        results += [self._output_result(k, whole) for k, whole in enumerate(wholes)]
        if repeat.done is not None:
            results.append(ctx.length_array(repeat.done, [repeat]))
        return results

    def _condition(self, array: Array) -> None:
        body, repeat = self.body, self.repeat
        array = body.materialized(array)
        stop = repeat.stop = self.ctx.new_words()
        repeat.done = self.ctx.new_words()
        self.ctx.lengths_set_by([repeat.done], [repeat])

        def compute(em: Emitter) -> None:
            value = em.load_element(em.b, em.pointer(array), array.dtype)
            truth = em.convert(em.b, value, array.dtype, "bool")
            em.set_word(stop, em.b.convert("zext", truth, "i64"))

        body.steps.append(Describe("leave when", compute, reads=[array], node=self.node))

    def _first_length(self, extra: int) -> Ref:
        """The number of rows of a result with `extra` rows more than there were steps."""
        done, ctx = self.repeat.done, self.ctx
        if done is None:
            return self._rows(extra)[0]
        if not extra:
            return done
        word = ctx.new_words()

        def compute(em: Emitter) -> None:
            em.set_word(word, em.b.add(em.ref(done), em.b.const("i64", extra)))

        step = Describe(f"w{word} = w{done} + {extra}", compute, after=[self.repeat], node=self.node)
        ctx.steps.append(step)
        ctx.lengths_set_by([word], [step])
        return word

    def _state_result(self, k: int, row: Row) -> Array:
        ctx, whole, depth = self.ctx, row.whole, self.layout.depth(k)
        if not row.ring:
            if self.repeat.done is None:
                return whole.view(producers=(self.repeat,))
            length = self._first_length(depth)
            producers = (self.repeat, *ctx.length_steps(length))
            return whole.view(shape=(length, *whole.shape[1:]), producers=producers)
        if depth > 1:
            result = ctx.new_array(whole.dtype, whole.pattern, (Const(depth), *whole.shape[1:]))
            self.repeat.writes.append(result)
            result.producers = (self.repeat,)
        else:
            result = whole.view(
                pattern=(True, *whole.pattern[1:]),
                shape=(ONE, *whole.shape[1:]),
                strides=(ZERO, *whole.strides[1:]),
                data=ctx.new_words(),
                producers=(self.repeat,),
            )
        self.repeat.last.append(Last(row, depth, result))
        return result

    def _output_result(self, k: int, whole: Array) -> Array:
        ctx = self.ctx
        if not self.layout.last_only[self.layout.n_states + k]:
            if self.repeat.done is None:
                return whole.view(producers=(self.repeat,))
            return whole.view(shape=(self.repeat.done, *whole.shape[1:]), producers=(self.repeat,))
        count = self.count if self.repeat.done is None else self.repeat.done
        if isinstance(count, Const):
            rows: Ref = Const(min(count.value, 1))
            producers: tuple[Step, ...] = (self.repeat,)
        else:
            word = rows = ctx.new_words()

            def compute(em: Emitter) -> None:
                em.set_word(word, em.b.intrinsic("smin", em.ref(count), em.b.const("i64", 1)))

            step = Describe(f"w{word} = min(w{count}, 1)", compute, after=[self.repeat], node=self.node)
            ctx.steps.append(step)
            ctx.lengths_set_by([word], [step])
            producers = (self.repeat, step)
        return whole.view(shape=(rows, *whole.shape[1:]), producers=producers)
