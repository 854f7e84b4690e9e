"""Where an expression stands in its file, for people: of a call in a chain, the method's own name."""

import ast


def position(node: ast.AST) -> tuple[int, int]:
    """Line and column, both from 1."""
    called = node.func if isinstance(node, ast.Call) else node
    if isinstance(called, ast.Attribute) and called.end_lineno and called.end_col_offset:
        return called.end_lineno, called.end_col_offset - len(called.attr) + 1
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
