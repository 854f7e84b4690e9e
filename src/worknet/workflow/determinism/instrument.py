"""Rewrites the code of a bundle so that what it computes can be watched; the rewritten code does the same.

Each call, operation and loop is passed through a `Watch`, which gives back what it was given (or, where the
order of a set is tried, one that goes another way round). Frames, names and line numbers stay, so that
`super()`, `locals()` and tracebacks work as before.
"""

import ast
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol

from worknet.workflow.determinism.position import position

WATCH: Final = "__worknet_watch__"
_BUILTINS_THAT_MATTER: Final = frozenset({"set", "frozenset", "id", "hash", "float", "open"})
_AS_FLOAT: Final = frozenset("eEfFgG%")


class ModuleWatch(Protocol):
    """What rewritten code calls; each is also told the line and column of what it stands for."""

    def value(self, value: object, line: int, column: int) -> object:
        """What an expression came to."""

    def function(self, function: object, line: int, column: int) -> object:
        """What is about to be called."""

    def each(self, values: object, line: int, column: int) -> object:
        """What a loop goes through."""

    def made(self, values: object, line: int, column: int) -> object:
        """A set that was written out."""

    def formatted(self, value: object, line: int, column: int) -> object:
        """What is written with a format of floats."""


class Rewriter(ast.NodeTransformer):
    """Rewrites one module."""

    def __init__(self, tree: ast.Module) -> None:
        self._watched_names = set(_BUILTINS_THAT_MATTER)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._watched_names |= {(one.asname or one.name).split(".")[0] for one in node.names}

    def visit_Call(self, node: ast.Call) -> ast.AST:
        where = position(node)
        function = node.func
        if isinstance(function, ast.Attribute):
            function.value = self.visit(function.value)
        elif not isinstance(function, ast.Name):
            function = self.visit(function)
        node.func = _call("function", function, where)
        node.args = [self.visit(argument) for argument in node.args]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        return _call("value", node, where)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        return _call("value", self.generic_visit(node), position(node))

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        where = position(node)
        self.generic_visit(node)
        return _call("value", node, where) if isinstance(node.ctx, ast.Load) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        where = position(node)
        self.generic_visit(node)
        return _call("value", node, where) if isinstance(node.ctx, ast.Load) else node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load) and node.id in self._watched_names:
            return _call("value", node, position(node))
        return node

    def visit_Set(self, node: ast.Set) -> ast.AST:
        return _call("made", self.generic_visit(node), position(node))

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return _call("made", self.generic_visit(node), position(node))

    def visit_For(self, node: ast.For) -> ast.AST:
        where = position(node.iter)
        self.generic_visit(node)
        node.iter = _call("each", node.iter, where)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        where = position(node.iter)
        self.generic_visit(node)
        if not node.is_async:
            node.iter = _call("each", node.iter, where)
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        where = position(node.value)
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            node.value = _call("each", node.value, where)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        where = position(node)
        node.value = self.visit(node.value)
        if not isinstance(node.target, ast.Name):
            return node
        after = ast.Expr(_call("value", ast.Name(node.target.id, ast.Load()), where))
        return [node, ast.fix_missing_locations(ast.copy_location(after, node))]

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        spec = node.format_spec
        last = spec.values[-1] if isinstance(spec, ast.JoinedStr) and spec.values else None
        where = position(node.value)
        self.generic_visit(node)
        if isinstance(last, ast.Constant) and str(last.value)[-1:] in _AS_FLOAT:
            node.value = _call("formatted", node.value, where)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._without_annotations(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._without_annotations(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        # A pattern is no expression.
        if node.guard is not None:
            node.guard = self.visit(node.guard)
        node.body = _statements(self, node.body)
        return node

    def _without_annotations(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        arguments = node.args
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        arguments.defaults = [self.visit(one) for one in arguments.defaults]
        arguments.kw_defaults = [one and self.visit(one) for one in arguments.kw_defaults]
        node.body = _statements(self, node.body)
        return node


class BundleFinder(MetaPathFinder):
    """Finds the modules of a bundle before anything else does, and has them rewritten as they are loaded."""

    def __init__(self, folder: Path, watch: "ModuleWatches") -> None:
        self._folder, self._watch = folder, watch

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's, if it is one of the bundle's."""
        spec = PathFinder.find_spec(name, path if path is not None else [str(self._folder)])
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            return None
        origin = Path(spec.origin)
        if not origin.is_relative_to(self._folder):
            return None
        return spec_from_file_location(
            name,
            origin,
            loader=_BundleLoader(origin, origin.relative_to(self._folder).as_posix(), self._watch),
            submodule_search_locations=spec.submodule_search_locations,
        )


class ModuleWatches(Protocol):
    """Gives a module its watch."""

    def of(self, file: str) -> ModuleWatch:
        """The watch of the module in that file of the bundle."""


class _BundleLoader(Loader):
    def __init__(self, origin: Path, file: str, watch: ModuleWatches) -> None:
        self._origin, self._file, self._watch = origin, file, watch

    def exec_module(self, module: ModuleType) -> None:
        tree = ast.parse(self._origin.read_bytes(), str(self._origin))
        rewritten = ast.fix_missing_locations(Rewriter(tree).visit(tree))
        vars(module)[WATCH] = self._watch.of(self._file)
        exec(compile(rewritten, str(self._origin), "exec", dont_inherit=True), vars(module))  # noqa: S102


def install(folder: Path, watch: ModuleWatches) -> None:
    """From now on modules of the bundle in this folder are rewritten."""
    sys.meta_path.insert(0, BundleFinder(folder, watch))


def _call(method: str, node: ast.AST, where: tuple[int, int]) -> ast.Call:
    watch = ast.Attribute(ast.Name(WATCH, ast.Load()), method, ast.Load())
    arguments = [node, *(ast.Constant(number) for number in where)]
    call = ast.Call(watch, arguments, [])  # type: ignore[arg-type]
    return ast.fix_missing_locations(ast.copy_location(call, node))


def _statements(rewriter: Rewriter, body: Sequence[ast.stmt]) -> list[ast.stmt]:
    done: list[ast.stmt] = []
    for statement in body:
        new = rewriter.visit(statement)
        done += new if isinstance(new, list) else [new]
    return done
