"""Recorded screens: everything that differs between runs is replaced by fixed text."""

from __future__ import annotations

from tools.screens.words import steady

FIRST = """\
     Type                         Name       Status            Info
 +   pulumi:pulumi:Stack          tools-dev  creating (12s)..
 +   ├─ opencomputer:index:Image  tools      creating (11s)    2/6 pip install pandas · 11 s
 +   └─ opencomputer:index:Image  browser    created (0.31s)   1/6 apt install jq

Diagnostics:
  opencomputer:index:Image (tools):
    [1/6] apt install jq (2.0 s)
    error: a long text that is
wrapped
    ready in 12.3 s

  opencomputer:index:Image (browser):
    tools: will build: 6 steps
    browser: cached: ready at once

Outputs:
    api: "http://127.0.0.1:34567"
    id : "29e7f58e-9558-4f63-a9bd-2dbf5e7a6166"

Duration: 1m3s"""

SECOND = """\
     Type                         Name       Status           Info
 +   pulumi:pulumi:Stack          tools-dev  creating (3s)...
 +   ├─ opencomputer:index:Image  browser    created (1s)     1/6 apt install jq
 +   └─ opencomputer:index:Image  tools      creating (2s)..  2/6 pip install pandas · 2 s

Diagnostics:
  opencomputer:index:Image (browser):
    browser: cached: ready at once
    tools: will build: 6 steps

  opencomputer:index:Image (tools):
    [1/6] apt install jq (0.1 s)
    error: a long text that is
wrapped
    ready in 2.3 s

Outputs:
    api: "http://127.0.0.1:80"
    id : "9e7f58ee-9558-4f63-89bd-2dbf5e7a6167"

Duration: 3s"""


def test_two_runs_of_one_scene_give_the_same_recording():
    """Times, ports, ids, and the order of simultaneous resources are the same."""
    assert steady(FIRST) == steady(SECOND)
    assert " +   ├─ opencomputer:index:Image  browser    created (9s)" in steady(FIRST)
    assert steady(FIRST).index("(browser)") < steady(FIRST).index("(tools)")


def test_a_failed_status_stays_unchanged():
    """Unlike that of a running operation, its status has no dots after it."""
    row = "     Type  Name  Status                 Info\n +   T     a     **creating failed**    1 error"
    assert "**creating failed**" in steady(row)
