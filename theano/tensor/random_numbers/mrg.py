"""MRG_RandomStreams: the random streams of ``theano.sandbox.rng_mrg``, over the generator that all draws have here."""

from __future__ import annotations

from typing import Any

from theano.tensor import raw_random
from theano.tensor.lengths import as_length
from theano.tensor.random_numbers.state import GeneratorState, key_of_seed, key_of_stream
from theano.tensor.shared_randomstreams import RandomStreams
from theano.tensor.static import static_integer
from theano.tensor.variable import as_tensor_variable


class MRG_RandomStreams(RandomStreams):
    """Random streams with the interface of Theano's multiple recursive generator.

    Parameters
    ----------
    seed
        an integer or a list of six.

    The argument `nstreams` of the draws, the number of streams that one draw was split into, is accepted and has no
    effect: here every number is computed by itself.

    >>> from theano.sandbox.rng_mrg import MRG_RandomStreams
    >>> MRG_RandomStreams(seed=5).uniform((3, 4), low=-1.0).eval().shape
    (3, 4)
    """

    def __init__(self, seed: Any = 12345) -> None:
        super().__init__(seed)

    # ---- states

    @property
    def rstate(self) -> GeneratorState:
        """The state from which those of the draws to come are made; it can be set to that of other streams."""
        state = GeneratorState(0)
        state[:] = self._key, len(self.state_updates)
        return state

    @rstate.setter
    def rstate(self, state: Any) -> None:
        self._key = int(state[0])

    def set_rstate(self, seed: Any) -> None:
        """Make the states of the draws to come from `seed`."""
        self._key = key_of_seed(seed)

    def inc_rstate(self) -> None:
        """Make the states of the draws to come from another key."""
        self._key = key_of_stream(self._key, -1 % 2**64)

    def gen(self, op: Any, *args: Any, **kwargs: Any) -> Any:
        """As :meth:`RandomStreams.gen`; the result has the generator as ``rstate``, too."""
        numbers = super().gen(op, *args, **kwargs)
        numbers.rstate = numbers.rng
        return numbers

    # ---- draws

    def uniform(
        self,
        size: Any = None,
        low: Any = 0.0,
        high: Any = 1.0,
        ndim: int | None = None,
        dtype: Any = None,
        nstreams: Any = None,
    ) -> Any:
        """See :func:`theano.tensor.raw_random.uniform`."""
        return super().uniform(size, low, high, ndim, dtype)

    def normal(
        self,
        size: Any = None,
        avg: Any = 0.0,
        std: Any = 1.0,
        ndim: int | None = None,
        dtype: Any = None,
        nstreams: Any = None,
        truncate: bool = False,
    ) -> Any:
        """See :func:`theano.tensor.raw_random.normal`; with `truncate` its namesake ``truncated_normal``."""
        draw = super().truncated_normal if truncate else super().normal
        return draw(size, avg, std, ndim, dtype)

    def truncated_normal(
        self,
        size: Any = None,
        avg: Any = 0.0,
        std: Any = 1.0,
        ndim: int | None = None,
        dtype: Any = None,
        nstreams: Any = None,
    ) -> Any:
        """See :func:`theano.tensor.raw_random.truncated_normal`."""
        return super().truncated_normal(size, avg, std, ndim, dtype)

    def binomial(
        self,
        size: Any = None,
        n: Any = 1,
        p: Any = 0.5,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: Any = None,
        prob: Any = None,
    ) -> Any:
        """See :func:`theano.tensor.raw_random.binomial`."""
        return super().binomial(size, n, p, ndim, dtype, prob)

    def multinomial(
        self,
        size: Any = None,
        n: Any = 1,
        pvals: Any = None,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: Any = None,
    ) -> Any:
        """See :func:`theano.tensor.raw_random.multinomial`: a line of counts for each line of `pvals`."""
        return super().multinomial(size, n, _required("multinomial", "pvals", pvals), ndim, dtype)

    def choice(
        self,
        size: Any = 1,
        a: Any = None,
        replace: bool = True,
        p: Any = None,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: Any = None,
    ) -> Any:
        """`size` indices for each line of the weights `p`, a matrix.

        With `a`, or without `p`: see :func:`theano.tensor.raw_random.choice`.
        """
        if a is not None or p is None:
            return super().choice(size, 2 if a is None else a, replace, p, ndim, dtype)
        p = as_tensor_variable(p)
        if p.type.ndim < 2:
            return super().choice(size, p.shape[0], replace, p, ndim, dtype)
        count = as_length(size[0] if isinstance(size, list | tuple) and len(size) == 1 else size, "choice: size")
        return self.gen(raw_random.choice_from_rows, count, p, replace, dtype)

    def multinomial_wo_replacement(
        self,
        size: Any = None,
        n: Any = 1,
        pvals: Any = None,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: Any = None,
    ) -> Any:
        """`n` different indices for each line of the weights `pvals`: ``choice(n, replace=False, p=pvals)``.

        ValueError for a `size`, which the lines of `pvals` determine.
        """
        if size is not None and static_integer(size) != 1:
            raise ValueError("multinomial_wo_replacement: leave size out; the result has a line for each of pvals")
        return self.choice(n, None, False, _required("multinomial_wo_replacement", "pvals", pvals), ndim, dtype)


def _required(what: str, name: str, value: Any) -> Any:
    if value is None:
        raise TypeError(f"{what}: give {name}, the probabilities of the categories")
    return value


__all__ = ["MRG_RandomStreams"]
