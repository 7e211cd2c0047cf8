"""How settings are declared, read from their sources, and changed; which there are is said in `theano.configuration`.

A setting takes its value from the last of these sources that names it:

1. the default in its declaration;
2. the files listed in the environment variable ``THEANORC`` (default ``~/.theanorc``), in INI form;
3. the environment variable ``THEANO_FLAGS``, ``name=value`` pairs separated by commas;
4. the program: ``theano.config.floatX = "float32"`` or ``with theano.config.change_flags(floatX="float32"):``.

Names in files and flags are matched whatever their case. An unknown name or a malformed value there is answered with a
`TheanoConfigWarning` and otherwise ignored; in the program it is an `AttributeError` or a `ValueError`.
"""

from __future__ import annotations

import operator
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

__all__ = [
    "AddConfigVar",
    "BoolParam",
    "ConfigParam",
    "EnumStr",
    "FloatParam",
    "IntParam",
    "StrParam",
    "TheanoConfigParser",
    "TheanoConfigWarning",
    "TypedParam",
    "change_flags",
    "config",
    "config_files_from_theanorc",
    "get_config_hash",
    "parse_config_string",
]


class TheanoConfigWarning(UserWarning):
    """A setting in a configuration file or in THEANO_FLAGS could not be honoured."""


# --- Kinds of settings ------------------------------------------------------------------------------------------------


class ConfigParam:
    """The kind of a setting: its default, and `filter`, which parses and checks a value (ValueError if it is not one).

    A callable default is evaluated when the setting is declared. With ``allow_override=False`` the program cannot
    change the setting: only files and flags can.
    """

    def __init__(
        self, default: Any, filter: Callable[[Any], Any] | None = None, allow_override: bool = True, kind: str = "any"
    ) -> None:
        self.default = default() if callable(default) else default
        self.filter = filter or (lambda value: value)
        self.allow_override = allow_override
        self.kind = kind

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.default!r}: {self.kind})"


class EnumStr(ConfigParam):
    """One string of a fixed list, whose first member is the default.

    >>> EnumStr("raise", "warn", "ignore").filter("warn")
    'warn'
    """

    def __init__(self, default: str, *options: str, allow_override: bool = True) -> None:
        self.all = tuple(dict.fromkeys((default, *options)))
        super().__init__(default, self._choose, allow_override, " | ".join(self.all))

    def _choose(self, value: Any) -> str:
        text = str(value) if value is None or isinstance(value, bool) else value
        if isinstance(text, str) and text in self.all:
            return text
        raise ValueError(f"expected one of {', '.join(self.all)}{suggestion(str(value), self.all)}")


class TypedParam(ConfigParam):
    """A value that `convert` makes from text or from an object of Python, and that `is_valid`, if given, accepts."""

    def __init__(
        self,
        default: Any,
        mytype: Callable[[Any], Any],
        is_valid: Callable[[Any], bool] | None = None,
        allow_override: bool = True,
    ) -> None:
        def convert(value: Any) -> Any:
            try:
                converted = mytype(value)
            except TypeError as error:
                raise ValueError(str(error)) from error
            if is_valid is not None and not is_valid(converted):
                raise ValueError("the value is out of range")
            return converted

        super().__init__(default, convert, allow_override, getattr(mytype, "__name__", str(mytype)).strip("_"))


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _bool(value: Any) -> bool:
    try:
        return _BOOLEANS[str(value).strip().lower()]
    except KeyError:
        raise ValueError("expected True or False") from None


def _int(value: Any) -> int:
    try:
        return int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        raise ValueError("expected a whole number") from None


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError("expected a number") from None


def BoolParam(default: Any, is_valid: Callable[[bool], bool] | None = None, allow_override: bool = True) -> TypedParam:
    """A truth value, written True, true, 1, False, false or 0."""
    return TypedParam(default, _bool, is_valid, allow_override)


def IntParam(default: Any, is_valid: Callable[[int], bool] | None = None, allow_override: bool = True) -> TypedParam:
    """A whole number."""
    return TypedParam(default, _int, is_valid, allow_override)


def FloatParam(
    default: Any, is_valid: Callable[[float], bool] | None = None, allow_override: bool = True
) -> TypedParam:
    """A floating-point number."""
    return TypedParam(default, _float, is_valid, allow_override)


def StrParam(default: Any, is_valid: Callable[[str], bool] | None = None, allow_override: bool = True) -> TypedParam:
    """Any text."""
    return TypedParam(default, str, is_valid, allow_override)


def suggestion(word: str, words: Any) -> str:
    """The end of an error message: which of `words` is nearest to `word`, or nothing if none is near."""
    from difflib import get_close_matches  # only mistakes pay for the import

    by_lower = {w.lower(): w for w in words}
    near = get_close_matches(word.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else ""


# --- Sources ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name` was given `value`, as text, in `source`: "THEANO_FLAGS" or a file and line."""

    name: str
    value: str
    source: str


# Text in quotes keeps its commas.
_FLAG = re.compile(r"""(?:[^,"']|"[^"]*"|'[^']*')+""")


def parse_config_string(config_string: str, issue_warnings: bool = True) -> dict[str, str]:
    """The pairs of a text in the form of THEANO_FLAGS, ``name=value,name=value``; the last of two equal names wins.

    >>> parse_config_string('floatX=float32,gcc.cxxflags="-O2,-g",floatX=float64')
    {'floatX': 'float64', 'gcc.cxxflags': '-O2,-g'}
    """
    pairs: dict[str, str] = {}
    for word in _FLAG.findall(config_string):
        if not (word := word.strip()):
            continue
        name, equals, value = word.partition("=")
        if equals:
            pairs[name.strip()] = re.sub(r"""^(["'])(.*)\1$""", r"\2", value.strip())
        elif issue_warnings:
            _warn(f"THEANO_FLAGS: {word!r} has no value and is ignored; write {word}=value")
    return pairs


def config_files_from_theanorc(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The configuration files, weakest first: the paths in ``THEANORC``, or ``~/.theanorc`` (and .txt on Windows)."""
    home_files = ["~/.theanorc", "~/.theanorc.txt"] if sys.platform == "win32" else ["~/.theanorc"]
    listed = environ.get("THEANORC")
    paths = home_files if listed is None else listed.split(os.pathsep)
    return [os.path.expanduser(path) for path in paths if path]


def read_config_file(path: str) -> list[Assignment]:
    """The assignments of one INI file; none if there is no such file.

    Lines before the first section header belong to ``[global]``, whose names stand as they are; in another section
    ``[gcc]`` a name ``cxxflags`` means ``gcc.cxxflags``. An indented line that is no assignment continues
    the value of the line before it.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        _warn(f"{path} cannot be read: {error.strerror}")
        return []
    assignments: list[Assignment] = []
    prefix, open_value = "", False
    for number, line in enumerate(lines, 1):
        text = re.sub(r"(^|\s)[#;].*$", "", line).strip()
        source = f"{path}, line {number}"
        if not text:
            continue
        assignment = re.fullmatch(r"([\w.]+)\s*[=:]\s*(.*)", text)
        if open_value and line[0].isspace() and not assignment:
            last = assignments[-1]
            assignments[-1] = Assignment(last.name, f"{last.value} {text}".strip(), last.source)
        elif text.startswith("[") and text.endswith("]"):
            section = text[1:-1].strip()
            prefix, open_value = ("" if section == "global" else section + "."), False
        elif assignment:
            assignments.append(Assignment(prefix + assignment[1], assignment[2], source))
            open_value = True
        else:
            _warn(f"{source}: {text!r} is neither a [section] nor name = value, and is ignored")
            open_value = False
    return assignments


def read_sources(environ: Mapping[str, str]) -> list[Assignment]:
    """What the configuration files and THEANO_FLAGS assign, weakest first."""
    assignments = [a for path in config_files_from_theanorc(environ) for a in read_config_file(path)]
    flags = parse_config_string(environ.get("THEANO_FLAGS", ""))
    return assignments + [Assignment(name, value, "THEANO_FLAGS") for name, value in flags.items()]


def _warn(message: str) -> None:
    """Warn, in the name of the first line outside this package: the user's ``import theano``."""
    package = os.path.dirname(__file__) + os.sep
    frame = sys._getframe(1)
    while frame.f_back is not None and (frame.f_code.co_filename.startswith((package, "<frozen importlib"))):
        frame = frame.f_back
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, TheanoConfigWarning, frame.f_code.co_filename, frame.f_lineno, registry=registry)


# --- The object that programs use -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: dotted name, what it does, its kind, and whether it does anything today."""

    name: str
    param: ConfigParam
    doc: str
    effective: bool = True


class Section:
    """The settings under one dotted prefix.

    Values lie in the instance's own dictionary, so that reading one costs a plain attribute access.
    """

    def __init__(self, root: TheanoConfigParser, prefix: str) -> None:
        self.__dict__.update(_root=root, _prefix=prefix)

    def __setattr__(self, name: str, value: Any) -> None:
        self._root._change(self._prefix + name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._root._unknown(self._prefix + name)

    def __str__(self) -> str:
        return "\n".join(self._root._describe(self._prefix))


class TheanoConfigParser(Section):
    """All settings, as attributes; `str` of it is the whole table with defaults and current values.

    >>> import theano
    >>> with theano.config.change_flags(floatX="float32"):
    ...     theano.config.floatX
    'float32'
    >>> theano.config.floatX = "flaot32"
    Traceback (most recent call last):
        ...
    ValueError: theano.config.floatX = 'flaot32': expected one of float64, float32, float16; did you mean 'float32'?
    """

    def __init__(self, assignments: list[Assignment]) -> None:
        super().__init__(self, "")
        given: dict[str, list[Assignment]] = {}
        for assignment in assignments:
            given.setdefault(assignment.name.lower(), []).append(assignment)
        self.__dict__.update(_settings={}, _given=given, _sources={})

    def declare(self, setting: Setting) -> None:
        """Add a setting; it takes its value from the last source that names it."""
        name = setting.name
        if name in self._settings:
            raise AttributeError(f"the setting {name} is already declared")
        if isinstance(_following(self, name), Section):
            raise AttributeError(f"the setting {name} cannot be declared: {name} is a section of settings")
        self._settings[name] = setting
        self._put(name, setting.param.filter(setting.param.default), "default")
        for assignment in self._given.pop(name.lower(), ()):
            try:
                self._put(name, setting.param.filter(assignment.value), assignment.source)
            except ValueError as error:
                _warn(f"{assignment.source}: {name} = {assignment.value!r} is ignored: {error}")

    def warn_of_unknown_names(self) -> None:
        """Warn of each name in files and flags that nobody has declared."""
        for assignments in self._given.values():
            for a in assignments:
                _warn(f"{a.source}: there is no setting {a.name!r}{suggestion(a.name, self._settings)}")

    def source(self, name: str) -> str:
        """Where the current value of a setting comes from: default, a file and line, THEANO_FLAGS, or the program.

        >>> import theano
        >>> with theano.config.change_flags(exception_verbosity="high"):
        ...     theano.config.source("exception_verbosity")
        'program'
        """
        return self._sources[name]

    @contextmanager
    def change_flags(
        self, *flags: Mapping[str, Any] | Iterable[tuple[str, Any]], **settings: Any
    ) -> Iterator[TheanoConfigParser]:
        """Change settings in a ``with`` block or, as a decorator, in a function; dotted names go in a dict or pairs.

        >>> import theano
        >>> with theano.config.change_flags({"traceback.limit": 1}, on_unused_input="ignore"):
        ...     theano.config.traceback.limit
        1
        """
        changes = {name: value for pairs in (*flags, settings) for name, value in dict(pairs).items()}
        before: dict[str, tuple[Any, str]] = {}
        try:
            for name, value in changes.items():
                old = self._get(name), self._sources[name]
                self._change(name, value)
                before[name] = old
            yield self
        finally:
            for name, (old, source) in before.items():
                self._put(name, old, source)

    def _get(self, name: str) -> Any:
        if name not in self._settings:
            raise self._unknown(name)
        return _following(self, name)

    def _change(self, name: str, value: Any) -> None:
        setting = self._settings.get(name)
        if setting is None:
            raise self._unknown(name)
        try:
            parsed = setting.param.filter(value)
        except ValueError as error:
            raise ValueError(f"theano.config.{name} = {value!r}: {error}") from None
        if not setting.param.allow_override and parsed != self._get(name):
            raise AttributeError(
                f"theano.config.{name} is read once, when theano is imported: set it before that, "
                f"in ~/.theanorc or with THEANO_FLAGS={name}={value}"
            )
        self._put(name, parsed, "program")

    def _put(self, name: str, value: Any, source: str) -> None:
        *path, last = name.split(".")
        section: Section = self
        for word in path:
            section = section.__dict__.setdefault(word, Section(self, f"{section._prefix}{word}."))
        section.__dict__[last] = value
        self._sources[name] = source

    def _unknown(self, name: str) -> AttributeError:
        sections = {n.rpartition(".")[0] for n in self._settings} - {""}
        return AttributeError(f"theano.config has no setting {name!r}{suggestion(name, [*self._settings, *sections])}")

    def _describe(self, prefix: str) -> Iterator[str]:
        for name, setting in self._settings.items():
            if name.startswith(prefix):
                yield f"{name} ({setting.param.kind})"
                yield f"    {setting.doc}{'' if setting.effective else ' (Accepted; no effect.)'}"
                yield f"    default: {setting.param.default!r}   value: {self._get(name)!r} ({self._sources[name]})"


def _following(section: Any, dotted_name: str) -> Any:
    """What lies at a dotted name, None if nothing."""
    for word in dotted_name.split("."):
        section = section.__dict__.get(word) if isinstance(section, Section) else None
    return section


config = TheanoConfigParser(read_sources(os.environ))
change_flags = config.change_flags


def AddConfigVar(
    name: str, doc: str, configparam: ConfigParam, root: TheanoConfigParser = config, in_c_key: bool = True
) -> None:
    """Declare a setting of a library's own, read from the same files and flags.

    AttributeError if the name is taken. `in_c_key` is accepted for programs that pass it.

    >>> AddConfigVar("my_library.cache_size", "Results to remember.", IntParam(100, lambda size: size >= 0))
    >>> config.my_library.cache_size
    100
    """
    root.declare(Setting(name, configparam, doc))


def get_config_hash() -> str:
    """A digest of the current values of all settings."""
    from hashlib import sha256

    values = [f"{name}={config._get(name)}" for name in sorted(config._settings)]
    return sha256("\n".join(values).encode()).hexdigest()
