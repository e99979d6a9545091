"""The mutants of a source file: where each is, what it is called, and its code."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.mutants.faults import FUNCTIONS, faults, told

UNREAD = {"annotation", "returns", "format_spec", "type_params", "ctx"}  # fields that are no code
SHORT = 16  # letters of a piece of code that is told with what is around it


@dataclass(frozen=True)
class Mutant:
    """One fault in one place.

    Attributes:
        module: of the package, such as "models.base".
        scope: the function or class, "VAE.encode", or "" at the top of the module.
        change: what is written there, and what the mutant has: "a + b -> a - b".
        number: its place among those of the module.
        lines: the first and last line that have to run for a test to see it.
        function: name and first line of the function in whose body it is; None elsewhere.
        digest: of the source of its scope.
    """

    module: str
    scope: str
    change: str
    number: int
    lines: tuple[int, int]
    function: tuple[str, int] | None
    digest: str

    @property
    def name(self) -> str:
        """By which the list of equivalent mutants knows it."""
        return f"{self.place}: {self.change}"

    @property
    def place(self) -> str:
        """The module and the scope."""
        return f"{self.module}.{self.scope}".rstrip(".")


class Mutated:
    """A source file and its mutants."""

    def __init__(self, module: str, source: str, path: str = "<source>"):
        self.module, self.text, self.path = module, source, path
        self.tree = ast.parse(source)
        self._length = len(source.splitlines())
        self._places = [
            (place, new, text)
            for place in _places(self.tree, [self.tree])
            for new, text in faults(place.node, place.parents[-1])
        ]
        self.mutants, seen = [], {}
        for number, (place, new, text) in enumerate(self._places):
            mutant = self._mutant(number, place, new, text)
            seen[mutant.name] = times = seen.get(mutant.name, 0) + 1
            if times > 1:
                again = f"{mutant.change} (#{times})"
                mutant = replace(mutant, change=again)
            self.mutants.append(mutant)

    def compiled(self, number: int | None = None):
        """The module's code, with one of its mutants or as it is."""
        if number is None:
            return compile(self.tree, self.path, "exec")
        place, new, _ = self._places[number]
        place.set(new)
        try:
            return compile(ast.fix_missing_locations(self.tree), self.path, "exec")
        finally:
            place.set(place.node)

    def _mutant(self, number: int, place: "Place", new: ast.AST, text: str | None) -> Mutant:
        scopes = [node for node in place.parents if isinstance(node, (*FUNCTIONS, ast.ClassDef))]
        statement = place.statement()
        body, owner = _running(scopes, place)
        lines = _header(statement) if body else _span(owner or self.tree, self._length)
        scope = ".".join(node.name for node in scopes)
        if not body and isinstance(place.node, FUNCTIONS):  # its decorator
            scope = ".".join([*scope.split("."), place.node.name]).lstrip(".")
        source = ast.unparse(scopes[-1] if scopes else statement)
        function = None
        if body:
            names = [node.name for node in scopes[: scopes.index(body) + 1]]
            first = min([body.lineno, *(decorator.lineno for decorator in body.decorator_list)])
            function = ".".join(names), first
        digest = hashlib.sha256(source.encode()).hexdigest()[:16]
        change = text or _told(place, new)
        return Mutant(self.module, scope, change, number, lines, function, digest)


@dataclass
class Place:
    """A node of the tree and where it hangs."""

    node: ast.AST
    field: str
    index: int | None
    parents: list

    def set(self, new: ast.AST) -> None:
        """Put another node there."""
        if self.index is None:
            setattr(self.parents[-1], self.field, new)
        else:
            getattr(self.parents[-1], self.field)[self.index] = new

    def statement(self) -> ast.stmt:
        """The innermost statement that it is, or is part of."""
        return next(n for n in [self.node, *reversed(self.parents)] if isinstance(n, ast.stmt))


def _places(node: ast.AST, parents: list) -> Iterator[Place]:
    """Every node below, but for what is no code."""
    if isinstance(node, ast.Raise | ast.Import | ast.ImportFrom):
        return
    for field, value in ast.iter_fields(node):
        if field in UNREAD:
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if not isinstance(child, ast.AST) or _is_docstring(child):
                continue
            if isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant):
                continue  # words
            yield Place(child, field, index, parents)
            yield from _places(child, [*parents, child])


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _running(scopes: list, place: Place) -> tuple[ast.AST | None, ast.AST | None]:
    """The outermost function in whose body the place is, and what is looked at when it is not.

    A default or a decorator runs when the function is made, and so does all else in a class.
    """
    for scope in scopes:
        if isinstance(scope, FUNCTIONS):
            chain = [*place.parents, place.node]
            below = chain[chain.index(scope) + 1]
            in_body = any(below is statement for statement in scope.body)
            return (scope, None) if in_body else (None, scope)
    if isinstance(place.node, FUNCTIONS):
        return None, place.node
    return None, scopes[-1] if scopes else None


def _header(statement: ast.stmt) -> tuple[int, int]:
    """The lines of a statement, without those of the block below it."""
    last = statement.end_lineno
    if getattr(statement, "body", None):
        last = max(statement.lineno, statement.body[0].lineno - 1)
    return statement.lineno, last


def _span(node: ast.AST, length: int) -> tuple[int, int]:
    """All lines of a function or class with its decorators, or of the module."""
    first = [each.lineno for each in getattr(node, "decorator_list", [])]
    return min([getattr(node, "lineno", 1), *first]), getattr(node, "end_lineno", length)


def _told(place: Place, new: ast.AST) -> str:
    """What changes, with as much around it as a reader needs."""
    shown = place.node
    for parent in reversed(place.parents):
        simple = not isinstance(parent, ast.stmt | ast.mod | ast.excepthandler) or isinstance(
            parent, ast.Assign | ast.Return | ast.AugAssign | ast.AnnAssign
        )
        if len(ast.unparse(shown)) >= SHORT or not simple or isinstance(parent, ast.FormattedValue):
            break
        shown = parent
    before = ast.unparse(shown)
    if shown is place.node:
        after = ast.unparse(new)
    else:
        place.set(new)
        after = ast.unparse(shown)
        place.set(place.node)
    return f"{told(before)} -> {told(after)}"
