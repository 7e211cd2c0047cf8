"""Random bits are computed in the loop that uses them, from the number of the element; draws are made of them."""

from __future__ import annotations

from typing import Any

from theano.backend.native.lower import Lowering, expands, lowers
from theano.backend.native.lowering.creation import cast, lengths_of
from theano.backend.native.lowering.elementwise import shuffled
from theano.backend.native.program import Array
from theano.graph.basic import Apply
from theano.scalar.arithmetic import add
from theano.scalar.random_numbers import random_bits
from theano.tensor.random_numbers.bits import RandomBits
from theano.tensor.random_numbers.function import RandomFunction


@lowers(RandomBits)
def bits(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    key, counter, *lengths = inputs
    refs, steps = lengths_of(ctx, lengths, "random numbers")
    position = cast(ctx, ctx.index(refs, None, steps), "uint64")
    stretched = ["x"] * len(refs)
    counters = ctx.elementwise(add, [position, shuffled(ctx, counter, stretched)], "uint64")
    return [ctx.elementwise(random_bits, [shuffled(ctx, key, stretched), counters], "uint64")]


@expands(RandomFunction)
def draw(node: Apply) -> list[Any]:
    return node.op.expand(node.inputs)
