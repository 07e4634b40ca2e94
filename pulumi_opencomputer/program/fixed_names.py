"""The fixed names that a program gives, so that a preview refuses one that is given twice.

A check refuses it too, where it is not known which line of the program gave the name first. Without a preview Pulumi
still deploys what a program declared before its mistake.
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

# Which resource has which name, and where it is declared; by the program's stack, as one process may run many.
_given: weakref.WeakKeyDictionary[pulumi.Resource, dict[str, tuple[str, str]]] = weakref.WeakKeyDictionary()


def refuse_taken(name: Any, opts: pulumi.ResourceOptions | None) -> None:
    """Refuse a fixed name that another resource of the program has.

    Args:
        name: The name as the program gives it; an Output is left to the check.
        opts: The resource's options. Resources with a provider of their own may be at another server.

    Raises:
        InvalidInputError: Another resource has the name; says which, and where it is declared.
    """
    names = _names(name, opts)
    if names is None or name not in names:
        return
    resource, line = names[name]
    where = f", declared at {line}" if line else ""
    reason = f"is also the name of the resource {quoted(resource)}{where}; give each a name of its own."
    raise InvalidInputError([Problem("name", reason)])


def note(name: Any, resource_name: str, opts: pulumi.ResourceOptions | None) -> None:
    """Remember the fixed name of a resource that is declared."""
    names = _names(name, opts)
    if names is not None:
        names[name] = (resource_name, here())


def _names(name: Any, opts: pulumi.ResourceOptions | None) -> dict[str, tuple[str, str]] | None:
    # A suite of tests with mocks declares the same resources again and again.
    stack = get_root_resource()
    if (
        not isinstance(name, str)
        or stack is None
        or not runs_for_an_engine()
        or (opts is not None and any(own_providers(opts)))
    ):
        return None
    return _given.setdefault(stack, {})
