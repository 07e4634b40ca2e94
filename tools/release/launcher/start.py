"""Starts the plugin from its archive, with the packages in ``lib`` and none of the running Python's."""

import sys
from pathlib import Path

OLDEST, NEWEST = "@OLDEST@", "@NEWEST@"


def parsed(version: str) -> "tuple[int, ...]":
    """Return a version as numbers, which can be compared."""
    return tuple(int(number) for number in version.split("."))


# The packages have compiled modules for these versions of CPython, but not for its free-threaded builds.
usable = (
    parsed(OLDEST) <= sys.version_info[:2] <= parsed(NEWEST)
    and sys.implementation.name == "cpython"
    and "t" not in getattr(sys, "abiflags", "")
)
if sys.argv[1:] == ["--can-start"]:
    sys.exit(not usable)
if not usable:
    sys.exit("The opencomputer plugin needs CPython " + OLDEST + " to " + NEWEST + ", and this is " + sys.version)

sys.path.insert(0, str(Path(__file__).parent / "lib"))

from pulumi_opencomputer.plugin.__main__ import main  # noqa: E402

main()
