"""A separate process that runs programs under Pulumi's mocks, one after the other.

It reads the programs as JSON from standard input, and prints, as JSON, the tracebacks of those that failed, by name.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

import pulumi

from pulumi_opencomputer.testing import Mocks

PROJECT = "toolchain"
_CONFIG = {f"{PROJECT}:indexToken": "a-token-of-the-tests", "opencomputer:apiKey": os.environ["OPENCOMPUTER_API_KEY"]}


class Others(pulumi.runtime.Mocks):
    """Mocks of other packages. A stack reference has every output that a program asks for."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Return a resource's id and outputs."""
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {**args.inputs, "outputs": {"agents": "agents-production"}}
        return args.name, dict(args.inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        """Return a function's result."""
        return {}


def main() -> None:
    """Run all programs; they can import modules from the working directory."""
    failed = {}
    sys.path.insert(0, "")
    for name, text in json.load(sys.stdin).items():
        try:
            run(text, name)
        except BaseException:
            failed[name] = traceback.format_exc()
    json.dump(failed, sys.stdout)


def run(text: str, name: str) -> None:
    """Run one program, and wait for the resources that it registers, if it uses Pulumi."""
    code = compile(text, name, "exec")
    if "pulumi" not in text:
        exec(code, {"__name__": "__main__", "__file__": name})
        return
    pulumi.runtime.set_mocks(Mocks(snapshots=["base-tools"], others=Others()), project=PROJECT, stack="dev")
    pulumi.runtime.set_all_config(_CONFIG, [f"{PROJECT}:indexToken", "opencomputer:apiKey"])

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        exec(code, {"__name__": "__main__", "__file__": name})

    program()


if __name__ == "__main__":
    main()
