"""What the server says about a build, as typed events. `event_parser` makes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BuildEvent:
    """Something that the server said about a build.

    Attributes:
        step: The step's number as the log counts: from 1; 0 before the first, one more than there are for the
            checkpoint; None where the server does not say.
        type: The API's type of the step, or `build`, `cache_hit`, `checkpoint`; empty where the server does not say.
        message: The server's words without control sequences, at most 8,000 characters. They may hold several lines,
            and what the manifest holds, a secret too.
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
        number: Which step, from 1.
        total: How many there are.
        description: The step in the server's words.
    """

    number: int
    total: int
    description: str


@dataclass(frozen=True)
class StepCompleted(BuildEvent):
    """A step has ended well.

    Attributes:
        number: Which step, from 1.
        total: How many there are.
    """

    number: int
    total: int


@dataclass(frozen=True)
class CheckpointStarted(BuildEvent):
    """The steps are done; the server saves the image."""


@dataclass(frozen=True)
class OtherLine(BuildEvent):
    """Anything else: the output of a command, or a message of a later server."""
