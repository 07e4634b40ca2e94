"""How many cases run: a selection with `make test`, all with `make test-all`, many random ones with `make soak`."""

from __future__ import annotations

import os

#: Whether this is a soak, which tries new random cases; otherwise each run tries the same ones.
SOAKING = bool(os.environ.get("OPENCOMPUTER_SOAK"))

#: Whether to run all cases of the matrices, including the tests marked `full`, rather than a selection.
ALL = SOAKING or bool(os.environ.get("OPENCOMPUTER_TEST_ALL"))

#: `make test` runs every fifth case of the fault matrix, and every nineteenth behind the edge. Most calls have 16 or
#: 21 faults; these steps divide neither number, so each call gets different faults.
FAULT_STEP = 1 if ALL else 5
FAULT_STEP_BEHIND_THE_EDGE = 1 if ALL else 19

#: Number of random programs of the stateful test in a group.
PROGRAMS_IN_A_GROUP = 100 if ALL else 40
GROUPS_OF_PROGRAMS = 20 if SOAKING else 1

#: Number of repetitions of each kill.
KILLS = 20 if SOAKING else 1

#: Number of examples for each property in the unit tests.
EXAMPLES = 5_000 if SOAKING else 100

#: Number of generated manifests that are compared with Go's hashes.
MANIFESTS = 200_000 if SOAKING else 12_000

#: Number of random servers against which each adapter deploys and destroys a snapshot and an image.
HOSTILE_SERVERS = 2_000 if SOAKING else 20
