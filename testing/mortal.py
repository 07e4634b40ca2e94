"""Simulate a provider process that is killed at any API call, and run random programs with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from amounts import SOAKING
from pulumi_opencomputer.api.client import Client

_STEPS = 12

T = TypeVar("T")


class KilledError(BaseException):
    """The simulated death of the provider's process."""


class Killer:
    """The decision to kill the process at the n-th call: before it, after it, or at an event of its stream."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.where = "before"
        self.struck = False

    def call(self, work: Callable[[], T]) -> T:
        """Make one call of the client."""
        if self.left is not None:
            self.left -= 1
        if self._is_due("before"):
            self.strike()
        result = work()
        if self._is_due("after"):
            self.strike()
        return result

    def event(self) -> None:
        """Note that an event of the call's stream has arrived."""
        if self._is_due("event"):
            self.strike()

    def strike(self) -> None:
        """Kill the process."""
        self.left, self.struck = None, True
        raise KilledError

    def _is_due(self, where: str) -> bool:
        return self.left == 0 and self.where == where


class MortalClient(Client):
    """A client whose process may be killed at any call."""

    killer: Killer

    def create_snapshot(self, request: Any, **more: Any) -> Any:
        on_event = more.pop("on_event")

        def notice(event: Any) -> None:
            self.killer.event()
            on_event(event)

        return self.killer.call(lambda: super(MortalClient, self).create_snapshot(request, on_event=notice, **more))

    def get_snapshot(self, name: str, *, with_manifest: bool = True) -> Any:
        return self.killer.call(lambda: super(MortalClient, self).get_snapshot(name, with_manifest=with_manifest))

    def list_images(self, **more: Any) -> Any:
        return self.killer.call(lambda: super(MortalClient, self).list_images(**more))

    def list_snapshots(self, **more: Any) -> Any:
        return self.killer.call(lambda: super(MortalClient, self).list_snapshots(**more))

    def has_checkpoint(self, name: str) -> bool:
        return self.killer.call(lambda: super(MortalClient, self).has_checkpoint(name))

    def delete_snapshot(self, name: str) -> Any:
        return self.killer.call(lambda: super(MortalClient, self).delete_snapshot(name))


def try_programs(machine: type[RuleBasedStateMachine], programs: int) -> None:
    """Run that many random programs of a state machine."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=programs,
            derandomize=not SOAKING,
            stateful_step_count=_STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
