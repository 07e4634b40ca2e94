"""The schema passes Pulumi's own check, and its generators make working SDKs for each language."""

from __future__ import annotations

import json
import re
import shutil
import sys

from adapters import PLUGIN, only
from project import Project
from pulumi_opencomputer import __version__
from pulumi_opencomputer.plugin import schema
from pulumi_opencomputer.plugin.schema_names import GO_MODULE
from sdks import ENGINE, FLAGS, Sdks, examples, run
from snippets import snippets


@only(PLUGIN)
def test_engine_takes_the_schema_of_the_plugin(project: Project) -> None:
    """`pulumi package get-schema` accepts the running plugin's schema: the committed one, with the version."""
    plugin = shutil.which("pulumi-resource-opencomputer", path=project.environment["PATH"])
    assert plugin is not None
    answered = json.loads(project.pulumi("package", "get-schema", plugin))
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", answered.pop("version"))
    assert answered == json.loads(schema.PATH.read_text(encoding="utf-8"))


def test_check_of_the_schema_finds_nothing(sdks: Sdks) -> None:
    """There are no errors or warnings: all references and names are valid in every language."""
    assert sdks.findings == []


def test_nodejs_sdk_has_the_types_of_steps(sdks: Sdks) -> None:
    """In TypeScript a step is an interface with an optional property for each kind, and resources are exported."""
    types = (sdks.folder / "nodejs" / "types" / "input.ts").read_text()
    assert "aptInstall?: pulumi.Input<pulumi.Input<string>[] | undefined>;" in types
    assert "builderMemoryMB?: pulumi.Input<number | undefined>;" in types
    assert "export class Snapshot extends pulumi.CustomResource" in (sdks.folder / "nodejs" / "snapshot.ts").read_text()


def test_go_sdk_and_the_examples_compile(sdks: Sdks, go: str) -> None:
    """The generated Go SDK compiles, and so do the Go programs of the schema's descriptions."""
    module = sdks.folder / "go"
    pinned = (ENGINE / "go.mod").read_text()
    pinned = re.sub(r"^module .*$", f"module {GO_MODULE}", pinned, count=1, flags=re.MULTILINE)
    (module / "go.mod").write_text(re.sub(r"^tool .*$", "", pinned, flags=re.MULTILINE))
    shutil.copyfile(ENGINE / "go.sum", module / "go.sum")
    # The engine's module lacks Pulumi's config package, so skip the programs that use it here. They are compiled in
    # tests/engine/test_artifacts.py.
    programs = [program for program in examples("go") if "pulumi/config" not in program]
    # Compile all programs as one package, because for each separate one Go would read and link Pulumi's SDK again.
    (module / "programs").mkdir()
    for number, program in enumerate(programs):
        text = program.replace("package main\n", "package programs\n").replace("func main()", f"func program{number}()")
        (module / "programs" / f"program{number}.go").write_text(text + "\n")
    for number, snippet in enumerate(snippets("go")):
        if snippet.text.startswith("package main\n"):
            text = snippet.text.replace("package main\n", "package programs\n").replace(_GO_PLACEHOLDER, GO_MODULE)
            text = text.replace("func main()", f"func page{number}()")
        else:
            text = _GO_PAGE.format(number=number, text=snippet.text, module=GO_MODULE)
        (module / "programs" / f"page{number}.go").write_text(text)
    run(go, "build", *FLAGS, "./opencomputer", "./programs", cwd=module)


def test_python_sdk_runs_the_examples(sdks: Sdks) -> None:
    """The whole generated SDK loads, and the Python programs of the schema's descriptions run with it."""
    folder = sdks.folder / "python"
    run(sys.executable, "-W", "error", "-m", "compileall", "-q", folder, cwd=folder)
    # The SDK reads its own version from the metadata that an installer would write.
    installed = folder / f"pulumi_opencomputer_native-{__version__}.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: pulumi_opencomputer_native\nVersion: {__version__}\n"
    )
    programs = examples("python")
    for number, program in enumerate(programs):
        (folder / f"program_{number}.py").write_text(_MOCKED + program + "\n")
        run(sys.executable, f"program_{number}.py", cwd=folder, PYTHONPATH=str(folder))


# The name of the Go module on the pages.
_GO_PLACEHOLDER = "github.invalid/OWNER/pulumi-opencomputer/sdk/go"

# A program around a block from the pages.
_GO_PAGE = """package programs

import (
	"{module}/opencomputer"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func page{number}(ctx *pulumi.Context) error {{
{text}
	_ = snapshot
	return err
}}
"""

# Mocks whose resources and functions return their inputs.
_MOCKED = """
import pulumi

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        assert args.typ.startswith(("opencomputer:index:", "pulumi:providers:opencomputer")), args.typ
        return "id", args.inputs

    def call(self, args):
        return {"snapshots": [{"name": "toolchain"}], **args.args}

pulumi.runtime.set_mocks(Mocks())
pulumi.runtime.set_config("project:ownKey", "a key")
"""
