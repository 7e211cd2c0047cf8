"""`theano.function`, and the functions that it returns."""

from __future__ import annotations

import copy
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from theano.backend.program import CallSpec
from theano.compile.container import Container, independent_copy
from theano.compile.gather import gather
from theano.compile.io import SymbolicInput
from theano.compile.maker import FunctionMaker
from theano.compile.sharedvalue import SharedVariable
from theano.configuration import config
from theano.graph.basic import Variable

if TYPE_CHECKING:
    from theano.inspect.stages import Stages

_AMBIGUOUS = object()

if TYPE_CHECKING:
    from theano.inspect.stages import Stages


class Function:
    """A compiled function: call it with the values of its inputs.

    Attributes
    ----------
    name
        for messages; by default the file and line where it was made.
    maker
        how it was made: ``maker.fgraph`` is the rewritten graph, ``maker.mode`` the Mode.
    input_storage
        a Container for each input: defaults of explicit inputs, values of shared variables.
    trust_input
        give arguments to the program unchecked; they must be arrays of exactly the right dtype and rank.
    profile
        a ProfileStats, or ``None``.
    """

    name: str | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Function:
        # Each function is the one instance of its own class, so that a call may be answered by machine code straight
        # away: a builtin as `__call__` of the class is not bound to the instance, nothing of Python is entered.
        own = type(cls.__name__, (cls,), {"__module__": cls.__module__, "__doc__": cls.__doc__})
        return object.__new__(own)

    def __init__(self, maker: FunctionMaker, input_storage: Sequence[Container], name: str | None = None) -> None:
        self.maker = maker
        self.name = maker.name if name is None else name
        self.program = maker.program
        self.input_storage = list(input_storage)
        self.unpack_single = maker.unpack_single
        self.return_none = maker.return_none
        self.output_keys = maker.output_keys
        self.trust_input = False
        self._explicit = [i for i in maker.inputs if not i.implicit]
        self._implicit_cells = [c.storage for c in self.input_storage[len(self._explicit) :]]
        self._positions = {i.name: n for n, i in enumerate(self._explicit) if i.name is not None}
        updated = [c.storage for i, c in zip(maker.inputs, self.input_storage) if i.update is not None]
        self._updates = list(enumerate(updated, maker.n_outputs))
        self._entry_of_bound: Any = None  # made at its first use
        self._profile: Any = None
        self.profile = maker.profile
        self._use_fastest_call()

    # ---- calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs for these values of the inputs, in the form in which they were asked for; runs the updates.

        Parameters
        ----------
        *args, **kwargs
            values by position or name; inputs with defaults may be left out. With ``output_subset`` (numbers, or names
            for functions that return a dict) only these outputs are returned.

        Raises
        ------
        TypeError
            too many, too few or unknown arguments, values that do not fit an input's type.
        """
        return self._call_slow(*args, **kwargs)

    def _call_slow(self, *args: Any, **kwargs: Any) -> Any:
        """The complete call, in Python."""
        if self._profile is not None:
            return self._profile.timed_call(self, args, kwargs)
        subset = kwargs.pop("output_subset", None)
        results = self._run_with_updates(args, kwargs) if self._updates else None
        if results is None:
            results = self._run(args, kwargs, self.program.run)
        return self._packed(results, subset)

    def _run_with_updates(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any] | None:
        """The outputs of one call whose updates the program's own entry makes, in place where it can.

        ``None`` where it has no such entry, or one that does not take the values.
        """
        if self._entry_of_bound is None:
            make_entry: Callable[[CallSpec], Any] | None = getattr(self.program, "make_entry", None)
            if make_entry is not None and not any(i.update for i in self._explicit):
                self._entry_of_bound = make_entry(self._call_spec(False, _refuse))
            self._entry_of_bound = self._entry_of_bound or _refuse
        return self._entry_of_bound(*self._bind(args, kwargs)[: len(self._explicit)])

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[[list[Any]], list[Any]]) -> list[Any]:
        """The outputs of one call that `run` computes; the updates are made."""
        commit = getattr(self.program, "commit", None)
        cells = [cell for _, cell in self._updates]
        while True:
            values = self._bind(args, kwargs)
            results = run(values)
            outputs, new = results[: self.maker.n_outputs], [results[number] for number, _ in self._updates]
            if commit is None:
                for cell, value in zip(cells, new):
                    cell[0] = value
                return outputs
            # A program that gives up the interpreter's lock may find that another thread updated what it started from.
            if not cells or commit(self._implicit_cells, values[len(self._explicit) :], cells, new):
                return outputs

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """The values of all inputs of the graph for the arguments of one call."""
        explicit = self._explicit
        if len(args) > len(explicit):
            raise TypeError(
                f"{self._title()} takes at most {len(explicit)} argument(s) ({self._signature()}), "
                f"{len(args)} were given"
            )
        values = list(args)
        given: dict[int, Any] = {}
        for name, value in kwargs.items():
            position = self._positions.get(name)
            if position is None:
                raise TypeError(f"{self._title()} has no argument named {name!r}; it takes ({self._signature()})")
            if position < len(args):
                raise TypeError(f"{self._title()}: argument {name!r} was given twice, by position and by name")
            given[position] = value
        if not self.trust_input:
            for position, value in enumerate(args):
                values[position] = self._converted(position, value)
            given = {position: self._converted(position, value) for position, value in given.items()}
        for position in range(len(args), len(explicit)):
            if position in given:
                values.append(given[position])
            else:
                values.append(self._default(position))
        values += [cell[0] for cell in self._implicit_cells]
        return values

    def _converted(self, position: int, value: Any) -> Any:
        entry = self._explicit[position]
        try:
            return entry.variable.type.filter(value, strict=entry.strict, allow_downcast=entry.allow_downcast)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            label = f"{position} ({entry.name})" if entry.name else f"{position}"
            raise kind(f"{self._title()}, argument {label}, counted from 0: {error}") from error

    def _default(self, position: int) -> Any:
        value = self.input_storage[position].storage[0]
        if value is None:
            missing = [i for n, i in enumerate(self._explicit) if n >= position and self.input_storage[n].value is None]
            names = ", ".join(i.name or str(i.variable) for i in missing)
            raise TypeError(f"{self._title()} takes ({self._signature()}); no value was given for {names}")
        return value

    def _packed(self, results: list[Any], subset: Sequence[Any] | None) -> Any:
        if self.output_keys is not None:
            wanted = self.output_keys if subset is None else subset
            by_key = dict(zip(self.output_keys, results))
            return {key: by_key[key] for key in wanted}
        if subset is not None:
            results = [results[i] for i in subset]
            return results
        return results[0] if self.unpack_single else results

    def _use_fastest_call(self) -> None:
        """Let the program's own entry answer calls where it can do all that such a call asks for."""
        cls = type(self)
        make_entry: Callable[[CallSpec], Any] | None = getattr(self.program, "make_entry", None)
        # Such an entry converts what loses nothing and leaves all else to the slow call; `strict` wants less.
        plain = self._profile is None and self.output_keys is None
        plain = plain and not any(i.update or i.strict or i.allow_downcast is False for i in self._explicit)
        if make_entry is None or not plain:
            if "__call__" in cls.__dict__:
                del cls.__call__
            return
        reference = weakref.ref(self)  # the entry must not keep alive what keeps it alive

        def slow_call(*args: Any, **kwargs: Any) -> Any:
            return reference()._call_slow(*args, **kwargs)  # type: ignore[union-attr]

        entry = make_entry(self._call_spec(self.unpack_single, slow_call))
        if entry is not None:
            cls.__call__ = entry  # type: ignore[method-assign]

    def _call_spec(self, single: bool, slow_call: Callable[..., Any]) -> CallSpec:
        return CallSpec(
            input_types=[i.variable.type for i in self._explicit],
            implicit_cells=self._implicit_cells,
            n_outputs=self.maker.n_outputs,
            updates=self._updates,
            single=single,
            slow_call=slow_call,
        )

    @property
    def profile(self) -> Any:
        return self._profile

    @profile.setter
    def profile(self, value: Any) -> None:
        changed = value is not self._profile
        self._profile = value
        if changed:
            self._use_fastest_call()

    # ---- access to inputs

    @property
    def finder(self) -> dict[Any, Any]:
        """Container of each input by position, variable and name."""
        found: dict[Any, Any] = {}
        for position, (entry, container) in enumerate(zip(self.maker.inputs, self.input_storage)):
            found[position] = found[entry.variable] = found[entry] = container
            if entry.name is not None:
                found[entry.name] = _AMBIGUOUS if entry.name in found else container
        return found

    @property
    def container(self) -> _InputAccess:
        """``f.container[x]``: the Container of an input, by variable, name or position."""
        return _InputAccess(self)

    @property
    def value(self) -> _ValueAccess:
        """``f.value[x]``: the default or kept value of an input; can be assigned."""
        return _ValueAccess(self)

    def __getitem__(self, item: Any) -> Any:
        return self.value[item]

    def __setitem__(self, item: Any, value: Any) -> None:
        self.value[item] = value

    def __contains__(self, item: Any) -> bool:
        return item in self.finder

    # ---- around the function

    def copy(
        self,
        share_memory: bool = False,
        swap: Mapping[SharedVariable, SharedVariable] | None = None,
        delete_updates: bool = False,
        name: str | None = None,
        profile: Any = None,
    ) -> Function:
        """Another function over the same compiled program; nothing is rewritten again.

        Parameters
        ----------
        share_memory
            accepted as in Theano 1.0; a function keeps no intermediate results between calls.
        swap
            shared variables of this function → others of the same type to be used by the copy in their place.
        delete_updates
            the copy updates nothing.
        name
            of the copy; by default this function's.
        profile
            a ProfileStats, or ``True`` for a new one.

        Raises
        ------
        ValueError
            `swap` names a variable that this function does not use.
        TypeError
            types differ.
        """
        maker = self.maker.without_updates() if delete_updates else self.maker
        inputs, storage = list(maker.inputs), list(self.input_storage)
        for position, entry in enumerate(maker.inputs):
            if not entry.implicit:
                old = storage[position]
                storage[position] = Container(
                    old.type, [independent_copy(old.storage[0])], old.readonly, old.strict, old.allow_downcast, old.name
                )
        for old_variable, new_variable in (swap or {}).items():
            position = self._shared_position(old_variable)
            if not isinstance(new_variable, SharedVariable):
                raise TypeError(f"copy: {old_variable} can be swapped only for a shared variable, not {new_variable!r}")
            if new_variable.type != old_variable.type:
                raise TypeError(
                    f"copy: {old_variable} of type {old_variable.type} cannot be swapped for {new_variable} of type "
                    f"{new_variable.type}"
                )
            inputs[position] = copy.copy(inputs[position])
            inputs[position].variable = new_variable
            inputs[position].value = storage[position] = new_variable.container
            inputs[position].name = new_variable.name
        from theano.compile.profiling import as_profile

        name = self.name if name is None else name
        maker = maker.variant(inputs=inputs, name=name, profile=as_profile(profile, name))
        builder = maker.function_builder or Function
        duplicate = builder(maker, storage, name)
        duplicate.trust_input = self.trust_input
        return duplicate

    def _shared_position(self, variable: SharedVariable) -> int:
        for position, entry in enumerate(self.maker.inputs):
            if entry.implicit and entry.variable is variable:
                return position
        used = ", ".join(str(v) for v in self.get_shared())
        raise ValueError(f"copy: {variable} is no shared variable of {self._title()}; those are: {used or 'none'}")

    def get_shared(self) -> list[SharedVariable]:
        """The shared variables that this function reads or updates."""
        return [i.variable for i in self.maker.inputs if isinstance(i.variable, SharedVariable)]

    def sync_shared(self) -> None:
        """Wait until all updates are done; they are when a call returns."""

    def free(self) -> None:
        """Give back the memory that is kept for the next call: that of intermediate results, and of results let go."""
        free = getattr(self.program, "free", None)
        if free is not None:
            free()

    @property
    def fn(self) -> Any:
        """The compiled program."""
        return self.program

    def stages(self) -> Stages:
        """All stages of this function as text: expression, rewritten graph, and those of the backend.

        What is returned prints as a whole; ``f.stages()["program"]`` is one stage.
        """
        from theano.inspect.stages import stages

        return stages(self)

    def __repr__(self) -> str:
        results = ", ".join(self.output_keys or [str(o.variable.type) for o in self.maker.outputs])
        return f"<theano.Function {self.name}: ({self._signature()}) -> {results or 'nothing'}>"

    def _title(self) -> str:
        return f"theano function {self.name}" if self.name else "theano function"

    def _signature(self) -> str:
        return ", ".join(
            f"{i.name or '_'}: {i.variable.type}{'' if c.value is None else ' = ' + _brief(c.value)}"
            for i, c in zip(self._explicit, self.input_storage)
        )

    # ---- copies and pickles

    def __copy__(self) -> Function:
        return self.copy()

    def __reduce__(self) -> Any:
        return (_rebuild_function, (self.maker, self.input_storage, self.name, self.trust_input))


def _refuse(*args: Any, **kwargs: Any) -> None:
    """What an entry calls with values that it does not take."""


def _rebuild_function(maker: FunctionMaker, storage: list[Container], name: str | None, trust_input: bool) -> Any:
    if not config.unpickle_function:
        return None
    function = (maker.function_builder or Function)(maker, storage, name)
    function.trust_input = trust_input
    return function


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 20 and "\n" not in text else "..."


class _InputAccess:
    """Inputs of a function by variable, name or position."""

    def __init__(self, function: Function) -> None:
        self.function = function

    def _find(self, item: Any) -> Container:
        found = self.function.finder.get(item)
        if found is None:
            names = ", ".join(i.name or str(i.variable) for i in self.function.maker.inputs)
            raise TypeError(f"{self.function._title()} has no input {item!r}; it has: {names}")
        if found is _AMBIGUOUS:
            raise TypeError(f"{self.function._title()} has several inputs named {item!r}; use the variable itself")
        return found

    def __getitem__(self, item: Any) -> Any:
        return self._find(item)

    def __contains__(self, item: Any) -> bool:
        return item in self.function.finder

    def __iter__(self) -> Iterator[Container]:
        return iter(self.function.input_storage)

    def __len__(self) -> int:
        return len(self.function.input_storage)


class _ValueAccess(_InputAccess):
    def __getitem__(self, item: Any) -> Any:
        return self._find(item).value

    def __setitem__(self, item: Any, value: Any) -> None:
        self._find(item).value = value

    def __iter__(self) -> Iterator[Any]:
        return (container.value for container in self.function.input_storage)


def function(
    inputs: Sequence[Any],
    outputs: Any = None,
    mode: Any = None,
    updates: Any = None,
    givens: Any = None,
    no_default_updates: bool | Sequence[SharedVariable] = False,
    accept_inplace: bool = False,
    name: str | None = None,
    rebuild_strict: bool = True,
    allow_input_downcast: bool | None = None,
    profile: Any = None,
    on_unused_input: str | None = None,
) -> Function:
    """Compile expressions into a function that can be called.

    Parameters
    ----------
    inputs
        list of the variables whose values a call gives, or :class:`~theano.compile.io.In` objects for inputs with
        names, defaults or updates.
    outputs
        what a call returns: a variable (the result is an array), a list (a list) or a dict with strings as keys (a
        dict) of variables or :class:`~theano.compile.io.Out` objects; ``None``: an empty list.
    mode
        how to compile: a :class:`~theano.compile.mode.Mode` or its name; ``None``: ``config.mode``.
    updates
        pairs, or a dict, of shared variable and expression of the same type: its new value after each call. All
        expressions see the old values.
    givens
        pairs, or a dict, of variable and what to put in its place in outputs and updates, all at once.
    no_default_updates
        do not run shared variables' ``default_update``: of any (``True``), or of those listed.
    accept_inplace
        allow Ops with a ``destroy_map`` in the graph.
    name
        for messages and profiles.
    rebuild_strict
        givens must keep types; otherwise what depends on them is built anew for the new types.
    allow_input_downcast
        accept arguments that lose precision by conversion; ``None``: only Python floats where the input has the dtype
        floatX; ``False``: not even these.
    profile
        ``True`` or a :class:`~theano.compile.profiling.ProfileStats`: measure times.
    on_unused_input
        ``"raise"``, ``"warn"`` or ``"ignore"``; ``None``: ``config.on_unused_input``.

    Raises
    ------
    theano.compile.errors.MissingInputError
        a variable without a value is needed.
    theano.compile.errors.UnusedInputError
        an input is not needed, or given twice.
    TypeError
        inputs, updates or givens of the wrong kind or type.

    >>> import theano, theano.tensor as T
    >>> x = T.dvector("x")
    >>> total = theano.shared(0.0, name="total")
    >>> f = theano.function([x], 2 * x, updates=[(total, total + x.sum())])
    >>> f([1, 2])
    array([2., 4.])
    >>> total.get_value()
    array(3.)
    """
    if not isinstance(inputs, list | tuple):
        raise TypeError(f"theano.function: inputs is a list of variables, even of just one: [{inputs}]")
    if name is None:
        frame = sys._getframe(1)
        name = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    output_keys: list[str] | None = None
    listed: list[Any]
    if isinstance(outputs, Mapping):
        for key in outputs:
            if not isinstance(key, str):
                raise AssertionError(f"theano.function: the keys of a dict of outputs are strings, not {key!r}")
        output_keys = sorted(outputs)
        listed = [outputs[key] for key in output_keys]
    elif outputs is None:
        listed = []
    else:
        listed = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    for position, entry in enumerate(listed):
        if not hasattr(entry, "variable") and not isinstance(entry, Variable):
            raise TypeError(
                f"theano.function: output {position} is {entry!r} of {type(entry).__name__}; outputs are variables "
                "or theano.Out objects (theano.tensor.as_tensor_variable makes a variable of a value)"
            )
    ins, outs = gather(inputs, listed, updates, givens, no_default_updates, rebuild_strict, allow_input_downcast)
    single = outputs is not None and output_keys is None and not isinstance(outputs, list | tuple)
    return orig_function(
        ins,
        outs[0] if single else outs,
        mode,
        accept_inplace=accept_inplace,
        name=name,
        profile=profile,
        on_unused_input=on_unused_input,
        output_keys=output_keys,
    )


def orig_function(
    inputs: Sequence[SymbolicInput],
    outputs: Any,
    mode: Any = None,
    accept_inplace: bool = False,
    name: str | None = None,
    profile: Any = None,
    on_unused_input: str | None = None,
    output_keys: Sequence[str] | None = None,
) -> Function:
    """As :func:`function` from complete lists: no givens, and shared variables are inputs with their containers."""
    from theano.compile.profiling import as_profile

    stats = as_profile(config.profile if profile is None else profile, name)
    started = time.perf_counter()
    maker = FunctionMaker(
        inputs,
        outputs,
        mode,
        accept_inplace=accept_inplace,
        profile=stats,
        on_unused_input=on_unused_input,
        output_keys=output_keys,
        name=name,
    )
    if stats is not None:
        stats.compile_time += time.perf_counter() - started
        stats.nodes = len(maker.fgraph.apply_nodes)
    return maker.create()
