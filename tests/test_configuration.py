"""Settings: where they come from, which source wins, and how mistakes are answered."""

from __future__ import annotations

import importlib.util
import os
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import theano
from theano import configuration
from theano.configparser import (
    AddConfigVar,
    BoolParam,
    EnumStr,
    FloatParam,
    IntParam,
    Setting,
    StrParam,
    TheanoConfigParser,
    TheanoConfigWarning,
    change_flags,
    config_files_from_theanorc,
    get_config_hash,
    parse_config_string,
    read_sources,
)

ROOT = Path(__file__).parent.parent


def configure(tmp_path: Path, file: str = "", flags: str = "") -> TheanoConfigParser:
    """The configuration of a process with this configuration file and these flags."""
    (tmp_path / "theanorc").write_text(file)
    config = TheanoConfigParser(read_sources({"THEANORC": str(tmp_path / "theanorc"), "THEANO_FLAGS": flags}))
    for setting in (*configuration.SETTINGS, *configuration.WITHOUT_EFFECT):
        config.declare(setting)
    config.warn_of_unknown_names()
    return config


def complaints(tmp_path: Path, file: str = "", flags: str = "") -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        configure(tmp_path, file, flags)
    assert all(w.category is TheanoConfigWarning for w in caught)
    return [str(w.message) for w in caught]


def test_defaults(tmp_path: Path) -> None:
    config = configure(tmp_path)
    assert config.floatX == "float64"
    assert config.device == "cpu"
    assert config.on_unused_input == "raise"
    assert config.numpy.seterr_all == "ignore"
    assert config.dnn.conv.algo_fwd == "small"
    assert config.vm.lazy is None
    assert config.optdb.position_cutoff == float("inf")
    assert config.source("floatX") == "default"


def test_file_without_section_header(tmp_path: Path) -> None:
    config = configure(tmp_path, "floatX = float32\ndevice = gpu\n")
    assert (config.floatX, config.device) == ("float32", "gpu")
    assert config.source("device").endswith("theanorc, line 2")


def test_file_with_sections_comments_and_continuations(tmp_path: Path) -> None:
    text = """
# a comment
[global]
floatx: float32   ; names in any case, either separator
device=cuda1 # the second card
allow_gc = false
[gcc]
cxxflags = -O2
    -march=native
[dnn.conv]
algo_fwd = fft
[numpy]
seterr_all=raise
"""
    config = configure(tmp_path, text)
    assert (config.floatX, config.device, config.allow_gc) == ("float32", "cuda1", False)
    assert config.gcc.cxxflags == "-O2 -march=native"
    assert (config.dnn.conv.algo_fwd, config.numpy.seterr_all) == ("fft", "raise")


def test_flags_win_over_files_and_later_flags_over_earlier(tmp_path: Path) -> None:
    config = configure(
        tmp_path, "floatX = float32\nopenmp = True", "floatX=float16, gcc.cxxflags='-O3,-g',floatX=float64,cxx="
    )
    assert (config.floatX, config.openmp, config.gcc.cxxflags, config.cxx) == ("float64", True, "-O3,-g", "")
    assert config.source("floatX") == "THEANO_FLAGS"


def test_later_files_win(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("floatX = float32\nmode = FAST_COMPILE")
    (tmp_path / "b").write_text("floatX = float16")
    paths = os.pathsep.join(str(tmp_path / name) for name in ("a", "missing", "b"))
    found = {a.name: a.value for a in read_sources({"THEANORC": paths})}
    assert found == {"floatX": "float16", "mode": "FAST_COMPILE"}


def test_default_files() -> None:
    home = os.path.expanduser("~")
    files = config_files_from_theanorc({})
    assert files[0] == os.path.join(home, ".theanorc")
    assert (len(files) == 2) == (sys.platform == "win32")
    assert config_files_from_theanorc({"THEANORC": ""}) == []


@pytest.mark.parametrize(
    ("file", "flags", "words"),
    [
        ("", "floatX=flaot32", ["THEANO_FLAGS", "floatX", "'flaot32'", "did you mean 'float32'"]),
        ("", "optimzer=None", ["THEANO_FLAGS", "'optimzer'", "did you mean 'optimizer'"]),
        ("", "fast", ["THEANO_FLAGS", "'fast'", "no value"]),
        ("", "allow_gc=maybe", ["THEANO_FLAGS", "allow_gc", "'maybe'", "True or False"]),
        ("", "device=GPU0", ["THEANO_FLAGS", "device", "'GPU0'", "lower case"]),
        ("\n[numpy]\nseter_all = raise", "", ["theanorc, line 3", "'numpy.seter_all'", "'numpy.seterr_all'"]),
        ("traceback.limit = few", "", ["theanorc, line 1", "traceback.limit", "'few'", "whole number"]),
        ("mode = FAST_RUNN", "", ["theanorc, line 1", "'FAST_RUNN'", "did you mean 'FAST_RUN'"]),
        ("what is this", "", ["theanorc, line 1", "'what is this'"]),
    ],
)
def test_a_mistake_outside_the_program_is_one_warning(tmp_path: Path, file: str, flags: str, words: list[str]) -> None:
    (message,) = complaints(tmp_path, file, flags)
    for word in words:
        assert word in message


def test_a_mistake_leaves_the_weaker_source_in_force(tmp_path: Path) -> None:
    with pytest.warns(TheanoConfigWarning):
        config = configure(tmp_path, "floatX = float32", "floatX=double")
    assert config.floatX == "float32"


def test_settings_of_theano_1_0_are_accepted(tmp_path: Path) -> None:
    flags = (
        "cxx=g++,gcc.cxxflags=-O3,blas.ldflags=-lopenblas,compiledir=/tmp/c,base_compiledir=/tmp/b,lib.cnmem=0.8,"
        "gpuarray.preallocate=0.5,dnn.enabled=False,dnn.conv.algo_bwd_filter=time_once,nvcc.fastmath=True,"
        "warn.round=False,openmp=True,vm.lazy=True,linker=c|py_nogc,contexts=dev0->cuda0;dev1->cuda1,exception_verbosity=high"
    )
    assert complaints(tmp_path, flags=flags) == []
    config = configure(tmp_path, flags=flags)
    assert config.lib.cnmem == 0.8
    assert config.vm.lazy is True
    assert config.linker == "c|py_nogc"


def test_program_changes_settings(tmp_path: Path) -> None:
    config = configure(tmp_path, flags="floatX=float32")
    config.floatX = "float16"
    config.traceback.limit = 3
    assert (config.floatX, config.traceback.limit, config.source("floatX")) == ("float16", 3, "program")


def test_mode_and_optimizer_take_objects_too(tmp_path: Path) -> None:
    config = configure(tmp_path)
    mode = object()
    config.mode = mode
    config.optimizer = None
    assert config.mode is mode
    assert config.optimizer == "None"


def test_mistakes_in_the_program_are_errors(tmp_path: Path) -> None:
    config = configure(tmp_path)
    with pytest.raises(AttributeError, match="no setting 'floatx'; did you mean 'floatX'"):
        config.floatx  # noqa: B018
    with pytest.raises(AttributeError, match=r"'numpy.seterr'; did you mean 'numpy.seterr_"):
        config.numpy.seterr = "raise"
    with pytest.raises(ValueError, match=r"theano.config.on_unused_input = 'warning'.*did you mean 'warn'"):
        config.on_unused_input = "warning"
    with pytest.raises(ValueError, match=r"tensor.cmp_sloppy = 3: the value is out of range"):
        config.tensor.cmp_sloppy = 3
    with pytest.raises(ValueError, match=r"theano.config.mode = 'FAST'"):
        config.mode = "FAST"
    assert not hasattr(config, "no_such_setting")


def test_device_is_fixed_after_import(tmp_path: Path) -> None:
    config = configure(tmp_path, flags="device=cuda")
    config.device = "cuda"
    with pytest.raises(AttributeError, match="THEANO_FLAGS=device=cpu"):
        config.device = "cpu"
    with pytest.raises(ValueError, match="expected cpu, cuda"):
        config.device = "tpu"


def test_change_flags_restores(tmp_path: Path) -> None:
    config = configure(tmp_path, flags="floatX=float32")
    with pytest.raises(KeyError), config.change_flags({"gcc.cxxflags": "-g"}, floatX="float16"):
        assert (config.gcc.cxxflags, config.floatX) == ("-g", "float16")
        raise KeyError
    assert (config.gcc.cxxflags, config.floatX, config.source("floatX")) == ("", "float32", "THEANO_FLAGS")


def test_change_flags_restores_when_one_of_its_settings_is_wrong(tmp_path: Path) -> None:
    config = configure(tmp_path)
    with pytest.raises(ValueError, match="allow_gc"), config.change_flags(floatX="float16", allow_gc="perhaps"):
        pytest.fail("the block must not run")
    assert config.floatX == "float64"


def test_change_flags_decorates_and_nests() -> None:
    before = theano.config.floatX

    @change_flags(floatX="float16")
    def inner(depth: int) -> list[str]:
        return [theano.config.floatX] + (inner(depth - 1) if depth else [])

    with theano.configparser.change_flags(floatX="float32"):
        assert inner(2) == ["float16"] * 3
        assert theano.config.floatX == "float32"
    assert theano.config.floatX == before


def test_a_library_declares_its_own(tmp_path: Path) -> None:
    with pytest.warns(TheanoConfigWarning, match="no setting 'solver.steps'"):
        config = configure(tmp_path, flags="solver.steps=7")
    AddConfigVar("solver.steps", "Steps of the solver.", IntParam(3, lambda n: n > 0), root=config)
    AddConfigVar("solver.kind", "Kind.", EnumStr("direct", "iterative"), root=config, in_c_key=False)
    AddConfigVar("solver.tolerance", "Tolerance.", FloatParam(lambda: 1e-3), root=config)
    AddConfigVar("solver.fixed", "Read once.", BoolParam(True, allow_override=False), root=config)
    AddConfigVar("solver.name", "A name.", StrParam("s"), root=config)
    assert (config.solver.steps, config.solver.kind, config.solver.tolerance) == (7, "direct", 1e-3)
    config.solver.tolerance = "1e-5"
    assert config.solver.tolerance == 1e-5
    with pytest.raises(ValueError, match="out of range"):
        config.solver.steps = 0
    with pytest.raises(AttributeError, match="read once"):
        config.solver.fixed = False
    with pytest.raises(AttributeError, match="already declared"):
        AddConfigVar("solver.steps", "Again.", IntParam(3), root=config)
    with pytest.raises(AttributeError, match="a section of settings"):
        config.declare(Setting("solver", IntParam(3), "A section."))


def test_printed_table_shows_every_setting(tmp_path: Path) -> None:
    config = configure(tmp_path, flags="floatX=float32")
    text = str(config)
    for setting in (*configuration.SETTINGS, *configuration.WITHOUT_EFFECT):
        assert f"\n{setting.name} (" in f"\n{text}"
        assert setting.doc in text
    assert "default: 'float64'   value: 'float32' (THEANO_FLAGS)" in text
    assert str(config.traceback).startswith("traceback.limit")


def test_names_are_declared_once_and_documented() -> None:
    settings = (*configuration.SETTINGS, *configuration.WITHOUT_EFFECT)
    assert len({s.name.lower() for s in settings}) == len(settings)
    assert all(s.doc.endswith(".") for s in settings)


def test_parse_config_string() -> None:
    assert parse_config_string("") == {}
    assert parse_config_string("a=1,b = x=y , ,c=") == {"a": "1", "b": "x=y", "c": ""}
    assert parse_config_string("noise", issue_warnings=False) == {}


def test_config_hash_follows_values() -> None:
    before = get_config_hash()
    with change_flags(floatX="float16"):
        assert get_config_hash() != before
    assert get_config_hash() == before


def python(flags: str, program: str = "import theano") -> subprocess.CompletedProcess[str]:
    environ = dict(os.environ, THEANORC="", THEANO_FLAGS=flags, PYTHONPATH=str(ROOT))
    return subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True)


@pytest.mark.parametrize("device", ["gpu", "gpu1", "cuda", "cuda0", "opencl0:1"])
def test_missing_accelerator_is_one_warning_at_import(device: str) -> None:
    done = python(f"device={device}", "import theano; import theano.tensor")
    assert done.returncode == 0
    assert done.stderr.count("TheanoConfigWarning") == 1
    assert f"device={device} (THEANO_FLAGS)" in done.stderr


def test_missing_accelerator_with_force_device_is_an_error() -> None:
    done = python("device=cuda,force_device=True")
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("RuntimeError: device=cuda (THEANO_FLAGS)")


def test_present_accelerator_is_silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(configuration, "config", configure(tmp_path, flags="device=cuda0"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        configuration.check_device(["cuda0"])
    with pytest.warns(TheanoConfigWarning, match="device=cuda0"):
        configuration.check_device(["cuda1"])


def test_warn_float64() -> None:
    x = theano.tensor.fscalar("x")
    with change_flags(warn_float64="warn"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            x * 2
        with pytest.warns(TheanoConfigWarning, match="float64"):
            x * theano.shared(2.0)
    with change_flags(warn_float64="raise"), pytest.raises(ValueError, match="float64"):
        theano.tensor.dscalar()


def test_test_values_are_shown_and_pickled_on_demand() -> None:
    x = theano.tensor.fscalar("x")
    x.tag.test_value = np.float32(2)
    assert repr(x) == "x"
    assert pickle.loads(pickle.dumps(x)).tag.test_value == 2
    with change_flags(print_test_value=True, pickle_test_value=False):
        assert repr(x).startswith("x\n")
        assert "2.0" in repr(x)
        assert not hasattr(pickle.loads(pickle.dumps(x)).tag, "test_value")


def test_comparison_may_be_sloppy() -> None:
    compare = theano.tensor.dscalar().type.values_eq_approx
    assert not compare(1.0, 1.0 + 1e-4)
    with change_flags({"tensor.cmp_sloppy": 2}):
        assert compare(1.0, 1.0 + 1e-5)
        assert not compare(1.0, 1.1)


def test_every_setting_is_read_somewhere() -> None:
    """A setting that says what it does must do it; those that nothing reads belong in WITHOUT_EFFECT."""
    files = [f for f in (ROOT / "theano").rglob("*.py") if not f.name.startswith("config")]
    source = "\n".join(file.read_text(encoding="utf-8") for file in [*files, Path(configuration.__file__)])
    read = {
        setting.name
        for setting in configuration.SETTINGS
        for section, _, name in [setting.name.rpartition(".")]
        if re.search(rf"\.{name}\b|[a-z]+\(config, \"{name}\"|{name.rpartition('_')[0]}_{{", source)
    }
    assert {setting.name for setting in configuration.SETTINGS} - read == set()


def test_page_of_settings_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for path, text in generate.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: run `make docs`"


def test_limit_of_tracebacks() -> None:
    x = theano.tensor.dvector("x")

    def inner():
        return x + 1

    def outer():
        return inner()

    for limit, expected in ((0, 0), (1, 1), (2, 2)):
        with theano.config.change_flags(**{"traceback.limit": limit}):
            assert len(outer().owner.trace) == expected
    with theano.config.change_flags(**{"traceback.limit": -1}):
        assert len(outer().owner.trace) > 8
    with theano.config.change_flags(**{"traceback.limit": 0}):
        f = theano.function([x], x[5])
    with pytest.raises(IndexError, match="out of bounds"):
        f([1.0])


@pytest.mark.parametrize("flag", ["seterr_all", "seterr_divide"])
def test_errors_of_numpy(flag: str) -> None:
    x = theano.tensor.dvector("x")
    f = theano.function([x], theano.tensor.log(x), mode=theano.Mode("py", "fast_run"))
    assert f([0.0])[0] == -np.inf
    with theano.config.change_flags({f"numpy.{flag}": "raise"}), pytest.raises(FloatingPointError):
        f([0.0])
