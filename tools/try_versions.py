"""Run the unit tests in temporary environments: with the ``lowest`` dependencies, or on all ``pythons`` that are found.

``lowest`` uses the oldest release of each dependency that pyproject.toml allows, on the Python that runs this script.
``pythons`` uses the newest dependencies, on each Python in pyproject.toml's classifiers that is on PATH or that pyenv
has. The environments are created in ``build/`` each time; further arguments are passed to pytest.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "environments"
PROJECT = ROOT / "pyproject.toml"
UNIT = ("-m", "not (engine or tools or long)")
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def main() -> int:
    """Run the requested tests, and print which environments failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["lowest", "pythons"])
    given, pytest_arguments = parser.parse_known_args()
    failed = []
    for name, python in lowest() if given.what == "lowest" else pythons():
        say(f"{name}: {python}")
        if not passes(name, python, pytest_arguments, lowest=given.what == "lowest"):
            failed.append(name)
    if failed:
        say(f"failed with: {', '.join(failed)}")
    return 1 if failed else 0


def lowest() -> Iterator[tuple[str, Path]]:
    """Yield only the Python that runs this script."""
    yield "lowest", Path(sys.executable)


def pythons() -> Iterator[tuple[str, Path]]:
    """Yield each version in the classifiers with its interpreter; report a version without one."""
    versions = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT.read_text(encoding="utf-8"))
    for version in versions:
        found = next((path for path in candidates(version) if is_version(path, version)), None)
        if found:
            yield version, found
        else:
            say(f"{version}: not found, skipped")


def candidates(version: str) -> Iterator[Path]:
    """Yield the possible paths of an interpreter of this version, first the one on PATH."""
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)


def is_version(python: Path, version: str) -> bool:
    """Return whether an interpreter runs and has this version. Pyenv has shims for versions that don't run."""
    ran = subprocess.run([python, "-c", VERSION], capture_output=True, text=True, check=False)
    return ran.stdout.strip() == version


def passes(name: str, python: Path, pytest_arguments: list[str], *, lowest: bool) -> bool:
    """Install the package and its tests' requirements, and run the unit tests; return whether they pass."""
    uv: list[str | Path] = [sys.executable, "-m", "uv"]
    folder = BUILD / name
    inside = folder / "bin" / "python"
    install = [*uv, "pip", "install", "--quiet", "--python", inside, "--editable", ".[emulator]", "--group", "test"]
    steps = [[*uv, "venv", "--quiet", "--clear", "--python", python, folder]]
    if lowest:
        # Only the dependencies that users install are the oldest ones, not those of the tests.
        pins = BUILD / "lowest.txt"
        resolve = ["--resolution", "lowest-direct", "--extra", "emulator"]
        steps.append([*uv, "pip", "compile", "--quiet", "--python", inside, *resolve, "--output-file", pins, PROJECT])
        install += ["--constraint", pins]
    steps += [install, [inside, "-m", "pytest", *UNIT, *pytest_arguments]]
    return all(subprocess.run(step, cwd=ROOT, check=False).returncode == 0 for step in steps)


def say(text: str) -> None:
    """Print a line immediately, so that it appears before the output of the commands."""
    print(f"versions: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
