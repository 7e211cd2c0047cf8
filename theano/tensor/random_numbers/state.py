"""States of generators: a key and a counter.

A state is a vector of two uint64: the key says which stream of random numbers, the counter how many of them are used
up. Number n of a stream is its counter enciphered under its key, so streams of different keys are independent, and
nothing needs to be computed in order.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from theano.compile.sharedvalue import shared_constructor
from theano.graph.basic import Variable
from theano.scalar.random_numbers import random_bits
from theano.tensor.sharedvar import TensorSharedVariable
from theano.tensor.type import TensorType

STATE = TensorType("uint64", (False,))
SEED_KEY, STREAM_KEY = 0x53454544, 0x5354524D  # seeds and streams are enciphered differently


def encipher(key: int, counter: int) -> int:
    """64 bits that depend on all bits of both."""
    return int(random_bits.impl(np.uint64(key), np.uint64(counter)))


def key_of_seed(seed: Any = None) -> int:
    """The key that belongs to a seed: another one for every integer of 64 bits, or list of integers.

    ``None`` stands for a seed from the operating system.

    Raises
    ------
    TypeError
        for what is no integer.
    """
    if seed is None:
        return int.from_bytes(np.random.SeedSequence().generate_state(2).tobytes())
    parts = list(seed) if isinstance(seed, list | tuple | np.ndarray) and np.ndim(seed) else [seed]
    key = SEED_KEY
    for part in parts:
        if isinstance(part, bool | np.bool_) or not isinstance(part, int | np.integer | np.ndarray):
            raise TypeError(f"a seed is an integer, a list of integers, or None; got {seed!r} of {type(seed).__name__}")
        number = int(part)
        key = encipher(key, number % 2**64)
        while not -(2**63) <= number < 2**64:  # the rest of long integers
            number >>= 64
            key = encipher(key, number % 2**64)
    return key


def key_of_stream(key: int, number: int) -> int:
    """The key of stream `number` among those that belong to a seed's key."""
    return encipher(key ^ STREAM_KEY, number)


class GeneratorState(np.ndarray):
    """A state as an array that has the methods of ``numpy.random.RandomState`` that deal with states.

    >>> state = GeneratorState(234)
    >>> before = state.get_state()
    >>> state.seed(5)
    >>> state.set_state(before)
    >>> bool((state == GeneratorState(234)).all())
    True
    """

    def __new__(cls, seed: Any = None) -> GeneratorState:
        return np.array([key_of_seed(seed), 0], dtype="uint64").view(cls)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return np.asarray(array)[()] if return_scalar else np.asarray(array)  # what is computed of states is none

    def seed(self, seed: Any = None) -> None:
        """Start again, with the stream that belongs to `seed`."""
        self.set_state(GeneratorState(seed))

    def get_state(self) -> np.ndarray:
        """A copy of key and counter."""
        return np.array(self)

    def set_state(self, state: Any) -> None:
        """Take key and counter from what :meth:`get_state` gave."""
        np.copyto(self, as_state(state))


def as_state(value: Any) -> np.ndarray:
    """A state from a state, a seed, or a generator of NumPy (whose state is taken as a seed).

    Raises
    ------
    TypeError
        for other values.
    """
    if _is_generator_of_numpy(value):
        import hashlib

        bits = value.get_state(legacy=False) if isinstance(value, np.random.RandomState) else value.bit_generator.state
        digest = hashlib.blake2b(repr(sorted(_flat(bits))).encode(), digest_size=8).digest()
        return np.array([int.from_bytes(digest, "little"), 0], dtype="uint64")
    if isinstance(value, np.ndarray) and value.dtype == np.uint64 and value.shape == (2,):
        return np.array(value, dtype="uint64", subok=False)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return np.asarray(GeneratorState(int(value)))
    raise TypeError(
        f"the state of a generator is a vector of two uint64 (see get_value()), a seed, or a generator of NumPy; got "
        f"{type(value).__name__} {value!r}"
    )


def _is_generator_of_numpy(value: Any) -> bool:
    """Whether it is one; ``numpy.random`` is not imported to find out."""
    random = sys.modules.get("numpy.random")
    return random is not None and isinstance(value, random.RandomState | random.Generator)


def _flat(state: Any, prefix: str = "") -> Any:
    for name, value in state.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value.tolist() if isinstance(value, np.ndarray) else value


class RandomStateSharedVariable(TensorSharedVariable):
    """A shared variable that holds the state of a generator.

    ``get_value`` gives a :class:`GeneratorState`; ``set_value`` takes states, seeds and generators of NumPy.
    """

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """The state; with `borrow` the one that is in use, so that seeding it has effect."""
        value = self.container.storage[0]
        return (value if borrow else value.copy()).view(GeneratorState)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Give the generator another state; TypeError for what is none."""
        if borrow and isinstance(new_value, GeneratorState):
            value = np.asarray(new_value)
        else:
            value = as_state(new_value)
        super().set_value(value, borrow=True)


def shared_state(seed: Any = None, name: str | None = None) -> RandomStateSharedVariable:
    """A shared variable with the state that belongs to a seed, a generator of NumPy, or another state."""
    value = np.asarray(GeneratorState()) if seed is None else as_state(seed)
    return RandomStateSharedVariable(name, STATE, value, strict=False)


@shared_constructor
def randomstate_constructor(
    value: Any, name: str | None = None, strict: bool = False, allow_downcast: bool | None = None, borrow: bool = False
) -> RandomStateSharedVariable:
    """What ``theano.shared`` makes of generators of NumPy and of states: a variable for a state."""
    if not isinstance(value, GeneratorState) and not _is_generator_of_numpy(value):
        raise TypeError()
    return shared_state(value, name)


def state_variable(state: Any) -> Variable:
    """`state` as a variable that holds a state; constants from what :func:`as_state` takes.

    Raises
    ------
    TypeError
        for variables of another type.
    """
    if not isinstance(state, Variable):
        return STATE.make_constant(as_state(state))
    if state.type != STATE:
        raise TypeError(
            f"a random state is a vector of uint64 (theano.tensor.raw_random.random_state_type()), got {state} of type "
            f"{state.type}"
        )
    return state
