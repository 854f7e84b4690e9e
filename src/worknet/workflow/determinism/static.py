"""What the text of a bundle already shows: floats, clocks, chance, the machine, orders that nobody promises.

Nothing is executed. A finding is certain where the text leaves no other reading: a name that an import binds
to such a function, a float written out. What depends on values (a `/`, the order of a set that may be of one
element) is possible, and the run settles it: see `watch`.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Final

from worknet.workflow.determinism import names
from worknet.workflow.determinism.findings import ONLY_POSSIBLE, Finding, Kind

_FLOAT_METHODS: Final = frozenset(
    {
        "mean", "std", "var", "median", "quantile", "sqrt", "cbrt", "log", "log10", "log1p", "exp",
        "sin", "cos", "tan", "skew", "kurtosis", "ewm_mean", "rolling_mean", "rolling_std",
        "rolling_var", "rolling_median", "rolling_quantile", "pct_change", "interpolate", "rank",
        "corr", "cov", "total_seconds", "is_integer", "as_integer_ratio", "hex_float", "timestamp",
        "cum_mean", "truediv",
    }
)  # fmt: skip
"""Methods of Polars and of the library that mostly give floats."""
_TAKES_ORDER: Final = frozenset(
    {
        "list", "tuple", "iter", "next", "enumerate", "zip", "map", "filter", "sum", "reversed", "str",
        "repr",
    }
)  # fmt: skip
"""Built-in functions whose result shows the order of a set."""
_BREAKS_TIES: Final = frozenset({"sorted", "min", "max"})
"""Those that do so where they are given a key, for elements that it makes equal."""
_UNORDERED: Final = frozenset(
    {"group_by", "unique", "value_counts", "join", "sort", "sort_by", "top_k", "bottom_k", "mode"}
)
"""Methods of Polars that promise an order only where they are asked for it."""
_READS: Final = frozenset({"open", "read_text", "read_bytes", "load_library"})
_SETS: Final = frozenset(["union", "intersection", "difference", "symmetric_difference"])
_DRAWS: Final = frozenset({"sample", "shuffle"})
_FIELD: Final = re.compile(r"\{[^{}:]*:([^{}]*)\}")
_BY_LOCALE: Final = "written as the locale has it"
_FLOAT_CONVERSION: Final = re.compile(r"%(?:\(\w*\))?[-+ #0-9.*]*[eEfFgG]")
_HANDED_ON: Final = {"id": Kind.IDENTITY, "hash": Kind.IDENTITY, "float": Kind.FLOAT}
_GUARDS: Final = frozenset({"isinstance", "issubclass"})


def static_findings(files: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """All findings in the Python files of a bundle, by file and line."""
    found: set[Finding] = set()
    for path, content in sorted(files.items()):
        if path.endswith(".py"):
            found.update(_of_file(path, content))
    return tuple(sorted(found))


def _of_file(path: str, content: bytes) -> Iterator[Finding]:
    try:
        tree = ast.parse(content, path)
    except (SyntaxError, ValueError) as error:
        at = (error.lineno, error.offset, error.msg) if isinstance(error, SyntaxError) else (1, 1, str(error))
        yield Finding(path, at[0] or 1, at[1] or 1, Kind.SYNTAX, f"no Python that can be read: {at[2]}")
        return
    reader = _Reader(path)
    reader.visit(tree)
    yield from reader.found


class _Reader(ast.NodeVisitor):
    """Walks one file; `found` is what it met."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._names: dict[str, str] = {}
        """What imports and plain assignments bind: local name to full name."""
        self._bound: set[str] = set()
        """Names that the module itself gives to something, such as a column called id."""
        self._sets: set[str] = set()
        """Local names that were bound to a set, and never to anything else that is known."""
        self.found: list[Finding] = []

    def visit_Module(self, node: ast.Module) -> None:
        for inner in ast.walk(node):
            self._bind(inner)
        for statement in node.body:
            self.visit(statement)

    def visit_If(self, node: ast.If) -> None:
        # Neither is part of a run.
        if _is_main(node.test) or (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            for statement in node.orelse:
                self.visit(statement)
            return
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        for part in (node.target, node.value):  # an annotation is not evaluated for its value
            if part is not None:
                self.visit(part)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, float | complex):
            self._add(node, Kind.FLOAT, f"the number {node.value!r}")

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Div):
            certain = _is_int(node.left) and _is_int(node.right)
            self._add(node, Kind.FLOAT, "true division (/)", certain=certain)
        elif isinstance(node.op, ast.Mod) and _writes_floats(node.left):
            self._add(node, Kind.FLOAT, "writes a number as a float (%)")
        elif isinstance(node.op, ast.Pow) and _is_negative(node.right):
            self._add(node, Kind.FLOAT, "a power with a negative exponent", certain=_is_int(node.left))
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(isinstance(target, ast.Tuple | ast.List) for target in node.targets) and self._is_set(
            node.value
        ):
            self._add(node, Kind.ORDER, "takes a set apart", certain=False)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.op, ast.Div):
            self._add(node, Kind.FLOAT, "true division (/=)", certain=False)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        # Comparing with a type, or with what the interpreter says of itself, is how one guards against it.
        for part in (node.left, *node.comparators):
            among = part.elts if isinstance(part, ast.Set | ast.Tuple | ast.List) else [part]
            for one in among:
                if names.kind_of_value(self._full(one) or "") is not Kind.FLOAT:
                    self.visit(one)

    def visit_Name(self, node: ast.Name) -> None:
        if not self._visit_reference(node) and node.id in _HANDED_ON and node.id not in self._bound:
            self._add(node, _HANDED_ON[node.id], f"{node.id} is handed on", certain=node.id == "id")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not self._visit_reference(node):
            self.visit(node.value)

    def visit_For(self, node: ast.For) -> None:
        self._visit_loop(node.iter)
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        for generator in node.generators:
            self._visit_loop(generator.iter)
        self.generic_visit(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        for generator in node.generators:
            self._visit_loop(generator.iter)
        self.generic_visit(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        for generator in node.generators:
            self._visit_loop(generator.iter)
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        self._visit_loop(node.value)
        self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        spec = node.format_spec
        last = spec.values[-1] if isinstance(spec, ast.JoinedStr) and spec.values else None
        self._visit_format(node, last)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = self._full(node.func)
        if isinstance(node.func, ast.Name) and node.func.id in _GUARDS and name is None:
            return
        if name is not None:
            self._visit_known(node, name)
        elif isinstance(node.func, ast.Name):
            self._visit_builtin(node, node.func.id)
        elif isinstance(node.func, ast.Attribute):
            self._visit_method(node, node.func)
            self.visit(node.func.value)
        else:
            self.visit(node.func)
        # sorted() makes an order of any: what it is given may have none.
        ordered = isinstance(node.func, ast.Name) and node.func.id in {
            "sorted",
            "min",
            "max",
            "set",
            "any",
            "all",
        }
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            if ordered and isinstance(argument, ast.GeneratorExp | ast.ListComp | ast.SetComp):
                self._visit_unordered(argument)
            else:
                self.visit(argument)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults, *node.body):
            if part is not None:
                self.visit(part)

    def _visit_unordered(self, node: ast.GeneratorExp | ast.ListComp | ast.SetComp) -> None:
        for part in ast.iter_child_nodes(node):
            self.generic_visit(part) if isinstance(part, ast.comprehension) else self.visit(part)

    def _visit_loop(self, iterable: ast.expr) -> None:
        if self._is_set(iterable):
            self._add(iterable, Kind.ORDER, "goes through a set", certain=False)

    def _visit_reference(self, node: ast.Name | ast.Attribute) -> bool:
        """A name that is read and not called: a value such as os.environ, or a function that is handed on."""
        name = self._full(node)
        if name is None or not isinstance(node.ctx, ast.Load):
            return False
        kind = names.kind_of_value(name)
        if kind is not None:
            self._add(node, kind, f"{name} is read", certain=kind not in ONLY_POSSIBLE)
        elif names.kind_of(name) is not None and "." in name:
            self._add(node, names.kind_of(name) or Kind.CLOCK, f"{name} is handed on", certain=False)
        elif name in names.ORDERED_BY_CHANCE:
            self._add(node, Kind.ORDER, f"{name} lists a folder", certain=False)
        return True

    def _visit_known(self, node: ast.Call, name: str) -> None:
        given = len(node.args) + len(node.keywords)
        needed = names.UNLESS_GIVEN.get(name)
        kind = names.kind_of(name)
        if name in names.ORDERED_BY_CHANCE:
            self._add(node, Kind.ORDER, f"{name} lists a folder", certain=False)
        elif name.startswith(("functools.reduce", "itertools.")) and any(map(self._is_set, node.args)):
            self._add(node, Kind.ORDER, f"{name}() of a set", certain=False)
        elif name == "time.strftime" and given == needed:
            self._visit_format(node, node.args[0] if node.args else None)
        elif kind is not None and (needed is None or given < needed):
            # What these give may be an integer: the run looks at it.
            certain = kind not in {Kind.FLOAT, *ONLY_POSSIBLE}
            self._add(node, kind, f"calls {name}", certain=certain)
        elif name == "datetime.datetime.fromtimestamp" and given < 2:
            self._add(node, Kind.LOCALE, f"{name} in the machine's own time zone")
        elif isinstance(node.func, ast.Attribute) and kind is None:
            self._visit_method(node, node.func)

    def _visit_builtin(self, node: ast.Call, name: str) -> None:
        if name == "float":
            self._add(node, Kind.FLOAT, "makes a float")
        elif name == "complex":
            self._add(node, Kind.FLOAT, "makes a complex number")
        elif name == "round" and not all(_is_int(argument) for argument in node.args[:1]):
            self._add(node, Kind.FLOAT, "round() of what may be a float", certain=False)
        elif name == "id":
            self._add(node, Kind.IDENTITY, "id() is an address")
        elif name == "hash":
            self._add(node, Kind.IDENTITY, "hash() of what may be a text", certain=False)
        elif name == "format":
            self._visit_format(node, node.args[-1] if len(node.args) > 1 else None)
        elif name == "input":
            self._add(node, Kind.ENVIRONMENT, "asks a person")
        elif name == "open":
            self._add(node, Kind.FILES, "opens a file that may lie outside the bundle", certain=False)
        elif (name in _TAKES_ORDER or (name in _BREAKS_TIES and _has_key(node))) and any(
            self._is_set(argument) for argument in node.args
        ):
            self._add(node, Kind.ORDER, f"{name}() of a set", certain=False)

    def _visit_method(self, node: ast.Call, called: ast.Attribute) -> None:
        name, keywords = called.attr, {keyword.arg: keyword.value for keyword in node.keywords}
        if name in _FLOAT_METHODS:
            self._add(node, Kind.FLOAT, f".{name}() mostly gives floats", certain=False)
        elif name in _DRAWS and "seed" not in keywords:
            self._add(node, Kind.RANDOM, f".{name}() without a seed", certain=False)
        elif name in {"strftime", "__format__"} and not _is_of_columns(called):
            self._visit_format(node, next(iter((*node.args, *keywords.values())), None))
        elif name == "format" and isinstance(called.value, ast.Constant):
            for spec in _FIELD.findall(str(called.value.value)):
                self._visit_format(node, ast.Constant(spec))
        elif name == "pop" and not node.args and self._is_set(called.value):
            self._add(node, Kind.ORDER, "takes any element of a set", certain=False)
        elif name in {"join", "extend", "fromkeys"} and any(self._is_set(part) for part in node.args):
            self._add(node, Kind.ORDER, f".{name}() of a set", certain=False)
        elif name in _READS or name.startswith(("read_", "scan_")):
            self._add(node, Kind.FILES, f".{name}() of a file that may be another's", certain=False)
        elif name in {"iterdir", "glob", "rglob"}:
            self._add(node, Kind.ORDER, f".{name}() lists a folder", certain=False)
        elif name == "astimezone" and not node.args and not node.keywords:
            self._add(node, Kind.LOCALE, ".astimezone() to the machine's own time zone")
        elif name in {"hash", "hash_rows"}:
            self._add(node, Kind.RELEASE, f".{name}() may differ between processors", certain=False)
        elif name in _UNORDERED and self._is_frames(node, name) and not _promised(keywords):
            self._add(node, Kind.ORDER, f".{name}() without maintain_order", certain=False)

    def _visit_format(self, node: ast.expr, spec: ast.expr | None) -> None:
        """A format of numbers or times, if it is written out."""
        if isinstance(spec, ast.Constant) and names.is_of_a_language(str(spec.value)):
            self._add(node, Kind.LOCALE, f"{spec.value!r}: {_BY_LOCALE}")

    def _is_frames(self, node: ast.Call, name: str) -> bool:
        """Whether a method is that of a frame, and not that of a text or a list which is called alike."""
        if name == "join":
            return any(keyword.arg in {"on", "how", "left_on"} for keyword in node.keywords)
        if name == "sort":
            return bool(node.args)
        return True

    def _is_set(self, node: ast.expr) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Name(id=name):
                return name in self._sets
            case ast.Call(func=ast.Name(id="set" | "frozenset")):
                return True
            case ast.Call(func=ast.Attribute(attr=name)) if name in _SETS:
                return True
            case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
                return self._is_set(left) or self._is_set(right)
        return False

    def _bind(self, node: ast.AST) -> None:
        """Learns the names that a statement binds."""
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                self._bound.add(name)
            case ast.Import(names=imported):
                for one in imported:
                    self._names[one.asname or one.name.split(".")[0]] = (
                        one.name if one.asname else one.name.split(".")[0]
                    )
            case ast.ImportFrom(module=str(module), names=imported, level=0):
                for one in imported:
                    self._names[one.asname or one.name] = f"{module}.{one.name}"
            case (
                ast.Assign(targets=[ast.Name(id=target)], value=value)
                | ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value)
            ):
                if self._is_set(value):
                    self._sets.add(target)
                elif isinstance(value, ast.Name | ast.Attribute) and (full := self._full(value)):
                    self._names.setdefault(target, full)

    def _full(self, node: ast.expr) -> str | None:
        """The full name that a name or a chain of attributes stands for, if imports say."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.Attribute) and (left := self._full(node.value)) is not None:
            return f"{left}.{node.attr}"
        return None

    def _add(self, node: ast.AST, kind: Kind, what: str, *, certain: bool = True) -> None:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        self.found.append(Finding(self._path, line, column, kind, what, certain))


def _promised(keywords: Mapping[str | None, ast.expr]) -> bool:
    """Whether a call says itself which order it wants; True also for a value that cannot be read here."""
    given = keywords.get("maintain_order")
    return given is not None and not (
        isinstance(given, ast.Constant) and given.value in {False, None, "none"}
    )


def _is_of_columns(called: ast.Attribute) -> bool:
    """Whether it is a method of Polars' times, which know but English."""
    return isinstance(called.value, ast.Attribute) and called.value.attr == "dt"


def _writes_floats(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(_FLOAT_CONVERSION.search(node.value))
    )


def _has_key(node: ast.Call) -> bool:
    return any(keyword.arg == "key" for keyword in node.keywords)


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _is_int(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"len", "int"}


def _is_negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
