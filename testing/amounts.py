"""How much is tried: some by `make test`, full matrices by `make test-all`, much at random by `make soak`."""

from __future__ import annotations

import os

#: The suite is the same at each run; a soak looks for what nobody has seen yet.
SOAKING = bool(os.environ.get("OPENCOMPUTER_SOAK"))

#: Whether full matrices are tried (tests marked `full` are among them), in place of a choice of their cases.
ALL = SOAKING or bool(os.environ.get("OPENCOMPUTER_TEST_ALL"))

#: `make test` tries every fifth case of the fault matrix, and every nineteenth behind the edge. Most calls have 16 or
#: 21 faults: steps that divide neither reach other faults at each call.
FAULT_STEP = 1 if ALL else 5
FAULT_STEP_BEHIND_THE_EDGE = 1 if ALL else 19

#: Random programs of the stateful test, tried in groups.
PROGRAMS_IN_A_GROUP = 100 if ALL else 40
GROUPS_OF_PROGRAMS = 20 if SOAKING else 1

#: How often each kill is made.
KILLS = 20 if SOAKING else 1

#: Examples of each property of the unit tests.
EXAMPLES = 5_000 if SOAKING else 100

#: Generated manifests that Go hashes as well.
MANIFESTS = 200_000 if SOAKING else 12_000

#: Lives of a snapshot and an image against a server that answers at random, with each adapter.
HOSTILE_SERVERS = 2_000 if SOAKING else 20
