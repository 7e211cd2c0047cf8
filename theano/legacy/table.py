"""The table: modules of Theano 1.0 and where their contents are today."""

from __future__ import annotations

_GRAPH = ("theano.graph", "theano.graph.basic", "theano.graph.traversal", "theano.graph.replace")
_GOF = (
    *_GRAPH,
    "theano.graph.test_value",
    "theano.compile.container",
    "theano.compile.errors",
    "theano.rewrite",
    "theano.legacy.helpers",
    "theano.rewrite.legacy",
)

MODULES: dict[str, tuple[str, ...]] = {
    # The graph
    "theano.gof": _GOF,
    "theano.gof.graph": _GRAPH,
    "theano.gof.op": ("theano.graph.op", "theano.graph.test_value", "theano.graph.basic", "theano.legacy.helpers"),
    "theano.gof.type": ("theano.graph.type",),
    "theano.gof.fg": ("theano.graph.fg", "theano.compile.errors"),
    "theano.gof.toolbox": ("theano.graph.fg",),
    "theano.gof.link": ("theano.compile.container",),
    "theano.gof.opt": ("theano.rewrite.legacy", "theano.rewrite"),
    "theano.gof.optdb": ("theano.rewrite.legacy", "theano.rewrite"),
    "theano.gof.null_type": ("theano.graph.null_type",),
    "theano.gof.utils": ("theano.legacy.helpers", "theano.graph.basic", "theano.graph.op"),
    "theano.gof.destroyhandler": ("theano.graph.fg",),
    "theano.gof.params_type": ("theano.graph.type",),
    # The language
    "theano.tensor.basic": (
        "theano.tensor",
        "theano.tensor.type",
        "theano.tensor.variable",
        "theano.tensor.shape",
        "theano.tensor.creation",
        "theano.tensor.joining",
        "theano.tensor.indexing",
        "theano.tensor.reductions",
        "theano.tensor.products",
        "theano.tensor.functions",
        "theano.scalar",
    ),
    "theano.tensor.var": ("theano.tensor.variable", "theano.tensor.operators"),
    "theano.tensor.elemwise": ("theano.tensor.elementwise", "theano.tensor.reductions"),
    "theano.tensor.blas": ("theano.tensor.products",),
    "theano.tensor.opt": ("theano.tensor.assertion", "theano.rewrite.legacy", "theano.tensor", "theano.rewrite"),
    "theano.tensor.sort": ("theano.tensor.sorting",),
    "theano.tensor.inplace": ("theano.tensor.functions",),
    "theano.tensor.utils": ("theano.legacy.helpers", "theano.inspect.naming"),
    "theano.tensor.type_other": ("theano.graph.type",),
    "theano.tensor.nnet.sigm": ("theano.tensor.nnet", "theano.scalar"),
    "theano.tensor.nnet.nnet": ("theano.tensor.nnet", "theano.tensor"),
    "theano.scalar.basic_scipy": ("theano.scalar.special", "theano.scalar"),
    "theano.scalar.sharedvar": ("theano.tensor.sharedvar",),
    "theano.raise_op": ("theano.tensor.assertion",),
    # Random numbers
    "theano.sandbox": ("theano.tensor.random_numbers.mrg",),
    "theano.sandbox.rng_mrg": ("theano.tensor.random_numbers.mrg",),
    # Loops and branches
    "theano.ifelse": ("theano.loops.ifelse",),
    # Compiling
    "theano.compile.function_module": (
        "theano.compile.function",
        "theano.compile.maker",
        "theano.compile.io",
        "theano.compile",
    ),
    "theano.compile.pfunc": ("theano.compile.function", "theano.compile.io", "theano.compile.sharedvalue"),
    # Loops
    "theano.scan_module": ("theano.loops.scan", "theano.loops.views", "theano.loops.checkpoints"),
    "theano.scan_module.scan": ("theano.loops.scan", "theano.loops.results"),
    "theano.scan_module.scan_views": ("theano.loops.views",),
    "theano.scan_module.scan_checkpoints": ("theano.loops.checkpoints",),
    "theano.scan_module.scan_op": ("theano.loops.op",),
    "theano.scan_module.scan_opt": ("theano.rewrite",),
    "theano.scan_module.scan_utils": ("theano.legacy.scan_helpers",),
    # Odds and ends
    "theano.compat": ("theano.legacy.compat",),
    "theano.compat.six": ("theano.legacy.compat",),
    "theano.compat.six.moves": ("theano.legacy.compat", "builtins"),
    "theano.compat.python2x": ("theano.legacy.compat",),
    "theano.misc": ("theano.legacy.helpers",),
    "theano.misc.ordered_set": ("theano.legacy.helpers",),
    "theano.misc.pkl_utils": ("theano.legacy.helpers",),
    "theano.misc.safe_asarray": ("theano.legacy.helpers",),
    "theano.misc.frozendict": ("theano.legacy.helpers",),
    "theano.tests": ("theano.legacy.unittest_tools",),
    "theano.tests.unittest_tools": ("theano.legacy.unittest_tools",),
}

_OF_THE_GRAPH = {name: f"theano.graph.basic:{name}" for name in ("Apply", "Constant", "Variable")} | {
    "Op": "theano.graph.op:Op",
    "Type": "theano.graph.type:Type",
    "Generic": "theano.graph.type:Generic",
}

# The first two are packages of today, which have these names besides.
RENAMED: dict[str, dict[str, str]] = {
    "theano": {
        "function_dump": "theano.legacy.helpers:function_dump",
        "Container": "theano.compile.container:Container",
        "FunctionGraph": "theano.graph.fg:FunctionGraph",
        "FunctionMaker": "theano.compile.maker:FunctionMaker",
        "Generic": "theano.graph.type:Generic",
        "InconsistencyError": "theano.graph.fg:InconsistencyError",
        "ProfileStats": "theano.compile.profiling:ProfileStats",
        "SymbolicInput": "theano.compile.io:SymbolicInput",
        "SymbolicOutput": "theano.compile.io:SymbolicOutput",
        "_asarray": "theano.legacy.helpers:_asarray",
        "change_flags": "theano.configparser:change_flags",
        "configdefaults": "theano.configdefaults",
        "dot": "theano.tensor.products:dot",
        "foldl": "theano.loops.views:foldl",
        "foldr": "theano.loops.views:foldr",
        "get_scalar_constant_value": "theano.tensor.static:get_scalar_constant_value",
        "map": "theano.loops.views:map",
        "pprint": "theano.inspect.infix:pprint",
        "predefined_linkers": "theano.compile.mode:predefined_linkers",
        "predefined_modes": "theano.compile.mode:predefined_modes",
        "predefined_optimizers": "theano.compile.mode:predefined_optimizers",
        "reduce": "theano.loops.views:reduce",
        "scan": "theano.loops.scan:scan",
        "scan_checkpoints": "theano.loops.checkpoints:scan_checkpoints",
    },
    "theano.tensor": {
        **_OF_THE_GRAPH,
        **{
            f"{group}_dtypes": f"theano.scalar.dtypes:{group}_dtypes"
            for group in ("all", "complex", "continuous", "discrete", "float", "int", "integer", "uint")
        },
        "extract_constant": "theano.legacy.helpers:extract_constant",
        "NoneConst": "theano.legacy.helpers:NoneConst",
        "pprint": "theano.inspect.infix:pprint",
        "transfer": "theano.legacy.helpers:transfer",
    },
    "theano.gof": {
        "Env": "theano.graph.fg:FunctionGraph",
        "generic": "theano.graph.type:generic",
        "CLinkerOp": "theano.graph.op:Op",
        "CLinkerType": "theano.graph.type:Type",
        "OpenMPOp": "theano.graph.op:Op",
        "COp": "theano.graph.op:Op",
        "ExternalCOp": "theano.graph.op:Op",
    },
    "theano.gof.graph": {
        "is_same_graph": "theano.legacy.helpers:is_same_graph",
        "list_of_nodes": "theano.legacy.helpers:list_of_nodes",
        "orphans": "theano.graph.traversal:orphans_between",
        "ops": "theano.legacy.helpers:ops",
        "variables": "theano.legacy.helpers:variables",
        "view_roots": "theano.legacy.helpers:view_roots",
        "sort_apply_nodes": "theano.graph.traversal:io_toposort",
        "clone_get_equiv": "theano.graph.replace:clone_get_equiv",
    },
    "theano.gof.op": {
        "OpenMPOp": "theano.graph.op:Op",
        "COp": "theano.graph.op:Op",
        "ExternalCOp": "theano.graph.op:Op",
    },
    "theano.gof.type": {"CDataType": "theano.graph.type:Generic", "CLinkerType": "theano.graph.type:Type"},
    "theano.tensor.var": {"_tensor_py_operators": "theano.tensor.operators:TensorOperators"},
    "theano.tensor.basic": {
        "_allclose": "theano.legacy.helpers:allclose",
        "TensorType": "theano.tensor.type:TensorType",
    },
    "theano.tensor.elemwise": {"CAReduceDtype": "theano.tensor.reductions:CAReduce"},
    "theano.compile.pfunc": {
        "pfunc": "theano.legacy.helpers:pfunc",
        "rebuild_collect_shared": "theano.legacy.helpers:rebuild_collect_shared",
    },
    "theano.scan_module": {
        "clone": "theano.graph.replace:clone_replace",
        "scan": "theano.loops.scan:scan",
        "scan_checkpoints": "theano.loops.checkpoints:scan_checkpoints",
    },
    "theano.scan_module.scan_op": {"Scan": "theano.loops.op:Scan"},
    "theano.tensor.type_other": {"NoneConst": "theano.legacy.helpers:NoneConst"},
    "theano.gof.toolbox": {"Validator": "theano.graph.fg:ReplaceValidate"},
    "theano.compile.function_module": {"UnusedInputError": "theano.compile.errors:UnusedInputError"},
}
