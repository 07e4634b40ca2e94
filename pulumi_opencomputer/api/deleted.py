"""What a delete found, and what a 404 says about it."""

from __future__ import annotations

import enum

from ..errors import NotFoundError, UnavailableError


class Deleted(enum.Enum):
    """What a delete found."""

    DELETED = "deleted"
    """The record existed, and is deleted."""

    NOT_FOUND = "not found"
    """The server that stores the records has none with that name."""

    NOT_IN_INDEX = "not in the index"
    """The public endpoint's index shows no record with that name. If the index lags, the record may still exist; then
    nothing was deleted."""

    UNCERTAIN = "uncertain"
    """The response to an earlier attempt was lost, and now the index shows no record with that name: that attempt
    deleted it, or the index does not show it yet."""

    def __bool__(self) -> bool:
        return self is Deleted.DELETED


def is_not_in_index(error: NotFoundError) -> bool:
    """Tell whether a 404 only means that the public endpoint's index does not show the record."""
    return error.text == "snapshot not found"


def what_is_missing(error: NotFoundError, *, perhaps_done: bool) -> Deleted:
    """Return what the 404 of a delete means.

    Args:
        error: The 404.
        perhaps_done: Whether an earlier attempt may have deleted the record, because its response was lost.

    Raises:
        UnavailableError: It means a failure: the server sends a 404 for every error of its database.
    """
    if is_not_in_index(error):
        return Deleted.UNCERTAIN if perhaps_done else Deleted.NOT_IN_INDEX
    if error.is_of_the_cell:
        return Deleted.DELETED if perhaps_done else Deleted.NOT_FOUND
    outcome = "An earlier attempt may have deleted it" if perhaps_done else "Nothing was deleted"
    refusal = UnavailableError(
        f"The server could not delete the snapshot. {outcome}; try again in a while.", status=404, text=error.text
    )
    refusal.perhaps_done = perhaps_done
    raise refusal from None
