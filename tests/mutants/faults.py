"""The faults: what may stand in the place of a piece of code by mistake.

Operators and comparisons are swapped, conditions negated or loosened, numbers raised by one,
strings and truth values changed; arguments, methods, statements, contexts and decorators are left
out, and errors not caught. Left alone are docstrings, annotations, imports, and the words of
messages: what a `raise` says is for a reader, and the tests look for its core alone. So is `strict`
of zip, which is an assertion already.
"""

import ast
import copy
from collections.abc import Iterator

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
NEGATIONS = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)  # swapped, they are negated
STRUCTURAL = {"property", "staticmethod", "classmethod", "setter", "contextmanager", "dataclass"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LONG = 100  # letters of a piece of code that is told


def faults(node: ast.AST, parent: ast.AST) -> Iterator[tuple[ast.AST, str | None]]:
    """What may stand there by mistake, and in words what changes, or None if the code tells."""
    for kind, operator in OPERATORS:
        if isinstance(node, kind):
            for fault in operator(node, parent):
                yield fault if isinstance(fault, tuple) else (fault, None)


def told(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONG else f"{text[: LONG // 2]} ... {text[-LONG // 2 :]}"


def _with(node: ast.AST, **fields) -> ast.AST:
    """A copy of a node, with some of its fields changed."""
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _without(items: list, index: int) -> list:
    return items[:index] + items[index + 1 :]


def _binary(node, parent):
    if type(node.op) in SWAPS:
        yield _with(node, op=SWAPS[type(node.op)]())


def _unary(node, parent):
    if isinstance(node.op, ast.USub | ast.Not):
        yield node.operand


def _boolean(node, parent):
    yield _with(node, op=SWAPS[type(node.op)]())
    for index in range(len(node.values)):
        rest = _without(node.values, index)
        yield rest[0] if len(rest) == 1 else _with(node, values=rest)


def _compare(node, parent):
    for index, operator in enumerate(node.ops):
        if type(operator) in SWAPS:
            ops = list(node.ops)
            ops[index] = SWAPS[type(operator)]()
            yield _with(node, ops=ops)


def _constant(node, parent):
    value = node.value
    if _is_strict(parent):
        return
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
    elif isinstance(value, str):
        yield ast.Constant(f"XX{value}")


def _condition(node, parent):
    test = node.test
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], NEGATIONS) and len(test.ops) == 1:
        return  # is negated there
    if not isinstance(test, ast.UnaryOp):
        negated = _with(node, test=ast.UnaryOp(ast.Not(), test))
        yield negated, f"if {told(ast.unparse(test))} -> if not"


def _filter(node, parent):
    for index, condition in enumerate(node.ifs):
        text = f"if {told(ast.unparse(condition))} in a comprehension -> all"
        yield _with(node, ifs=_without(node.ifs, index)), text


def _call(node, parent):
    name = told(ast.unparse(node.func))
    for index, keyword in enumerate(node.keywords):
        if keyword.arg and not _is_strict(keyword):
            text = f"{name}(...) without {told(ast.unparse(keyword))}"
            yield _with(node, keywords=_without(node.keywords, index)), text
    alone = isinstance(node.func, ast.Name) and len(node.args) == 1  # a TypeError
    if node.args and not alone and not isinstance(node.args[-1], ast.Starred | ast.GeneratorExp):
        text = f"{name}(...) without its last {told(ast.unparse(node.args[-1]))}"
        yield _with(node, args=node.args[:-1]), text
    method = isinstance(node.func, ast.Attribute) and not isinstance(parent, ast.Expr)
    if method and not _is_module(node.func.value):
        yield node.func.value


def _is_strict(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg == "strict"


def _is_module(node: ast.AST) -> bool:
    """Whether it is a module, a class or the object itself: left alone it stands for nothing."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name):
        return False
    if root.id == "self":
        return root is node
    return root.id in {"torch", "math", "nn", "np", "os", "cls", "inspect", "importlib", "warnings"}


def _statement(node, parent):
    changes = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    if isinstance(node, ast.Assign):
        read = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        target = node.targets[0]
        elsewhere = isinstance(target, ast.Attribute | ast.Subscript)
        changes = elsewhere or (isinstance(target, ast.Name) and target.id in read)
    if changes or isinstance(node, ast.AugAssign | ast.Raise):
        yield ast.Pass(), f"{told(ast.unparse(node))} -> nothing"


def _jump(node, parent):
    yield ast.Break() if isinstance(node, ast.Continue) else ast.Continue()


def _context(node, parent):
    for index, item in enumerate(node.items):
        if item.optional_vars is None:
            rest = _without(node.items, index)
            new = _with(node, items=rest) if rest else ast.If(ast.Constant(True), node.body, [])
            yield new, f"with {told(ast.unparse(item))} -> without"


def _decorated(node, parent):
    for index, decorator in enumerate(node.decorator_list):
        text = ast.unparse(decorator)
        if text.partition("(")[0].split(".")[-1] not in STRUCTURAL:
            rest = _without(node.decorator_list, index)
            yield _with(node, decorator_list=rest), f"@{text} -> without"


def _handler(node, parent):
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    for index, kind in enumerate(kinds):
        rest = ast.Tuple(_without(kinds, index), ast.Load())
        yield _with(node, type=rest), f"except {ast.unparse(kind)} -> is not caught"


OPERATORS = (
    (ast.BinOp, _binary),
    (ast.AugAssign, _binary),
    (ast.UnaryOp, _unary),
    (ast.BoolOp, _boolean),
    (ast.Compare, _compare),
    (ast.Constant, _constant),
    (ast.If | ast.IfExp, _condition),
    (ast.comprehension, _filter),
    (ast.Call, _call),
    (ast.Expr | ast.Assign | ast.AugAssign | ast.Raise, _statement),
    (ast.Break | ast.Continue, _jump),
    (ast.With, _context),
    (FUNCTIONS, _decorated),
    (ast.ExceptHandler, _handler),
)
