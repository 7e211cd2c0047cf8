"""RandomStreams: draws whose states are kept in shared variables, so that each call of a function gives new numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theano.configuration import config
from theano.tensor import raw_random
from theano.tensor.random_numbers.state import (
    GeneratorState,
    RandomStateSharedVariable,
    key_of_seed,
    key_of_stream,
    randomstate_constructor,
    shared_state,
)


class RandomStreams:
    """Draws with states of their own.

    Every draw has a generator, ``rv.rng``: a shared variable, whose ``default_update`` is the state after the draw. A
    function that uses the draw therefore takes new numbers in each call, unless it is compiled with
    ``no_default_updates``.

    Parameters
    ----------
    seed
        an integer, from which all generators have different keys; ``None``: another one in each process.

    Attributes
    ----------
    state_updates
        (generator, its next state) of each draw in order.

    >>> import theano
    >>> from theano.tensor.shared_randomstreams import RandomStreams
    >>> srng = RandomStreams(seed=234)
    >>> numbers = srng.uniform((2, 2))
    >>> f = theano.function([], numbers)
    >>> g = theano.function([], numbers, no_default_updates=True)
    >>> bool((f() == f()).any()), bool((g() == g()).all())
    (False, True)
    """

    def __init__(self, seed: Any = None) -> None:
        self.default_instance_seed = seed
        self.state_updates: list[tuple[Any, Any]] = []
        self._key = key_of_seed(seed)

    # ---- states

    def updates(self) -> list[tuple[Any, Any]]:
        """``state_updates``, as the argument `updates` of ``theano.function`` takes it."""
        return list(self.state_updates)

    def seed(self, seed: Any = None) -> None:
        """Start all generators again, with keys from `seed`; ``None``: from the seed that was given first."""
        self._key = key_of_seed(self.default_instance_seed if seed is None else seed)
        for number, (rng, _) in enumerate(self.state_updates):
            rng.set_value(self._state(number), borrow=True)

    def _state(self, number: int) -> GeneratorState:
        state = GeneratorState(0)
        state[0] = key_of_stream(self._key, number)
        return state

    def __getitem__(self, item: Any) -> GeneratorState:
        """The state in use of a generator of this container; KeyError for others."""
        return self._own(item).get_value(borrow=True)

    def __setitem__(self, item: Any, value: Any) -> None:
        """Give a generator of this container another state, or a seed."""
        self._own(item).set_value(value)

    def _own(self, item: Any) -> Any:
        for rng, _ in self.state_updates:
            if rng is item:
                return rng
        raise KeyError(f"{item} is no generator of these random streams")

    # ---- draws

    def gen(self, op: Callable[..., tuple[Any, Any]], *args: Any, **kwargs: Any) -> Any:
        """A draw by any function ``op(state, *args, **kwargs)`` that gives (next state, numbers)."""
        number = len(self.state_updates)
        rng = shared_state(self._state(number), name=f"random_state_{number}")
        if isinstance(kwargs.get("dtype"), str) and kwargs["dtype"] == "floatX":
            kwargs["dtype"] = config.floatX
        next_state, numbers = op(rng, *args, **kwargs)
        numbers.rng = rng
        numbers.update = (rng, next_state)
        self.state_updates.append(numbers.update)
        rng.default_update = next_state
        return numbers

    def uniform(
        self, size: Any = None, low: Any = 0.0, high: Any = 1.0, ndim: int | None = None, dtype: Any = None
    ) -> Any:
        """See :func:`theano.tensor.raw_random.uniform`."""
        return self.gen(raw_random.uniform, size, low, high, ndim=ndim, dtype=dtype)

    def normal(
        self, size: Any = None, avg: Any = 0.0, std: Any = 1.0, ndim: int | None = None, dtype: Any = None
    ) -> Any:
        """See :func:`theano.tensor.raw_random.normal`."""
        return self.gen(raw_random.normal, size, avg, std, ndim=ndim, dtype=dtype)

    def truncated_normal(
        self, size: Any = None, avg: Any = 0.0, std: Any = 1.0, ndim: int | None = None, dtype: Any = None
    ) -> Any:
        """See :func:`theano.tensor.raw_random.truncated_normal`."""
        return self.gen(raw_random.truncated_normal, size, avg, std, ndim=ndim, dtype=dtype)

    def binomial(
        self,
        size: Any = None,
        n: Any = 1,
        p: Any = 0.5,
        ndim: int | None = None,
        dtype: Any = "int64",
        prob: Any = None,
    ) -> Any:
        """See :func:`theano.tensor.raw_random.binomial`."""
        return self.gen(raw_random.binomial, size, n, p, ndim=ndim, dtype=dtype, prob=prob)

    def random_integers(
        self, size: Any = None, low: Any = 0, high: Any = 1, ndim: int | None = None, dtype: Any = "int64"
    ) -> Any:
        """See :func:`theano.tensor.raw_random.random_integers`."""
        return self.gen(raw_random.random_integers, size, low, high, ndim=ndim, dtype=dtype)

    def choice(
        self,
        size: Any = None,
        a: Any = 2,
        replace: bool = True,
        p: Any = None,
        ndim: int | None = None,
        dtype: Any = "int64",
    ) -> Any:
        """See :func:`theano.tensor.raw_random.choice`."""
        return self.gen(raw_random.choice, size, a, replace, p, ndim=ndim, dtype=dtype)

    def poisson(self, size: Any = None, lam: Any = None, ndim: int | None = None, dtype: Any = "int64") -> Any:
        """See :func:`theano.tensor.raw_random.poisson`."""
        return self.gen(raw_random.poisson, size, lam, ndim=ndim, dtype=dtype)

    def permutation(self, size: Any = None, n: Any = 1, ndim: int | None = None, dtype: Any = "int64") -> Any:
        """See :func:`theano.tensor.raw_random.permutation`."""
        return self.gen(raw_random.permutation, size, n, ndim=ndim, dtype=dtype)

    def multinomial(
        self, size: Any = None, n: Any = 1, pvals: Any = (0.5, 0.5), ndim: int | None = None, dtype: Any = "int64"
    ) -> Any:
        """See :func:`theano.tensor.raw_random.multinomial`."""
        return self.gen(raw_random.multinomial, size, n, pvals, ndim=ndim, dtype=dtype)

    def shuffle_row_elements(self, input: Any) -> Any:
        """See :func:`theano.tensor.raw_random.shuffle_row_elements`."""
        return self.gen(raw_random.shuffle_row_elements, input)


__all__ = ["RandomStateSharedVariable", "RandomStreams", "randomstate_constructor"]
