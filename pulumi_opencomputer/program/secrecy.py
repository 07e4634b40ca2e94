"""Tell the dynamic provider which inputs are secret, because the engine sends it every value in clear."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.runtime import _callbacks, get_root_resource
from pulumi.runtime.stack import Stack

from ..manifest.familiar import digest, parts
from ..manifest.paths import find_outputs


def secret_paths(values: Mapping[str, Any]) -> pulumi.Output[Sequence[str] | None] | None:
    """Return the paths of the secret values, or None if there are none.

    They are an input, so that making a value secret, or no longer secret, is a change of the resource.
    """
    outputs = list(find_outputs(values))
    if not outputs:
        return None

    async def paths() -> list[str] | None:
        return [path for path, output in outputs if await output.is_secret()] or None

    return pulumi.Output.from_input(paths())


def known_parts(manifest: Any, opts: pulumi.ResourceOptions | None) -> pulumi.Output[Sequence[str] | None] | None:
    """Return digests of the parts that hold no secret, or None if no transform can change the manifest.

    The engine applies transforms after the inputs have left the program, so this process can't see what they add.
    `manifest.familiar` describes how the provider uses the digests.
    """
    parent = opts.parent if opts else None
    within = parent if parent is not None and not isinstance(parent, Stack) else None
    sure = bool(opts and opts.transforms) or _has_callbacks()
    if within is None and not sure:
        return None

    async def digests() -> list[str] | None:
        if within is not None:
            # Once a component's URN is known, its transforms are registered.
            await within.urn.future()
        return await _digests(manifest) if sure or _has_callbacks() else None

    return pulumi.Output.from_input(digests())


def _has_callbacks() -> bool:
    """Tell whether the program may have registered callbacks with the engine, such as transforms or hooks."""
    # A component provider's process has no stack; transforms may be registered in another process.
    return get_root_resource() is None or bool(_callback_servers())


def _callback_servers() -> Sequence[Any]:
    """Return Pulumi's list of callback servers; if this version has no such list, assume that there is one."""
    servicer = getattr(_callbacks, "_CallbackServicer", None)
    servers: Sequence[Any] = getattr(servicer, "_servicers", [None])
    return servers


async def _digests(manifest: Any) -> list[str]:
    found = []
    whole = await _plain(manifest) if isinstance(manifest, pulumi.Output) else manifest
    for path, part in parts(whole):
        with contextlib.suppress(TypeError):
            found.append(digest(path, await _plain(part)))
    return sorted(found)


async def _plain(value: Any) -> Any:
    """Return the value without Outputs; for a secret or unknown value an `object()`, which has no digest."""
    output = pulumi.Output.from_input(value)
    if await output.is_secret() or not await output.is_known():
        return object()
    return await output.future()
