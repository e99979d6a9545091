"""The tests on other Pythons, other versions, other threads and other instructions.

`python -m tests.matrix` takes each axis by itself, makes an environment for it where one is needed,
runs the unit tests and the notebooks there, and prints a table of what ran. Environments lie in
`_build/matrix` and share their files; uv makes each in a minute.

- A Python: the pins of requirements.txt under each Python from 3.11 on that this machine has.
- oldest: every declared dependency at the lower end of its range. newest: at the upper end.
- threads and instructions: this environment with one and two threads, and with the instructions
  that torch takes on every processor (`ATEN_CPU_CAPABILITY=default`) or on this one (`native`).
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.pages import ROOT

FOLDER = ROOT / "_build" / "matrix"
RANGES = ["-e", ".[book,test]"]
PINS = ["-r", "requirements.txt"]
SUITES = {
    "unit": ["tests", "--ignore=tests/browser", "--ignore=tests/test_jitter.py"],
    "notebooks": ["--nbval", "book"],
}


@dataclass
class Axis:
    """One way in which a machine may differ.

    Attributes:
        name: what the table calls it.
        python: the interpreter of its environment, or None for the one that runs this.
        install: what uv installs there.
        variables: set for its tests.
    """

    name: str
    python: str | None = None
    install: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


def axes() -> list[Axis]:
    """Every axis on this machine."""
    pythons = found_pythons()
    oldest, newest = pythons[min(pythons)], pythons[max(pythons)]
    lower_ends = ["--resolution", "lowest-direct", *RANGES]
    return [
        *(Axis(f"Python {'.'.join(map(str, v))}", pythons[v], PINS) for v in sorted(pythons)),
        Axis("oldest versions", oldest, lower_ends),
        Axis("newest versions", newest, ["--upgrade", *RANGES]),
        Axis("one thread", variables={"OMP_NUM_THREADS": "1"}),
        Axis("two threads", variables={"OMP_NUM_THREADS": "2"}),
        Axis("default instructions", variables={"ATEN_CPU_CAPABILITY": "default"}),
        Axis("native instructions", variables={"ATEN_CPU_CAPABILITY": native()}),
    ]


def native() -> str:
    """What torch calls the instructions of this processor."""
    import torch

    return torch.backends.cpu.get_cpu_capability().lower()


def found_pythons() -> dict[tuple[int, int], str]:
    """An interpreter of each Python from 3.11 on that is on the PATH or was installed by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = sorted(pyenv.glob("versions/3.*/bin/python3"))
    candidates += [path for minor in range(11, 30) if (path := shutil.which(f"python3.{minor}"))]
    found = {}
    for candidate in candidates:
        code = "import sys; print(*sys.version_info[:2])"
        done = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
        version = tuple(map(int, done.stdout.split()))
        if done.returncode == 0 and version >= (3, 11):
            found.setdefault(version, str(candidate))
    return found


def uv() -> str:
    """The program that makes environments."""
    return str(Path(sys.executable).with_name("uv"))


def environment(axis: Axis) -> str:
    """The interpreter of the axis, in an environment that is made anew unless it is this one."""
    if axis.python is None:
        return sys.executable
    folder = FOLDER / axis.name.replace(" ", "-")
    interpreter = str(folder / "bin" / "python")
    subprocess.run([uv(), "venv", "-q", "--clear", "--python", axis.python, folder], check=True)
    command = [uv(), "pip", "install", "-q", "--python", interpreter, *axis.install]
    subprocess.run(command, cwd=ROOT, check=True)
    return interpreter


def run(axis: Axis, suite: str, workers: str) -> dict:
    """What the last line of a suite's run says, and how long it took."""
    log = FOLDER / f"{axis.name.replace(' ', '-')}-{suite}.log"
    options = ["-q", "-n", workers, "--dist", "loadfile", "-p", "no:cacheprovider"]
    command = [environment_of[axis.name], "-m", "pytest", *options, *SUITES[suite]]
    variables = {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"} | axis.variables
    start = time.perf_counter()
    with log.open("w") as file:
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | variables, stdout=file, stderr=file, check=False
        )
    last = log.read_text().strip().splitlines()[-1]
    return {
        "failed": done.returncode != 0,
        "result": re.sub(r" in [\d.:ms ()]+$", "", last.strip("= ")),
        "minutes": (time.perf_counter() - start) / 60,
        "log": log,
    }


environment_of: dict[str, str] = {}


def versions(interpreter: str) -> str:
    """Python, torch and matplotlib of an environment."""
    code = (
        "import platform; from importlib.metadata import version as v; "
        "print(platform.python_version(), v('torch'), v('numpy'), v('matplotlib'), v('onnx'))"
    )
    command = [interpreter, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main(arguments: list[str]) -> int:
    """Run the axes, all or those named, and print a row for each."""
    known = {axis.name: axis for axis in axes()}
    parser = argparse.ArgumentParser(prog="python -m tests.matrix")
    parser.add_argument("axes", nargs="*", metavar="AXIS", help=f"of {', '.join(known)}")
    parser.add_argument("--suites", nargs="*", default=list(SUITES), choices=list(SUITES))
    parser.add_argument("--workers", default="2", help="files at once")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.axes) - set(known))
    if unknown:
        parser.error(f"wanted axes of {list(known)}, got {unknown}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    print("axis | Python torch numpy matplotlib onnx | " + " | ".join(chosen.suites), flush=True)
    failed = False
    for name in chosen.axes or known:
        environment_of[name] = environment(known[name])
        results = [run(known[name], suite, chosen.workers) for suite in chosen.suites]
        cells = [f"{each['result']} ({each['minutes']:.1f} min)" for each in results]
        print(" | ".join([name, versions(environment_of[name]), *cells]), flush=True)
        for each in results:
            failed |= each["failed"]
            if each["failed"]:
                print(f"  see {each['log'].relative_to(ROOT)}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
