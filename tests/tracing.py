"""Which code cells of a notebook lead to something that a test compares."""

import ast


def untraced(cells: list) -> list[int]:
    """The numbers, from 1, of the code cells that lead to no compared output and no assertion.

    A cell is traced if what it prints is stored, so that nbval compares it, or if it asserts
    something; or if it binds or changes a name that a traced cell after it reads.
    """
    trees = [ast.parse(cell.source) for cell in cells]
    modules = set().union(*map(imported_names, trees))
    wanted, missing = set(), []
    for number, (cell, tree) in reversed(list(enumerate(zip(cells, trees, strict=True), start=1))):
        changed = imported_names(tree) | (changed_names(tree) - modules)
        if is_compared(cell) or asserts(tree) or wanted & changed:
            wanted |= read_names(tree)
        else:
            missing.append(number)
    return missing[::-1]


def is_compared(cell) -> bool:
    """Whether the cell's own outputs are compared; a figure's fixed alt text does not count."""
    for output in cell.outputs:
        if output.output_type == "stream" and output.text.strip():
            return True
        data = output.get("data", {})
        if data and "image/png" not in data:
            return True
    return False


def asserts(tree) -> bool:
    """Whether a cell asserts something when it runs, not only in a function that it defines."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Assert):
                return True
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("assert_close"):
                return True
    return False


def read_names(tree) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def imported_names(tree) -> set[str]:
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {(name.asname or name.name).split(".")[0] for node in imports for name in node.names}


def changed_names(tree) -> set[str]:
    """Names that a cell binds, and objects that it calls methods of, passes on or writes into."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Call):
            owner = [node.func] if isinstance(node.func, ast.Attribute) else []
            arguments = [*owner, *node.args, *(keyword.value for keyword in node.keywords)]
            names |= {root(argument) for argument in arguments}
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            names.add(root(node))
    return names - {None}


def root(node) -> str | None:
    """The name at the left of a.b[c].d."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
