"""Modes, linkers, and the modes for debugging."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.compile import DebugMode, Linker, Mode, MonitorMode, NanGuardMode, errors, get_default_mode, get_mode
from theano.compile import mode as mode_module
from theano.compile.monitormode import detect_nan
from theano.rewrite import Query

x = T.dvector("x")


@pytest.mark.parametrize(
    "mode",
    ["Mode", "FAST_RUN", "FAST_COMPILE", "DebugMode", "DEBUG_MODE", "NanGuardMode", "MonitorMode", None,
     Mode("py", None), Mode("cvm", "fast_run"), Mode("c|py", "o1"), Mode("vm", "merge"), Mode(linker="py")],
)  # fmt: skip
def test_every_mode_computes(mode: Any) -> None:
    f = theano.function([x], T.exp(x).sum() * 2, mode=mode)
    assert np.isclose(f([0.0, 1.0]), 2 * (1 + np.e))


def test_names() -> None:
    assert get_mode("FAST_RUN") is theano.compile.FAST_RUN
    assert str(get_mode("FAST_RUN")) == "Mode(linker=native, optimizer=fast_run)"
    with pytest.raises(ValueError, match="did you mean 'FAST_RUN'"):
        get_mode("FAST_RUM")
    with pytest.raises(ValueError, match="did you mean 'native'"):
        Mode("natve")
    with pytest.raises(ValueError, match="there is no optimizer"):
        Mode(optimizer="fastest")
    with pytest.raises(TypeError, match="a mode is"):
        get_mode(3)
    with pytest.raises(TypeError, match="link"):
        Mode(linker=3)


def test_settings() -> None:
    with theano.config.change_flags(mode="FAST_COMPILE"):
        assert get_default_mode() is theano.compile.FAST_COMPILE
    with theano.config.change_flags(linker="py", optimizer="None"):
        mode = get_default_mode()
        assert mode == Mode("py", None) or (mode.linker.name, mode.optimizer) == ("reference", Query())
    with theano.config.change_flags(optimizer_excluding="fusion:inplace", optimizer_including="unsafe"):
        optimizer = get_default_mode().optimizer
        assert {"fusion", "inplace"} <= optimizer.exclude and "unsafe" in optimizer.include


def test_tags() -> None:
    mode = theano.compile.FAST_RUN.including("a").excluding("b", "c").requiring("d")
    assert mode.optimizer == Query(["fast_run", "a"], ["d"], ["b", "c"])
    assert theano.compile.FAST_RUN.optimizer == Query(["fast_run"])
    assert Mode("py", "fast_run") == Mode("py", "fast_run") != Mode("py", None)
    with pytest.raises(TypeError, match="own optimizer"):
        Mode("py", lambda fgraph: None).including("a")


def test_own_optimizer() -> None:
    seen = []
    theano.function([x], x * 2, mode=Mode("py", seen.append))
    assert [type(g).__name__ for g in seen] == ["FunctionGraph"]


def test_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("predefined_linkers", "predefined_optimizers", "predefined_modes"):
        monkeypatch.setattr(mode_module, name, dict(getattr(mode_module, name)))
    theano.compile.register_linker("mine", Linker("mine", "theano.backend.reference"))
    theano.compile.register_optimizer("nothing", Query())
    theano.compile.register_mode("MINE", Mode("mine", "nothing"))
    assert theano.function([x], x + 1, mode="MINE")([1.0]).tolist() == [2]
    for register in (theano.compile.register_linker, theano.compile.register_optimizer):
        with pytest.raises(ValueError, match="already"):
            register("py" if register is theano.compile.register_linker else "merge", None)
    with pytest.raises(ValueError, match="already"):
        theano.compile.register_mode("DebugMode", Mode())


# ---- NanGuardMode


@pytest.mark.parametrize(
    ("value", "settings", "word"),
    [
        (0.0, {}, "Infinity"),
        (-1.0, {}, "NaN"),
        (np.nan, {}, "NaN in input x"),
        (np.exp(30), {"big_is_error": True}, "1e"),
    ],
)
def test_nanguard(value: float, settings: dict, word: str) -> None:
    f = theano.function([x], T.log(x) * 1.5, mode=NanGuardMode(**settings))
    with pytest.raises(AssertionError, match=word):
        f([value])
    assert np.isclose(f([np.e]), 1.5)


def test_nanguard_switches() -> None:
    mode = NanGuardMode(nan_is_error=True, inf_is_error=False, big_is_error=False)
    assert theano.function([x], T.log(x), mode=mode)([0.0]).tolist() == [-np.inf]
    with pytest.raises(ValueError):
        NanGuardMode(nan_is_error=False, inf_is_error=False, big_is_error=False)
    z = T.log(x)
    z.tag.nan_guard_mode_check = False
    assert theano.function([x], z, mode=NanGuardMode(optimizer=None))([0.0]).tolist() == [-np.inf]
    with theano.config.change_flags({"NanGuardMode.action": "warn"}), pytest.warns(UserWarning, match="Infinity"):
        theano.function([x], T.log(x), mode=mode.clone(optimizer=None).__class__())([0.0])


# ---- MonitorMode


def test_monitor() -> None:
    seen: list[Any] = []
    mode = MonitorMode(
        pre_func=lambda i, node, fn: seen.append((i, str(node.op), [c[0].tolist() for c in fn.inputs])),
        post_func=lambda i, node, fn: seen.append([c[0].tolist() for c in fn.outputs]),
        optimizer=None,
    )
    theano.function([x], T.exp(x).sum(), mode=mode)([0.0, 0.0])
    assert seen[0] == (0, "Elemwise{exp,no_inplace}", [[0.0, 0.0]])
    assert seen[1] == [[1.0, 1.0]] and seen[3] == [2.0]


def test_monitor_with_profile() -> None:
    seen: list[Any] = []
    profile = theano.compile.ProfileStats(atexit_print=False)
    mode = MonitorMode(post_func=lambda i, node, fn: seen.append(i), optimizer=None)
    theano.function([x], T.exp(x).sum(), mode=mode, profile=profile)([0.0])
    assert seen == [0, 1] and len(profile.node_times) == 2


def test_detect_nan(capsys: pytest.CaptureFixture[str]) -> None:
    f = theano.function([x], T.log(x), mode=MonitorMode(post_func=detect_nan))
    f([1.0])
    with pytest.raises(AssertionError):
        f([-1.0])
    assert "NaN detected" in capsys.readouterr().out


# ---- DebugMode


def test_debugmode_accepts_what_is_right() -> None:
    s = theano.shared(np.ones(2), "s")
    f = theano.function([x], [(x * s).sum(), x.reshape((1, 2)).T], updates=[(s, s - x)], mode="DebugMode")
    f([1.0, 2.0])
    assert s.get_value().tolist() == [0, -1]


def test_debugmode_names_a_bad_rewrite() -> None:
    def exp_to_sqr(fgraph: Any) -> None:
        for node in fgraph.toposort():
            if str(node.op).startswith("Elemwise{exp"):
                fgraph.replace(node.outputs[0], T.sqr(node.inputs[0]), reason="exp_to_sqr")

    f = theano.function([x], T.exp(x).sum() + 1, mode=DebugMode(exp_to_sqr))
    with pytest.raises(errors.BadOptimization, match="exp_to_sqr"):
        f([1.0])


class WrongLinker:
    """A backend that computes exp wrongly."""

    def link(self, fgraph: Any, name: str | None = None) -> Any:
        from theano.backend.reference import link

        def spoil(position: int, node: Any, inputs: list[list[Any]], outputs: list[list[Any]]) -> None:
            if str(node.op).startswith("Elemwise{exp"):
                outputs[0][0] += 0.5

        return link(fgraph, name).watched(after=spoil)


def test_debugmode_names_the_node_of_a_wrong_backend() -> None:
    z = T.exp(T.sin(x) + 1).sum() * 2
    f = theano.function([x], z, mode=DebugMode(None, linker=WrongLinker()))
    with pytest.raises(errors.BadThunkOutput) as info:
        f([1.0])
    message = str(info.value)
    assert "first node that differs: Elemwise{exp" in message and "largest difference 0.5" in message


def test_debugmode_finds_unstable_rewriting() -> None:
    count = [0]

    def moody(fgraph: Any) -> None:
        count[0] += 1
        if count[0] == 2:
            fgraph.replace(fgraph.outputs[0], fgraph.outputs[0] * 1)

    with pytest.raises(errors.StochasticOrder):
        theano.function([x], T.exp(x), mode=DebugMode(moody))


class Liar(theano.Op):
    """Overwrites its input or returns it, and says neither."""

    __props__ = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what

    def make_node(self, a: Any) -> theano.Apply:
        return theano.Apply(self, [a], [a.type()])

    def perform(self, node: Any, inputs: Any, output_storage: Any) -> None:
        if self.what == "destroy":
            inputs[0] += 1
            output_storage[0][0] = inputs[0].copy()
        elif self.what == "view":
            output_storage[0][0] = inputs[0]
        else:
            output_storage[0][0] = np.full(inputs[0].shape, np.nan)


@pytest.mark.parametrize(
    ("what", "error"),
    [("destroy", errors.BadDestroyMap), ("view", errors.BadViewMap), ("nan", errors.InvalidValueError)],
)
def test_debugmode_watches_ops(what: str, error: type[Exception]) -> None:
    f = theano.function([x], Liar(what)(x) * 2, mode=DebugMode(check_c_code=False))
    with pytest.raises(error):
        f([1.0])


def test_debugmode_needs_something_to_check() -> None:
    with pytest.raises(ValueError):
        DebugMode(check_c_code=False, check_py_code=False)
