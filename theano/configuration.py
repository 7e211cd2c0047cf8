"""The settings of Theano, one row each: `theano.config`. How they are read and changed: `theano.configparser`.

Every setting of Theano 1.0 is here, so that its configuration files and programs are accepted as they stand. The second
table holds those that speak of things no longer there (a C compiler, its libraries, particular graphics cards): their
values are checked and kept, and change nothing.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from theano.configparser import (
    BoolParam,
    ConfigParam,
    EnumStr,
    FloatParam,
    IntParam,
    Setting,
    StrParam,
    TheanoConfigParser,
    _warn,
    change_flags,
    config,
)

__all__ = ["SETTINGS", "WITHOUT_EFFECT", "TheanoConfigParser", "answer", "change_flags", "check_device", "config"]

_ACCELERATORS = ("cuda", "gpu", "opencl")


def _device(value: Any) -> str:
    name = str(value)
    if name == "cpu" or name.startswith(_ACCELERATORS):
        return name
    raise ValueError("expected cpu, cuda*, gpu* or opencl* (in lower case), where * is the number of a device")


def _optional_device(value: Any) -> str:
    return _device(value) if value else ""


MODE_NAMES = ("Mode", "FAST_RUN", "FAST_COMPILE", "DebugMode", "DEBUG_MODE", "NanGuardMode", "MonitorMode")
_mode_name = EnumStr(*MODE_NAMES)


def _mode(value: Any) -> Any:
    return _mode_name.filter(value) if isinstance(value, str) else value


def _tristate(value: Any) -> bool | None:
    return None if value is None or value == "None" else BoolParam(False).filter(value)


def _seed(value: Any) -> str | int:
    return "random" if value == "random" else IntParam(0).filter(value)


def _unsigned(value: float) -> bool:
    return value >= 0


_LINKERS = ("cvm", "cvm_nogc", "vm", "vm_nogc", "c", "c|py", "c|py_nogc", "py", "native", "reference")
_SETERR = ("ignore", "warn", "raise", "call", "print", "log", "None")
_ON_TEST_VALUE = ("off", "ignore", "warn", "raise", "pdb")

SETTINGS = (
    # Types
    Setting("floatX", EnumStr("float64", "float32", "float16"), "The dtype of tensors whose dtype is not given."),
    Setting(
        "cast_policy",
        EnumStr("custom", "numpy+floatX"),
        "How Python numbers are typed: custom takes the smallest dtype that holds them exactly (floats: floatX if "
        "a float32 would lose digits); numpy+floatX takes NumPy's, with floatX for float64.",
    ),
    Setting("int_division", EnumStr("int", "raise", "floatX"), "What x / y gives when both are integers: int is //."),
    Setting(
        "warn_float64",
        EnumStr("ignore", "warn", "raise", "pdb"),
        "What happens when a float64 variable is made, to find what keeps a program from running in float32.",
    ),
    # Devices
    Setting(
        "device",
        ConfigParam("cpu", _device, allow_override=False, kind="cpu | cuda* | gpu* | opencl*"),
        "Where functions run. An accelerator that is not there is answered with one warning, and the CPU is used.",
    ),
    Setting("force_device", BoolParam(False, allow_override=False), "A missing device is a RuntimeError."),
    Setting(
        "init_gpu_device",
        ConfigParam("", _optional_device, allow_override=False, kind="'' | cuda* | gpu* | opencl*"),
        "An accelerator to make ready without moving computations to it.",
    ),
    # Compilation
    Setting(
        "mode",
        ConfigParam("Mode", _mode, kind=" | ".join(MODE_NAMES)),
        "How theano.function compiles when it is given no mode; Mode combines `linker` and `optimizer`.",
    ),
    Setting(
        "linker",
        EnumStr(*_LINKERS),
        "What runs a compiled function in the mode Mode: py and reference compute with NumPy, node by node; all "
        "others are native code.",
    ),
    Setting(
        "optimizer",
        EnumStr("o4", "o3", "o2", "o1", "unsafe", "fast_run", "fast_compile", "merge", "None"),
        "Which rewrites the mode Mode applies: o4 is fast_run, o1 is fast_compile; unsafe also drops run-time checks.",
    ),
    Setting("optimizer_including", StrParam(""), "Tags of rewrites to add in the default mode, separated by colons."),
    Setting("optimizer_excluding", StrParam(""), "Tags of rewrites to leave out, separated by colons."),
    Setting("optimizer_requiring", StrParam(""), "Tags that a rewrite must have to be applied, separated by colons."),
    Setting("optimizer_verbose", BoolParam(False), "Print each rewrite as it is applied."),
    Setting(
        "on_opt_error",
        EnumStr("warn", "raise", "pdb", "ignore"),
        "What happens when a rewrite fails: all but raise and pdb leave the node as it was.",
    ),
    Setting("on_unused_input", EnumStr("raise", "warn", "ignore"), "What theano.function does about an unused input."),
    Setting("on_shape_error", EnumStr("warn", "raise"), "What a failing `infer_shape` of an Op does."),
    # Threads
    Setting(
        "openmp",
        BoolParam(True),
        "Functions compiled now use several threads for large arrays: as many as the environment variable "
        "OMP_NUM_THREADS says, else one a core.",
    ),
    Setting(
        "openmp_elemwise_minsize",
        IntParam(30_000, _unsigned),
        "From how many elements on a sum of float64 vectors uses several threads; what computes more does from fewer. "
        "Up to 200000 it does so only where calls come in quick succession.",
    ),
    # Machine code kept on disk
    Setting("native.cache", BoolParam(True), "Keep machine code on disk and use it in later processes."),
    Setting("native.cache_size", FloatParam(256.0, _unsigned), "What the machine code kept on disk may take, in MiB."),
    Setting(
        "base_compiledir",
        StrParam(lambda: os.path.join(os.path.expanduser("~"), ".theano")),
        "The folder that holds the folder of machine code, unless compiledir names one.",
    ),
    Setting("compiledir", StrParam(""), "The folder of machine code kept on disk; empty: native in base_compiledir."),
    Setting("optdb.position_cutoff", FloatParam(float("inf")), "Passes placed after this position are not run."),
    Setting("optdb.max_use_ratio", FloatParam(8.0), "Rewrites a node before a pass is thought to run in circles."),
    Setting(
        "tensor.cmp_sloppy",
        IntParam(0, lambda level: 0 <= level <= 2),
        "How loosely DebugMode compares results: each level widens the tolerance tenfold.",
    ),
    # Arithmetic
    *(
        Setting(
            f"numpy.seterr_{case}",
            EnumStr("ignore" if case == "all" else "None", *_SETERR),
            f"What NumPy does about {meaning} when it computes for Theano (numpy.errstate); None leaves it as it is.",
        )
        for case, meaning in {
            "all": "floating-point errors",
            "divide": "division by zero",
            "over": "overflow",
            "under": "underflow",
            "invalid": "invalid operations",
        }.items()
    ),
    # Looking inside, and errors
    Setting("exception_verbosity", EnumStr("low", "high"), "How much of the graph an error message shows."),
    Setting("traceback.limit", IntParam(8), "Lines of the program kept on each node; 0 keeps none, -1 all."),
    Setting("compute_test_value", EnumStr(*_ON_TEST_VALUE), "Compute each node's test value as the graph is built."),
    Setting("compute_test_value_opt", EnumStr(*_ON_TEST_VALUE), "Compute test values during rewriting as well."),
    Setting("print_test_value", BoolParam(False), "Show the test value in the repr of a variable."),
    Setting("pickle_test_value", BoolParam(True), "Keep test values when a variable is pickled."),
    Setting("unpickle_function", BoolParam(True), "Restore pickled functions; otherwise they come back as None."),
    Setting("reoptimize_unpickled_function", BoolParam(False), "Rewrite the graph anew when a function is unpickled."),
    Setting("profile", BoolParam(False), "Time each function and the nodes in it, and print a summary at exit."),
    Setting("profile_optimizer", BoolParam(False), "With `profile`: time each rewrite as well."),
    Setting("profiling.time_thunks", BoolParam(True), "Time single nodes."),
    Setting("profiling.n_apply", IntParam(20, _unsigned), "Nodes that a profile lists."),
    Setting("profiling.n_ops", IntParam(20, _unsigned), "Operations that a profile lists."),
    Setting("profiling.output_line_width", IntParam(512, _unsigned), "Width of a profile's lines in characters."),
    Setting("profiling.destination", StrParam("stderr"), "Where profiles go: stderr, stdout or the name of a file."),
    Setting("profiling.ignore_first_call", BoolParam(False), "Leave a function's first call out of its profile."),
    Setting("DebugMode.patience", IntParam(10, _unsigned), "Times that a graph is rewritten to find inconsistency."),
    Setting("DebugMode.check_c", BoolParam(True), "Run native code."),
    Setting("DebugMode.check_py", BoolParam(True), "Run the reference backend."),
    Setting("DebugMode.check_finite", BoolParam(True), "Complain about NaN and infinity in results."),
    Setting("NanGuardMode.nan_is_error", BoolParam(True), "Report NaN."),
    Setting("NanGuardMode.inf_is_error", BoolParam(True), "Report infinity."),
    Setting("NanGuardMode.big_is_error", BoolParam(True), "Report magnitudes above 1e10."),
    Setting("NanGuardMode.action", EnumStr("raise", "warn", "pdb"), "How NanGuardMode reports."),
)


def _retired(doc: str, **params: ConfigParam) -> list[Setting]:
    """Settings of Theano 1.0 without effect; a double underscore in a keyword stands for the dot of a name."""
    return [Setting(name.replace("__", "."), param, doc, effective=False) for name, param in params.items()]


_ALGORITHMS = ("fft", "fft_tiling", "winograd", "winograd_non_fused")
_GUESSES = ("guess_once", "guess_on_shape_change", "time_once", "time_on_shape_change")

WITHOUT_EFFECT = (
    *_retired(
        "The C++ compiler and what it is given: no C code is compiled.",
        cxx=StrParam(""),
        gcc__cxxflags=StrParam(""),
        cmodule__warn_no_version=BoolParam(False),
        cmodule__remove_gxx_opt=BoolParam(False),
        cmodule__compilation_warning=BoolParam(False),
        cmodule__preload_cache=BoolParam(False),
        cmodule__age_thresh_use=IntParam(24 * 24 * 3600),
        cmodule__debug=BoolParam(False),
        compile__wait=IntParam(5, _unsigned),
        compile__timeout=IntParam(120, _unsigned),
        check_input=BoolParam(True),
        nocleanup=BoolParam(False),
        lib__amdlibm=BoolParam(False),
        vm__lazy=ConfigParam(None, _tristate, kind="None | bool"),
    ),
    *_retired(
        "Where compiled C code was kept.",
        compiledir_format=StrParam(
            "compiledir_%(short_platform)s-%(processor)s-%(python_version)s-%(python_bitwidth)s"
        ),
        cache_optimizations=BoolParam(False),
    ),
    *_retired(
        "The BLAS library to link: the one that comes with NumPy is used, else SciPy's.",
        blas__ldflags=StrParam(""),
        blas__check_openmp=BoolParam(True),
    ),
    *_retired(
        "In-place rewriting of the graph: memory is reused by a plan made after rewriting.",
        tensor__insert_inplace_optimizer_validate_nb=IntParam(-1),
        cycle_detection=EnumStr("regular", "fast"),
        experimental__local_alloc_elemwise=BoolParam(True),
        experimental__local_alloc_elemwise_assert=BoolParam(True),
        experimental__unpickle_gpu_on_cpu=BoolParam(False),
    ),
    *_retired(
        "Choice among implementations by trial.",
        deterministic=EnumStr("default", "more"),
        metaopt__verbose=IntParam(0, _unsigned),
        metaopt__optimizer_excluding=StrParam(""),
        metaopt__optimizer_including=StrParam(""),
    ),
    *_retired(
        "Loops: a scan is compiled whole.",
        scan__allow_gc=BoolParam(False),
        scan__allow_output_prealloc=BoolParam(True),
        scan__debug=BoolParam(False),
    ),
    *_retired(
        "Fusion and memory: the native compiler decides.",
        tensor__local_elemwise_fusion=BoolParam(True),
        allow_gc=BoolParam(True),
    ),
    *_retired(
        "Diagnosis of Theano 1.0's own compiler.",
        conv__assert_shape=BoolParam(False),
        traceback__compile_limit=IntParam(0),
        check_stack_trace=EnumStr("off", "log", "warn", "raise"),
        print_global_stats=BoolParam(False),
        profile_memory=BoolParam(False),
        profiling__min_memory_size=IntParam(1024, _unsigned),
        profiling__min_peak_memory=BoolParam(False),
        profiling__debugprint=BoolParam(False),
        DebugMode__check_strides=IntParam(0, lambda level: level in (0, 1, 2)),
        DebugMode__warn_input_not_reused=BoolParam(True),
        DebugMode__check_preallocated_output=StrParam(""),
        DebugMode__check_preallocated_output_ndim=IntParam(4, _unsigned),
        unittests__rseed=ConfigParam(666, _seed, kind="int | random"),
    ),
    *_retired(
        "The GPU backends of Theano 1.0 and before.",
        print_active_device=BoolParam(True, allow_override=False),
        assert_no_cpu_op=EnumStr("ignore", "warn", "raise", "pdb"),
        contexts=StrParam(""),
        gpu__local_elemwise_fusion=BoolParam(True),
        gpuelemwise__sync=BoolParam(True),
        gpuarray__sync=BoolParam(False),
        gpuarray__preallocate=FloatParam(0.0),
        gpuarray__sched=EnumStr("default", "multi", "single"),
        gpuarray__single_stream=BoolParam(True),
        gpuarray__cache_path=StrParam(""),
        lib__cnmem=FloatParam(0.0),
        enable_initial_driver_test=BoolParam(True),
        cuda__root=StrParam(""),
        cuda__include_path=StrParam(""),
        cuda__disabled=StrParam(""),
        cublas__lib=StrParam("cublas"),
        nvcc__compiler_bindir=StrParam(""),
        nvcc__cudafe=EnumStr("heuristic", "never"),
        nvcc__fastmath=BoolParam(False),
        nvcc__flags=StrParam(""),
        pycuda__init=BoolParam(False),
    ),
    *_retired(
        "The libraries cuDNN, MAGMA and CTC.",
        dnn__enabled=EnumStr("auto", "True", "False", "no_check"),
        dnn__base_path=StrParam(""),
        dnn__include_path=StrParam(""),
        dnn__library_path=StrParam(""),
        dnn__bin_path=StrParam(""),
        dnn__conv__workmem=StrParam(""),
        dnn__conv__workmem_bwd=StrParam(""),
        dnn__conv__algo_bwd=StrParam(""),
        dnn__conv__algo_fwd=EnumStr("small", "none", "large", *_ALGORITHMS, *_GUESSES),
        dnn__conv__algo_bwd_data=EnumStr("none", "deterministic", *_ALGORITHMS, *_GUESSES),
        dnn__conv__algo_bwd_filter=EnumStr(
            "none", "deterministic", "small", "fft", "fft_tiling", "winograd_non_fused", *_GUESSES
        ),
        dnn__conv__precision=EnumStr("as_input_f32", "as_input", "float16", "float32", "float64"),
        magma__enabled=BoolParam(False),
        magma__include_path=StrParam(""),
        magma__library_path=StrParam(""),
        ctc__root=StrParam(""),
    ),
    *_retired(
        "Warnings about errors of earlier versions.",
        warn__ignore_bug_before=StrParam("0.9"),
        warn__argmax_pushdown_bug=BoolParam(False),
        warn__gpusum_01_011_0111_bug=BoolParam(False),
        warn__sum_sum_bug=BoolParam(False),
        warn__sum_div_dimshuffle_bug=BoolParam(False),
        warn__subtensor_merge_bug=BoolParam(False),
        warn__gpu_set_subtensor1=BoolParam(False),
        warn__vm_gc_bug=BoolParam(False),
        warn__signal_conv2d_interface=BoolParam(False),
        warn__reduce_join=BoolParam(False),
        warn__inc_set_subtensor1=BoolParam(False),
        warn__inc_subtensor1_opt=BoolParam(True),
        warn__identify_1pexp_bug=BoolParam(False),
        warn__round=BoolParam(False),
    ),
)


def answer(setting: str, problem: str) -> None:
    """Do about a problem what a setting of the kind ignore | warn | raise | pdb says; ValueError for raise.

    >>> with config.change_flags(warn_float64="raise"):
    ...     answer("warn_float64", "a float64 variable is made")
    Traceback (most recent call last):
        ...
    ValueError: a float64 variable is made (config.warn_float64 = 'raise')
    """
    action = getattr(config, setting)
    if action == "warn":
        _warn(f"{problem} (config.{setting} = {action!r})")
    elif action == "raise":
        raise ValueError(f"{problem} (config.{setting} = {action!r})")
    elif action == "pdb":
        import pdb

        pdb.set_trace()


def check_device(accelerators: Collection[str] = ()) -> None:
    """Answer `config.device` once, when theano is imported: a missing accelerator is one warning.

    `accelerators` holds the names of the devices that a backend has found. With `config.force_device`, a missing one
    is a RuntimeError.
    """
    name, wanted = ("device", config.device) if config.device != "cpu" else ("init_gpu_device", config.init_gpu_device)
    if wanted in ("", "cpu") or wanted in accelerators:
        return
    problem = f"{name}={wanted} ({config.source(name)}): no accelerator of that name can be used here"
    if config.force_device:
        raise RuntimeError(f"{problem}, and force_device is True ({config.source('force_device')}); use device=cpu")
    _warn(f"{problem}; functions run on the CPU. Use device=cpu to silence this, or force_device=True for an error")


for _setting in (*SETTINGS, *WITHOUT_EFFECT):
    config.declare(_setting)
config.warn_of_unknown_names()
