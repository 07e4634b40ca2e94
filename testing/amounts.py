"""How much is tried of what is random or repeated: little by `make test`, much by `make soak`."""

from __future__ import annotations

import os

#: The suite is the same at each run; a soak looks for what nobody has seen yet.
SOAKING = bool(os.environ.get("OPENCOMPUTER_SOAK"))

#: Random programs of the stateful test, tried in groups.
PROGRAMS_IN_A_GROUP = 100
GROUPS_OF_PROGRAMS = 20 if SOAKING else 1

#: How often each kill is made.
KILLS = 20 if SOAKING else 1

#: Examples of each property of the unit tests.
EXAMPLES = 5_000 if SOAKING else 100

#: Generated manifests that Go hashes as well.
MANIFESTS = 200_000 if SOAKING else 12_000
