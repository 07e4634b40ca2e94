"""Run programs one after the other under Pulumi's mocks; a process of its own, told what by JSON on standard input.

It prints, as JSON, what went wrong: the traceback of each program that failed, by its name.
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
    """What is not OpenComputer's: other stacks have the outputs that are asked of them."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Answer for a resource."""
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {**args.inputs, "outputs": {"agents": "agents-production"}}
        return args.name, dict(args.inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        """Answer a function."""
        return {}


def main() -> None:
    """Run them all, with what lies in the working directory beside them."""
    failed = {}
    sys.path.insert(0, "")
    for name, text in json.load(sys.stdin).items():
        try:
            run(text, name)
        except BaseException:
            failed[name] = traceback.format_exc()
    json.dump(failed, sys.stdout)


def run(text: str, name: str) -> None:
    """Run one program, and wait for what it registered; one that has nothing to do with Pulumi is run as it is."""
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
