"""The server's messages about a build, as typed events. `event_parser` makes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BuildEvent:
    """A message of the server about a build.

    Attributes:
        step: The step's number in the log, from 1; 0 before the first step, and one more than the number of steps for
            the checkpoint; None if the server does not say.
        type: The API's type of the step, or `build`, `cache_hit` or `checkpoint`; empty if the server does not say.
        message: The server's text without control sequences, at most 8,000 characters. It may have several lines, and
            may repeat parts of the manifest, even secrets.
    """

    step: int | None
    type: str
    message: str


@dataclass(frozen=True)
class BuildStarted(BuildEvent):
    """The server begins to build."""


@dataclass(frozen=True)
class CacheHit(BuildEvent):
    """The server has the content in its cache; nothing is built."""


@dataclass(frozen=True)
class StepStarted(BuildEvent):
    """A step begins.

    Attributes:
        number: The number of the step, from 1.
        total: The number of steps.
        description: The server's description of the step.
    """

    number: int
    total: int
    description: str


@dataclass(frozen=True)
class StepCompleted(BuildEvent):
    """A step has ended successfully.

    Attributes:
        number: The number of the step, from 1.
        total: The number of steps.
    """

    number: int
    total: int


@dataclass(frozen=True)
class CheckpointStarted(BuildEvent):
    """The steps are done; the server saves the image."""


@dataclass(frozen=True)
class OtherLine(BuildEvent):
    """Anything else: the output of a command, or a message of a later server version."""
