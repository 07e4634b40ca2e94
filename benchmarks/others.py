"""Dynamic resources as users would write them, to compare with."""

from __future__ import annotations

import os
import time
from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

#: The outputs of a snapshot other than its manifest and name.
SNAPSHOT_OUTPUTS = (
    "contentHash",
    "builtHash",
    "checkpointId",
    "status",
    "apiUrl",
    "snapshotId",
    "createdAt",
    "lastUsedAt",
)


class NothingProvider(ResourceProvider):
    """A provider that does nothing."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Return the inputs as the outputs."""
        return CreateResult("nothing", props)


class Nothing(Resource):
    """A resource with a snapshot's inputs whose provider does nothing."""

    def __init__(
        self, resource_name: str, manifest: dict[str, Any], name: str, opts: ResourceOptions | None = None
    ) -> None:
        """Declare it."""
        super().__init__(NothingProvider(), resource_name, {"manifest": manifest, "name": name}, opts)


class _OutputsProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("nothing", {**props, **dict.fromkeys(SNAPSHOT_OUTPUTS, "0" * 36)})


class Outputs(Resource):
    """A resource with a snapshot's inputs and outputs whose provider does nothing.

    It declares the outputs as Pulumi's documentation says: as inputs without a value.
    """

    def __init__(
        self, resource_name: str, manifest: dict[str, Any], name: str, opts: ResourceOptions | None = None
    ) -> None:
        """Declare it."""
        inputs = {"manifest": manifest, "name": name, **dict.fromkeys(SNAPSHOT_OUTPUTS)}
        super().__init__(_OutputsProvider(), resource_name, inputs, opts)


class _SleepProvider(ResourceProvider):
    def configure(self, _req: Any) -> None:
        # Imported here because only the provider's process needs it.
        from pulumi_opencomputer.engine.threadpool import calling_pool, raise_worker_limit  # noqa: PLC0415

        pool = calling_pool()
        if pool is not None:
            raise_worker_limit(pool)

    def create(self, props: dict[str, Any]) -> CreateResult:
        time.sleep(props["seconds"])
        return CreateResult("slept", props)


class Sleep(Resource):
    """A resource whose create takes some seconds."""

    def __init__(self, resource_name: str, seconds: float) -> None:
        """Declare it."""
        super().__init__(_SleepProvider(), resource_name, {"seconds": seconds})


class _DocumentedProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        import httpx  # noqa: PLC0415

        response = httpx.post(
            os.environ["OPENCOMPUTER_API_URL"] + "/api/snapshots",
            headers={"X-API-Key": os.environ["OPENCOMPUTER_API_KEY"]},
            json={"name": props["name"], "image": props["manifest"]},
            timeout=600,
            trust_env=False,
        )
        response.raise_for_status()
        return CreateResult(props["name"], props)


class DocumentedSnapshot(Resource):
    """A snapshot written as Pulumi's documentation suggests, with the SDK's ``to_dict()`` as an input."""

    def __init__(self, resource_name: str, image: Any, name: str) -> None:
        """Declare it."""
        super().__init__(_DocumentedProvider(), resource_name, {"manifest": image.to_dict(), "name": name})
