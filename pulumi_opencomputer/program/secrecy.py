"""What a program tells a dynamic provider about secrets, because the engine sends it every value in clear."""

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
    """Return the paths of secrets, if any. An input, so that a change of secrecy is a change of the resource."""
    outputs = list(find_outputs(values))
    if not outputs:
        return None

    async def paths() -> list[str] | None:
        return [path for path, output in outputs if await output.is_secret()] or None

    return pulumi.Output.from_input(paths())


def known_parts(manifest: Any, opts: pulumi.ResourceOptions | None) -> pulumi.Output[Sequence[str] | None] | None:
    """The digests of what holds no secret, where a transform may still change the manifest; see `manifest.familiar`.

    The engine applies transforms after the inputs have left the program, so that nothing here sees what they add.
    """
    parent = opts.parent if opts else None
    within = parent if parent is not None and not isinstance(parent, Stack) else None
    sure = bool(opts and opts.transforms) or _has_callbacks()
    if within is None and not sure:
        return None

    async def digests() -> list[str] | None:
        if within is not None:
            # A component's transforms are known when its URN is.
            await within.urn.future()
        return await _digests(manifest) if sure or _has_callbacks() else None

    return pulumi.Output.from_input(digests())


def _has_callbacks() -> bool:
    """Tell whether the program has callbacks for the engine, such as transforms or hooks."""
    # A component provider's process has no stack, and the transforms are in another process.
    return get_root_resource() is None or bool(_callback_servers())


def _callback_servers() -> Sequence[Any]:
    """Return Pulumi's list of callback servers. If it can't be found, there may be one."""
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
    """Return the value without Outputs. A secret or unknown value becomes an object without a digest."""
    output = pulumi.Output.from_input(value)
    if await output.is_secret() or not await output.is_known():
        return object()
    return await output.future()
