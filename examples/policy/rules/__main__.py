"""The policy pack: the rules, for images and snapshots of programs in any language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from rules import allowed_base, no_credentials, pinned_packages

# The plugin's types, and those of the Python package's dynamic resources.
TYPES = ("opencomputer:index:", "pulumi-python:dynamic/opencomputer:")


def policy(name: str, description: str, rule: Callable[[Any], Iterator[str]]) -> ResourceValidationPolicy:
    """Make a policy of a rule."""

    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        if args.resource_type.startswith(TYPES):
            for violation in rule(args.props):
                report_violation(violation, None)

    return ResourceValidationPolicy(name=name, description=description, validate=validate)


PolicyPack(
    name="sandbox-images",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        policy("allowed-base", "Images start from a base on the list.", lambda props: allowed_base(props["manifest"])),
        policy("pinned-packages", "Python packages are pinned.", lambda props: pinned_packages(props["manifest"])),
        policy(
            "no-credentials",
            "No credential is built into an image.",
            lambda props: no_credentials(props["manifest"], str(props.get("secretPaths") or "")),
        ),
    ],
)
