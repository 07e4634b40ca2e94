"""Every fault is applied to every API call of every operation; repeating the command must repair the result.

An operation is one command on a stack that is already in some state. A fault affects one of its calls once, or all
calls of that kind from there on until the command ends. Then the faults are removed, and the same command runs again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from amounts import FAULT_STEP, FAULT_STEP_BEHIND_THE_EDGE
from emulator_client import create, manifest
from faulty_process import FaultyEmulator
from pulumi_opencomputer.errors import OpenComputerError
from stack import FakeTime, Resource, SharedTime, Stack, image, named, promoted, snapshot

pytestmark = pytest.mark.long

OLD, NEW = snapshot("make old"), snapshot("make new")
FIRST, SECOND = snapshot("make old", name=None), snapshot("make new", name=None)
BUILT, REBUILT = image("make old"), image("make new")
ONE, TWO, THREE = (snapshot(f"make {each}", name=None, keep=1) for each in ("one", "two", "three"))
PROMOTED = promoted("fixed")
ADOPTED = snapshot("make new", name="foreign", adopt=True)

POST = ("POST", "/api/snapshots")
LIST = ("GET", "/api/images")
GET = ("GET", "/api/snapshots/[^/]+")
PATCHES = ("GET", "/api/snapshots/[^/]+/patches")
NAMED = ("GET", "/api/snapshots")
DELETE = ("DELETE", "/api/snapshots/[^/]+")


@dataclass(frozen=True)
class Operation:
    """A command, the programs deployed before it, and the number of its calls of each kind.

    Attributes:
        before: The program that is already deployed.
        program: The program that the command deploys; empty for a refresh or a destroy.
        calls: The number of the command's requests of each kind.
        run: The command.
        events: The number of events in the stream of each create; 0 if the name is taken.
        earlier: The program deployed before `before`.
    """

    before: tuple[Resource, ...]
    program: tuple[Resource, ...]
    calls: dict[tuple[str, str], int]
    run: Callable[[Stack, tuple[Resource, ...]], None] = lambda stack, program: stack.up(*program)
    events: tuple[int, ...] = ()
    earlier: tuple[Resource, ...] = ()


OPERATIONS = {
    "create": Operation((), (NEW,), {DELETE: 1, POST: 1}, events=(7,)),
    "create image": Operation((), (REBUILT,), {POST: 1, LIST: 1, DELETE: 1}, events=(7,)),
    "replace": Operation((OLD,), (NEW,), {GET: 2, PATCHES: 1, LIST: 2, POST: 2, DELETE: 3}, events=(7, 2)),
    "replace a generated name": Operation((FIRST,), (SECOND,), {POST: 1, GET: 2, PATCHES: 1, DELETE: 3}, events=(7,)),
    "replace an image": Operation((BUILT,), (REBUILT,), {POST: 1, LIST: 2, DELETE: 2}, events=(7,)),
    "adopt": Operation((), (ADOPTED,), {POST: 3, GET: 2, PATCHES: 1, LIST: 2, DELETE: 2}, events=(0, 7, 2)),
    "read": Operation((NEW,), (NEW,), {GET: 1}, lambda stack, program: stack.refresh()),
    "read an image": Operation((REBUILT,), (REBUILT,), {LIST: 1}, lambda stack, program: stack.refresh()),
    "change a version": Operation(
        (TWO,), (THREE,), {POST: 1, DELETE: 2, GET: 2, PATCHES: 1, NAMED: 1}, events=(7,), earlier=(ONE,)
    ),
    "go back to a version": Operation((TWO,), (ONE,), {GET: 1, PATCHES: 1, NAMED: 1}, earlier=(ONE,)),
    "read versions": Operation((TWO,), (TWO,), {GET: 2}, lambda stack, program: stack.refresh(), earlier=(ONE,)),
    "delete versions": Operation(
        (TWO,), (), {NAMED: 1, GET: 2, DELETE: 3}, lambda stack, program: stack.destroy(), earlier=(ONE,)
    ),
    "promote": Operation((NEW,), (NEW, PROMOTED), {GET: 1, POST: 1, DELETE: 1}, events=(2,)),
    "delete": Operation((NEW,), (), {GET: 1, DELETE: 2}, lambda stack, program: stack.destroy()),
}

ALWAYS = 10_000


def status(code: int, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": code, **more}


LOGIN_PAGE = {"body": "<html>Log in</html>", "headers": {"content-type": "text/html"}}

#: Faults that apply to any call.
FAULTS: dict[str, dict[str, Any]] = {
    "dropped once": {"kind": "drop"},
    "dropped": {"kind": "drop", "count": ALWAYS},
    "carried out, answer dropped once": {"kind": "drop", "when": "after"},
    "carried out, answer dropped": {"kind": "drop", "when": "after", "count": ALWAYS},
    "silent once": {"kind": "hang"},
    "carried out, silent once": {"kind": "hang", "when": "after"},
    "delayed": {"kind": "delay", "seconds": 0.02},
    "401": status(401, body='{"error":"missing API key"}'),
    "403": status(403, body='{"error":"invalid API key"}'),
    "429 once": status(429, headers={"retry-after": "3"}),
    "429": status(429, headers={"retry-after": "3"}, count=ALWAYS),
    "500": status(500, count=ALWAYS),
    "502 once": status(502, **LOGIN_PAGE),
    "503": status(503, headers={"retry-after": "1"}, count=ALWAYS),
    "504": status(504, count=ALWAYS),
    "carried out, then 524 once": status(524, when="after"),
    "redirect": status(302, headers={"location": "https://sso.example/login"}),
}

#: Faults that apply to calls whose successful response has a body.
BODY_FAULTS = {
    "page in place of JSON": status(200, **LOGIN_PAGE),
    "wrong type": status(200, body="[[1]]"),
    "cut off once": {"kind": "truncate"},
    "cut off": {"kind": "truncate", "count": ALWAYS},
    "malformed": {"kind": "malformed"},
}

BUILD_HANGS = {"build hangs": {"kind": "hang", "event": 3, "unseen": True}}


def _cases() -> list[Any]:
    cases = []
    for name, operation in OPERATIONS.items():
        for call, count in operation.calls.items():
            for nth in range(1, count + 1):
                for fault, rule in _faults(operation, call, nth).items():
                    ident = f"{name}: {call[0]} {call[1].rpartition('/')[2]} {nth} {fault}"
                    cases.append(pytest.param(operation, (*call, nth), rule, id=ident))
    return cases


def _faults(operation: Operation, call: tuple[str, str], nth: int) -> dict[str, dict[str, Any]]:
    if call == DELETE:
        return FAULTS
    events = operation.events[nth - 1] if call == POST else 0
    return {**FAULTS, **BODY_FAULTS, **_event_faults(events), **(BUILD_HANGS if events > 2 else {})}


def _event_faults(events: int) -> dict[str, dict[str, Any]]:
    faults = {}
    for event in sorted({1, 3, events - 1, events} & set(range(1, events + 1))):
        for cut in ("before", "in", "after") if event == events else ("before", "in"):
            rule = {"kind": "drop", "event": event, "cut": cut}
            faults[f"dropped once {cut} event {event}"] = rule
            faults[f"dropped once {cut} event {event}, unseen"] = {**rule, "unseen": True}
        faults[f"dropped before event {event}"] = {"kind": "drop", "event": event, "count": ALWAYS}
    return faults


def _prepared(faulty: FaultyEmulator, operation: Operation, time: FakeTime | None = None) -> Stack:
    create(faulty, "foreign", manifest("theirs"))
    stack = Stack(faulty, time=time or FakeTime(pace=30))
    if operation.earlier:
        stack.up(*operation.earlier)
    if operation.before:
        stack.up(*operation.before)
    faulty.forget_requests()
    return stack


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_makes_the_calls_of_the_matrix_and_no_others(
    shared_faulty: FaultyEmulator, operation: Operation
) -> None:
    """The matrix is complete: without faults, an operation makes exactly these calls."""
    faulty = shared_faulty
    stack = _prepared(faulty, operation)
    operation.run(stack, operation.program)
    made = dict.fromkeys(operation.calls, 0)
    for request in faulty.requests():
        if request["path"] in (LIST[1], NAMED[1]) or request["method"] != "GET":
            made[request["method"], _path(request)] += 1
        else:
            made[PATCHES if request["path"].endswith("/patches") else GET] += 1
    assert made == operation.calls


def _path(request: dict[str, Any]) -> str:
    return DELETE[1] if request["method"] == "DELETE" else request["path"]


@pytest.mark.parametrize(("operation", "call", "rule"), _cases()[::FAULT_STEP])
def test_same_command_again_mends_what_a_fault_left(
    shared_faulty: FaultyEmulator, operation: Operation, call: tuple[str, str, int], rule: dict[str, Any]
) -> None:
    """After a fault, an old snapshot or its ready successor exists; the next run leaves one record per resource."""
    _try(shared_faulty, _prepared(shared_faulty, operation), operation, call, rule)


@pytest.mark.parametrize(("operation", "call", "rule"), _cases()[::FAULT_STEP_BEHIND_THE_EDGE])
def test_same_command_again_mends_what_a_fault_left_behind_the_edge(
    shared_edge: FaultyEmulator, operation: Operation, call: tuple[str, str, int], rule: dict[str, Any]
) -> None:
    """The same behind the edge, where an index that lags answers every read and delete."""
    stack = _prepared(shared_edge, operation, SharedTime(shared_edge))
    shared_edge.advance(1)
    _try(shared_edge, stack, operation, call, rule)


def _try(
    faulty: FaultyEmulator,
    stack: Stack,
    operation: Operation,
    call: tuple[str, str, int],
    rule: dict[str, Any],
) -> None:
    before, known = named(faulty), set(stack.state)
    method, path, nth = call
    faulty.fail({"method": method, "path": path, "nth": nth, **rule})
    raised = OpenComputerError("None.")
    try:
        operation.run(stack, operation.program)
    except OpenComputerError as error:
        raised = error
    sentence = getattr(raised, "message", str(raised))
    assert sentence.endswith((".", ")", "?")), sentence
    assert faulty.applied()[0] >= 1, "the fault met nothing"
    faulty.fail()
    # The index can't distinguish a young record that was deleted from one that it doesn't show yet, so an interrupted
    # delete of several records can only be resumed later.
    faulty.advance(700 if operation.earlier else 1)
    assert known <= set(stack.state) or not operation.program
    _assert_nothing_lost(faulty, operation, before)

    operation.run(stack, operation.program)
    faulty.advance(1)
    _assert_converged(stack, operation, before)


def _assert_nothing_lost(faulty: FaultyEmulator, operation: Operation, before: dict[str, Any]) -> None:
    now = named(faulty)
    for name, record in before.items():
        untouched = now.get(name, {}).get("id") == record["id"]
        successors = [other for other in now.values() if _is_new(other, record) and other["status"] == "ready"]
        assert untouched or successors or not operation.program, f"{name} is lost"


def _is_new(record: dict[str, Any], old: dict[str, Any]) -> bool:
    return record["createdAt"] > old["createdAt"]


def _assert_converged(stack: Stack, operation: Operation, before: dict[str, Any]) -> None:
    now = named(stack.emulator)
    wanted = {entry.outputs["name"]: entry.outputs for entry in stack.state.values() if "name" in entry.outputs}
    kept = {each["name"]: each["snapshotId"] for one in wanted.values() for each in one.get("versions", ())}
    assert set(stack.state) == {resource.urn for resource in operation.program}
    assert set(now) == {"foreign", *wanted, *kept}
    assert {name: now[name]["id"] for name in kept} == kept
    if "foreign" not in wanted:
        assert now["foreign"] == before["foreign"]
    for name, outputs in wanted.items():
        assert now[name]["id"] == outputs["snapshotId"]
        assert now[name]["status"] == "ready"
        assert now[name]["contentHash"].startswith(outputs["builtHash"])
    assert stack.leftover == []
