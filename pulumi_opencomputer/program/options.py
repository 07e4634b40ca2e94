"""Reject resource options that a dynamic resource can't support, and warn of an unencrypted API key."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
from pulumi.runtime import get_root_resource, is_config_secret

from ..errors import InvalidInputError, Problem

_PACKAGE = "opencomputer"
_PLUGIN = "Import Image and Snapshot from pulumi_opencomputer.native, which use the plugin"
_OWN_PROVIDER = (
    "is not followed by the dynamic resources: they take their settings from the stack's configuration or the "
    f"environment, so this one would go to another account. {_PLUGIN}."
)
_IMPORT = (
    f"is not possible with the dynamic resources. {_PLUGIN} and can import, or take over an existing name with "
    "adopt=True, which builds the declared manifest."
)
_GET = "is not possible with the dynamic resources. Look a snapshot up with pulumi_opencomputer.get_snapshot(name)."

_PLAIN_KEY = (
    "The API key is not encrypted in the stack's configuration, where everyone who can read the project or its state "
    "can read it. Set it again, encrypted: "
)

# The stacks of programs that were warned already. One process may run many programs.
_warned: weakref.WeakSet[pulumi.Resource] = weakref.WeakSet()


def refuse_unusable(opts: pulumi.ResourceOptions | None) -> None:
    """Reject options that Pulumi ignores for a dynamic resource, or that make it crash.

    Raises:
        InvalidInputError: There is such an option. The message lists each of them with an alternative.
    """
    if opts is None:
        return
    problems = [Problem(name, _OWN_PROVIDER) for name in own_providers(opts)]
    if opts.import_ is not None:
        problems.append(Problem("import_", _IMPORT))
    if opts.id is not None:
        problems.append(Problem("id", _GET))
    if problems:
        raise InvalidInputError(problems)


def warn_of_plain_key() -> None:
    """Warn, once in a run, if the API key in the stack's configuration is not encrypted."""
    stack = get_root_resource()
    if stack is None or stack in _warned:
        return
    _warned.add(stack)
    if pulumi.Config(_PACKAGE).get("apiKey") and not is_config_secret(f"{_PACKAGE}:apiKey"):
        # Most programs' keys are encrypted, so only import this when it is needed.
        from ..config import SET_KEY_COMMAND  # noqa: PLC0415

        pulumi.log.warn(_PLAIN_KEY + SET_KEY_COMMAND)


def own_providers(opts: pulumi.ResourceOptions) -> Iterator[str]:
    """Yield the names of the options that give a resource an explicit provider for this package."""
    if opts.provider is not None and opts.provider.package == _PACKAGE:
        yield "provider"
    elif _PACKAGE in _packages(opts.providers):
        yield "providers"
    elif opts.parent is not None and opts.parent.get_provider(f"{_PACKAGE}:index:Snapshot") is not None:
        yield "providers of the parent"


def _packages(providers: Any) -> Sequence[str]:
    if isinstance(providers, Mapping):
        return list(providers)
    return [each.package for each in providers or ()]
