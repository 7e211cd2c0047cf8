"""The driver: applies rules to a FunctionGraph until none applies any more.

Nodes wait on a worklist. A node comes onto it when it is new, when an input of it changed, when an input changed below
it within the depth that its rules look, or when what it looks at lost its last other user. So the work is proportional
to the number of nodes and of changes, not to their product.

Equal subgraphs are merged on the way: before any rule looks at a node, the node is looked up among those with the same
Op and inputs, and where there is one its outputs take the new ones' place.
"""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from theano.configuration import config
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import Feature, FunctionGraph, InconsistencyError
from theano.rewrite.pattern import Key, Rule, key_of

MINIMUM_LIMIT = 200
CROWD = 64
"""Above a variable with more users than this, changes are told to direct users only, which keeps the work linear."""


class RewriteError(Exception):
    """A rule failed, or gave something that cannot take the place of what it rewrites."""


class RewriteLoopError(RewriteError):
    """Rules undo each other's work, so that rewriting would not end; the message names the busiest ones."""


# ---- which rules look at which nodes


class RuleIndex:
    """Rules by the operation at the root of what they rewrite, so that a node meets only rules that may apply."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = list(rules)
        self._by_key: dict[Key, list[int]] = {}
        for number, rule in enumerate(self.rules):
            for key in rule.keys or (None,):
                self._by_key.setdefault(key, []).append(number)
        self._found: dict[Key, tuple[tuple[Rule, ...], tuple[Rule, ...], int]] = {}
        self.max_depth = max((rule.depth for rule in self.rules), default=1)

    def candidates(self, op: Any) -> tuple[tuple[Rule, ...], tuple[Rule, ...], int]:
        """The rules for nodes of `op`, the late rules, and how deep these look."""
        key = key_of(op)
        found = self._found.get(key)
        return self._collect(op, key) if found is None else found

    def concerns(self, nodes: Iterable[Apply]) -> bool:
        """Whether any rule may apply to any of these nodes."""
        return any(rules or late for rules, late, _ in map(self.candidates, (node.op for node in nodes)))

    def _collect(self, op: Any, key: Key) -> tuple[tuple[Rule, ...], tuple[Rule, ...], int]:
        numbers = set(self._by_key.get(key, ())) | set(self._by_key.get(None, ()))
        scalar_op = getattr(op, "scalar_op", None)
        for cls in (*type(op).__mro__, *type(scalar_op).__mro__):
            numbers.update(self._by_key.get(cls, ()))
        rules = [self.rules[number] for number in sorted(numbers)]
        result = (
            tuple(rule for rule in rules if not rule.late),
            tuple(rule for rule in rules if rule.late),
            max((rule.depth for rule in rules), default=1),
        )
        self._found[key] = result
        return result


# ---- what happened


@dataclass
class RuleStatistics:
    """How often a rule was tried and applied, and the seconds that it took (measured only for a profile)."""

    tried: int = 0
    applied: int = 0
    seconds: float = 0.0


@dataclass
class PassStatistics:
    """A pass over a graph: its seconds and the number of nodes before and after."""

    name: str
    seconds: float
    nodes_before: int
    nodes_after: int


@dataclass
class RewriteProfile:
    """What rewriting did: give one to :func:`theano.rewrite.rewrite_graph` and print it afterwards.

    ``seconds`` are those of all rules together.
    """

    passes: list[PassStatistics] = field(default_factory=list)
    rules: dict[str, RuleStatistics] = field(default_factory=dict)
    merged: int = 0
    seconds: float = 0.0

    def summary(self) -> str:
        """A table of passes and of the rules that were applied, the slowest first."""
        lines = ["pass                   ms   nodes"]
        lines += [f"{p.name:<18} {p.seconds * 1e3:8.2f}   {p.nodes_before} -> {p.nodes_after}" for p in self.passes]
        lines += [
            "",
            f"merged nodes: {self.merged}",
            "",
            "rule                                      ms  applied  tried",
        ]
        for name, s in sorted(self.rules.items(), key=lambda item: -item[1].seconds):
            if s.applied or s.seconds > 1e-4:
                lines.append(f"{name:<36} {s.seconds * 1e3:8.2f} {s.applied:8d} {s.tried:6d}")
        return "\n".join(lines)

    __str__ = summary


class Driver(Feature):
    """Rewrites one FunctionGraph; several passes may follow each other on the same driver.

    Parameters
    ----------
    fgraph
        the graph, edited in place.
    profile
        collects statistics when given.

    Use it as a context manager: the driver listens to the graph until the block ends.
    """

    def __init__(self, fgraph: FunctionGraph, profile: RewriteProfile | None = None) -> None:
        self.fgraph = fgraph
        self.profile = profile
        self.index = RuleIndex([])
        self.merge = True
        self.stack: list[Apply] = []
        self.queued: set[Apply] = set()
        self.late: dict[Apply, None] = {}
        self.twins: dict[Any, Apply] = {}
        self.twin_keys: dict[Apply, Any] = {}
        self.constants: dict[Any, Constant] = {}
        self.canonical: dict[Variable, Any] = {}
        self.counts: dict[str, int] = {}
        self.limit = MINIMUM_LIMIT
        self.applied = 0
        self.merged = 0
        self.origin: Apply | None = None
        self.failed: set[tuple[str, str]] = set()
        self.imported: list[Apply] = []
        self.touched: list[tuple[Any, int]] = []

    def __enter__(self) -> Driver:
        self.fgraph.attach_feature(self)
        self.fgraph.driver = self  # type: ignore[attr-defined]
        return self

    def __exit__(self, *_: object) -> None:
        self.fgraph.remove_feature(self)
        self.fgraph.__dict__.pop("driver", None)
        self.fgraph.__dict__.pop("shape_feature", None)  # what rules noted about lengths is of no use any more

    # ---- what the graph tells

    def on_import(self, fgraph: FunctionGraph, node: Apply, reason: Any) -> None:
        self.imported.append(node)
        if self.origin is not None:
            node.trace = self.origin.trace

    def on_prune(self, fgraph: FunctionGraph, node: Apply, reason: Any) -> None:
        self.queued.discard(node)
        self.late.pop(node, None)
        self._forget(node)
        clients = fgraph.clients
        for v in node.inputs:
            if v.owner is not None:
                left = clients.get(v)
                if left is not None and len(left) == 1:
                    self.touched.append((left[0][0], 1))

    def on_change_input(
        self, fgraph: FunctionGraph, node: Any, i: int, old: Variable, new: Variable, reason: Any
    ) -> None:
        if node != "output":
            self._forget(node)
            self.touched.append((node, 1))

    def push(self, node: Apply) -> None:
        """Put a node onto the worklist."""
        if node not in self.queued:
            self.queued.add(node)
            self.stack.append(node)

    def _queue_changes(self) -> None:
        """Put what an edit touched onto the worklist, so that new nodes come off it first, and inputs before "
        "users."""
        for node, level in self.touched:
            if node in self.fgraph.apply_nodes:
                self._push_up(node, level)
        for node in reversed(self.imported):
            if node in self.fgraph.apply_nodes:
                self.push(node)
        self.touched.clear()
        self.imported.clear()

    def _push_up(self, node: Apply, level: int) -> None:
        """Push `node`, below which something changed at `level`, and the nodes above whose rules look so deep."""
        fgraph, candidates = self.fgraph, self.index.candidates
        todo = [node]
        self.push(node)
        while level < self.index.max_depth - 1:
            level += 1
            above: list[Apply] = []
            for below in todo:
                for output in below.outputs:
                    clients = fgraph.clients.get(output, ())
                    if len(clients) > CROWD:
                        continue
                    for client, _ in clients:
                        if client != "output":
                            above.append(client)
                            if candidates(client.op)[2] > level:
                                self.push(client)
            todo = above

    def _forget(self, node: Apply) -> None:
        key = self.twin_keys.pop(node, None)
        if key is not None and self.twins.get(key) is node:
            del self.twins[key]

    # ---- merging

    def constant_key(self, constant: Constant) -> Any:
        """An object that all constants of equal type and value share."""
        try:
            key = self.constants.setdefault(constant.signature(), constant)
        except TypeError:  # a value that cannot be hashed is equal to itself only
            key = constant
        self.canonical[constant] = key
        return key

    def merge_node(self, node: Apply) -> bool:
        """Replace `node` by an equal one, if there is one."""
        canonical = self.canonical
        parts: list[Any] = [node.op]
        for v in node.inputs:
            if isinstance(v, Constant):
                parts.append(canonical.get(v) or self.constant_key(v))
            else:
                parts.append(v)
        key = tuple(parts)
        twin = self.twins.get(key)
        if twin is None:
            self.twins[key] = node
            self.twin_keys[node] = key
            return False
        if twin is node or node.op.destroy_map or len(twin.outputs) != len(node.outputs):
            return False
        pairs = [(a, b) for a, b in zip(node.outputs, twin.outputs, strict=True)]
        if any(a.type != b.type for a, b in pairs):
            return False
        try:
            self.fgraph.replace_all_validate(pairs, "merge")
        except InconsistencyError:
            return False
        finally:
            self._queue_changes()
        self.merged += 1
        return True

    # ---- rules

    def saturate(
        self, rules: RuleIndex | Iterable[Rule], merge: bool = True, nodes: Iterable[Apply] | None = None
    ) -> int:
        """Apply `rules` until none applies; return the number of changes.

        Parameters
        ----------
        nodes
            where to begin, in dependency order; nothing else is looked at but what changes. ``None``: all nodes.

        Raises
        ------
        RewriteLoopError
            when a rule was applied far more often than there are nodes.
        """
        self.index = rules if isinstance(rules, RuleIndex) else RuleIndex(rules)
        self.merge = merge
        fgraph = self.fgraph
        order = fgraph.toposort() if nodes is None else list(nodes)
        self.counts = {}
        self.limit = max(MINIMUM_LIMIT, int(config.optdb.max_use_ratio * 4 * len(order)))
        before = self.applied + self.merged
        self.stack = order[::-1]
        self.queued = set(order)
        self.late = {}
        stack, queued = self.stack, self.queued
        while True:
            while stack:
                node = stack.pop()
                if node in queued:
                    queued.discard(node)
                    self.visit(node)
            if not self.late:
                return self.applied + self.merged - before
            for rule, root in self._trees():
                if root in fgraph.apply_nodes:
                    self.apply_rules_to(root, (rule,))

    def rewrite_within(self, inner: FunctionGraph) -> int:
        """Apply the rules of the pass at work to a graph inside of a node; return the number of changes."""
        with Driver(inner, self.profile) as driver:
            driver.failed = self.failed
            changes = driver.saturate(self.index, self.merge)
        self.merged += driver.merged
        return changes

    def visit(self, node: Apply) -> None:
        """Merge the node, or try its rules in order until one changes it."""
        if self.merge and self.merge_node(node):
            return
        rules, late, _ = self.index.candidates(node.op)
        if rules and self.apply_rules_to(node, rules):
            return
        if late:
            self.late[node] = None

    def apply_rules_to(self, node: Apply, rules: Sequence[Rule]) -> bool:
        """Try rules in order; whether one of them changed something."""
        fgraph, profile = self.fgraph, self.profile
        for rule in rules:
            if profile is not None:
                statistics = profile.rules.setdefault(rule.name, RuleStatistics())
                statistics.tried += 1
                inside, begin = profile.seconds, time.perf_counter()
            try:
                result = rule.transform(fgraph, node)
                changed = bool(result) and self.replace(node, result, rule)
            except RewriteLoopError:
                raise
            except Exception as error:
                self._report(rule, node, error)
                changed = False
            if profile is not None:
                # A rule that rewrites a graph inside of a node answers for its own time only.
                seconds = time.perf_counter() - begin - (profile.seconds - inside)
                profile.seconds += seconds
                statistics.seconds += seconds
                statistics.applied += changed
            if changed:
                if node in fgraph.apply_nodes:
                    self.push(node)
                return True
        return False

    def replace(self, node: Apply, result: Any, rule: Rule) -> bool:
        """Put what `rule` returned in the place of the outputs of `node`; whether anything changed."""
        if isinstance(result, Mapping):
            wanted = [(old, new) for old, new in result.items() if isinstance(old, Variable)]
        else:
            news = [result] if isinstance(result, Variable) else list(result)
            if len(news) != len(node.outputs):
                raise RewriteError(
                    f"rule {rule.name} returned {len(news)} variables for {node}, which has {len(node.outputs)} outputs"
                )
            wanted = list(zip(node.outputs, news, strict=True))
        self.origin = node
        pairs = []
        for old, new in wanted:
            if new is None or new is old or not self.fgraph.clients.get(old):
                continue
            if new.type != old.type:
                new = conform(new, old, rule)
            pairs.append((old, new))
        if not pairs:
            self.origin = None
            return False
        if config.optimizer_verbose:
            print(f"rewriting: {rule.name} replaces {', '.join(str(old) for old, _ in pairs)} of {node}")
        try:
            self.fgraph.replace_all_validate(pairs, rule.name)
        except InconsistencyError:
            return False
        finally:
            self.origin = None
            self._queue_changes()
        self.applied += 1
        count = self.counts[rule.name] = self.counts.get(rule.name, 0) + 1
        if count > self.limit:
            self._loop(rule, node)
        return True

    def _trees(self) -> list[tuple[Rule, Apply]]:
        """The roots of the trees that the waiting nodes belong to, each with the late rule that concerns it."""
        clients, candidates = self.fgraph.clients, self.index.candidates
        waiting, self.late = self.late, {}
        climbed: set[tuple[Rule, Apply]] = set()
        roots: list[tuple[Rule, Apply]] = []
        for start in waiting:
            for rule in candidates(start.op)[1]:
                node = start
                while (rule, node) not in climbed:
                    climbed.add((rule, node))
                    users = clients[node.outputs[0]]
                    above: Any = users[0][0] if len(users) == 1 else "output"
                    if above == "output" or not rule.climbs(key_of(above.op)):
                        roots.append((rule, node))
                        break
                    node = above
        return roots

    # ---- trouble

    def _loop(self, rule: Rule, node: Apply) -> None:
        from theano.rewrite.text import text

        busiest = sorted(self.counts.items(), key=lambda item: -item[1])[:4]
        described = ", ".join(f"{name} ({count} times)" for name, count in busiest)
        raise RewriteLoopError(
            f"rewriting does not end: rule {rule.name} was applied {self.counts[rule.name]} times to a graph of "
            f"{len(self.fgraph.apply_nodes)} nodes, last to {text(node.outputs[0], limit=200)}. The busiest rules: "
            f"{described}. Two of them probably undo each other; leave one out with .excluding({rule.name!r})."
        )

    def _report(self, rule: Rule, node: Apply, error: Exception) -> None:
        policy = config.on_opt_error
        if policy == "ignore":
            return
        message = f"rule {rule.name} failed on {node}"
        if policy == "pdb":
            import pdb

            traceback.print_exception(error)
            pdb.post_mortem(error.__traceback__)
        if policy in ("raise", "pdb"):
            error.add_note(f"{message}, made at\n{node.user_line()}")
            raise error
        if (rule.name, str(error)) not in self.failed:
            self.failed.add((rule.name, str(error)))
            warnings.warn(f"{message}, which stays as it is: {type(error).__name__}: {error}", stacklevel=2)


def conform(new: Variable, old: Variable, rule: Rule) -> Variable:
    """`new` with the broadcast pattern of `old`, whose place it takes.

    Raises
    ------
    RewriteError
        when dtype or rank differ: then the rule is wrong.
    """
    new_type, old_type = new.type, old.type
    stretched = isinstance(new, Constant) or not any(
        mine and not wanted
        for mine, wanted in zip(
            getattr(new_type, "broadcastable", ()), getattr(old_type, "broadcastable", ()), strict=False
        )
    )
    if (
        stretched
        and getattr(new_type, "dtype", None) == getattr(old_type, "dtype", 0)
        and new_type.ndim == old_type.ndim
    ):
        if isinstance(new, Constant) and all(
            length == 1 for length, flag in zip(new.data.shape, old_type.broadcastable, strict=True) if flag
        ):
            return old_type.Constant(old_type, new.data)
        try:
            return old_type.filter_variable(new)
        except TypeError:
            pass
    raise RewriteError(
        f"rule {rule.name} would replace {old} of type {old_type} by {new} of type {new_type}; "
        f"a replacement must have the same dtype and rank, and length 1 only where that has it"
    )


def merge_graph(fgraph: FunctionGraph) -> int:
    """Merge equal subgraphs; return how many nodes went. Linear in the number of nodes."""
    with Driver(fgraph) as driver:
        return driver.saturate(())
