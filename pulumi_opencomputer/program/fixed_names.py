"""Fixed names used by a program, tracked so that a preview already rejects a duplicate.

The provider's check rejects duplicates too, but doesn't know which line of the program used the name first. Without a
preview, Pulumi still deploys whatever the program declared before the duplicate.
"""

from __future__ import annotations

import weakref
from typing import Any

import pulumi
from pulumi.runtime import get_root_resource

from ..errors import InvalidInputError, Problem
from ..manifest.places import here
from ..sanitize import quoted
from .failures import runs_for_an_engine
from .options import own_providers

# For each program's stack, since one process may run many programs: name → (resource name, line that declares it).
_given: weakref.WeakKeyDictionary[pulumi.Resource, dict[str, tuple[str, str]]] = weakref.WeakKeyDictionary()


def refuse_taken(name: Any, opts: pulumi.ResourceOptions | None) -> None:
    """Reject a fixed name that another resource of the program already has.

    Args:
        name: The name as the program passed it. An Output is not compared here; the provider's check does that.
        opts: The resource's options. A resource with an explicit provider may use another server, so it is skipped.

    Raises:
        InvalidInputError: Another resource has the name. The message says which one and where it is declared.
    """
    names = _names(name, opts)
    if names is None or name not in names:
        return
    resource, line = names[name]
    where = f", declared at {line}" if line else ""
    reason = f"is also the name of the resource {quoted(resource)}{where}; give each a name of its own."
    raise InvalidInputError([Problem("name", reason)])


def note(name: Any, resource_name: str, opts: pulumi.ResourceOptions | None) -> None:
    """Record the fixed name of a declared resource."""
    names = _names(name, opts)
    if names is not None:
        names[name] = (resource_name, here())


def _names(name: Any, opts: pulumi.ResourceOptions | None) -> dict[str, tuple[str, str]] | None:
    # Under mocks names are not tracked: a test suite declares the same resources again and again.
    stack = get_root_resource()
    if (
        not isinstance(name, str)
        or stack is None
        or not runs_for_an_engine()
        or (opts is not None and any(own_providers(opts)))
    ):
        return None
    return _given.setdefault(stack, {})
