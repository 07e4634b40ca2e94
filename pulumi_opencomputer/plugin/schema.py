"""The plugin's package schema, made of the models: ``python -m pulumi_opencomputer.plugin.schema`` writes it.

A step is one object type with an optional property for each kind, not a union of seven types. A union without a
discriminator becomes ``interface{}`` in Go, is handed out as a bare mapping in Python, and YAML's checker tells which
of seven types a misspelt key does not fit; optional properties give each language completion and names in errors, and
that just one of them is set is checked by the provider, with the step's path. `files` of a directory remains a union
of a number and a list: the manifest that comes out of an image goes into a snapshot as it is.

Inputs and outputs share their types, so that ``image.manifest`` fits wherever a manifest does. For that no type is an
enum: YAML's checker does not assign one to itself.

No property is marked ``replaceOnChanges``: the engine would then replace a snapshot for a change that the provider
knows to be none, as a local directory that moved. ``willReplaceOnChanges``, which only documents, marks the name.

No setting has a default out of the environment. The plugin reads the environment itself; generated SDKs would copy the
key into an explicit provider's inputs, and so into the state, and another key would be an update of the provider.

The version is left out; the plugin puts in the installed package's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..lifecycle import outputs
from ..lifecycle.outputs import Output
from ..manifest.files import Directory, DirectoryEntry, File
from ..manifest.model import ManifestModel
from ..manifest.steps import KINDS
from . import schema_examples as examples
from .schema_names import GO_MODULE, JAVA_GROUP, PLUGIN_DOWNLOAD_URL, PUBLISHER, REPOSITORY

#: Where the generated schema is kept.
PATH = Path(__file__).with_name("schema.json")

PACKAGE = "opencomputer"

Spec = dict[str, Any]

_DESCRIPTION = "Sandbox images and named snapshots of OpenComputer as infrastructure as code."

_STRING: Spec = {"type": "string"}
_MANIFEST: Spec = {"$ref": f"#/types/{PACKAGE}:index:Manifest"}


def generate() -> Spec:
    """Return the package schema, as specified by https://www.pulumi.com/docs/iac/packages/schema."""
    return {
        "name": PACKAGE,
        "displayName": "OpenComputer",
        "description": _DESCRIPTION,
        "keywords": [
            *("pulumi", "opencomputer", "sandbox", "snapshot", "image"),
            # Keywords that the Pulumi Registry defines.
            *("category/cloud", "category/infrastructure", "kind/native"),
        ],
        "homepage": "https://opencomputer.dev",
        "license": "Apache-2.0",
        "publisher": PUBLISHER,
        "repository": REPOSITORY,
        "logoUrl": f"{REPOSITORY}/raw/main/docs/_static/logo.svg",
        "pluginDownloadURL": PLUGIN_DOWNLOAD_URL,
        "meta": {"moduleFormat": "(.*)"},
        "config": {"variables": _settings()},
        "provider": {
            "description": (
                "The provider's settings. An explicit provider's come before the stack's configuration "
                "(`opencomputer:apiKey`), and both before the environment.\n\n" + examples.PROVIDER
            ),
            "inputProperties": _settings(),
        },
        "types": {f"{PACKAGE}:index:{name}": spec for name, spec in sorted(_types())},
        "resources": {f"{PACKAGE}:index:Image": _image(), f"{PACKAGE}:index:Snapshot": _snapshot()},
        "functions": {f"{PACKAGE}:index:{name}": spec for name, spec in _functions().items()},
        "language": _languages(),
    }


def text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(generate(), indent=2, ensure_ascii=False) + "\n"


_PYTHON_README = """\
The SDK that is made of the plugin's schema. The package `pulumi-opencomputer` has the same resources, with a builder
for manifests, and needs no generated code: `from pulumi_opencomputer.native import Image, Manifest, Snapshot`.

A program that `pulumi import` prints runs with that package too, once its first import is
`from pulumi_opencomputer import native as opencomputer`.
"""


def _languages() -> Spec:
    return {
        "nodejs": {
            "packageName": "pulumi-opencomputer",
            "packageDescription": _DESCRIPTION,
            "dependencies": {"@pulumi/pulumi": "^3.142.0"},
            "respectSchemaVersion": True,
        },
        # The name pulumi_opencomputer is taken by this package.
        "python": {
            "packageName": "pulumi_opencomputer_native",
            "readme": _PYTHON_README,
            "requires": {"pulumi": ">=3.142.0,<4.0.0"},
            "inputTypes": "classes-and-dicts",
            "pyproject": {"enabled": True},
            "respectSchemaVersion": True,
        },
        "go": {
            "modulePath": GO_MODULE,
            "importBasePath": f"{GO_MODULE}/opencomputer",
            "generateResourceContainerTypes": True,
            "respectSchemaVersion": True,
        },
        "java": {
            "basePackage": JAVA_GROUP,
            "buildFiles": "none",  # tools/release adds its own pom.xml
            "dependencies": {"com.pulumi:pulumi": "1.16.0"},
        },
        "csharp": {"respectSchemaVersion": True},
    }


def _settings() -> Spec:
    return {
        "apiKey": {
            **_STRING,
            "description": (
                "The API key, else `OPENCOMPUTER_API_KEY` of the environment. It is sent over TLS or to this very "
                "machine only."
            ),
            "secret": True,
        },
        "apiUrl": {
            **_STRING,
            "description": (
                "The API's address, with or without `/api`, else `OPENCOMPUTER_API_URL` of the environment, else "
                "`https://app.opencomputer.dev`."
            ),
        },
        "sdkVersion": {
            **_STRING,
            "description": (
                "The version of the OpenComputer SDK that starts the sandboxes, else `OPENCOMPUTER_SDK_VERSION` of the "
                "environment, else `1.1.0`: the service runs SDK 1.x and older ones on different backends, and a "
                "snapshot serves only its own."
            ),
        },
        "allowHttp": {
            "type": "boolean",
            "description": "Whether the key may go unencrypted to a server of your own, in a network that you trust.",
        },
        "logs": {
            **_STRING,
            "description": (
                "Which lines of a build are shown, else `OPENCOMPUTER_LOGS` of the environment, else `steps`: each "
                "step and some of the server's own lines. `full` shows all of those, `failures` shows them once a "
                "build has failed, and `none` shows nothing but warnings and errors."
            ),
        },
        "logFile": {
            **_STRING,
            "description": (
                "A file that the whole log of each build is added to, else `OPENCOMPUTER_LOG_FILE` of the environment. "
                "A relative path counts from the program's folder."
            ),
        },
    }


_MANIFEST_INPUT: Spec = {
    **_MANIFEST,
    "description": "What the image holds. A change of its content replaces the resource; a moved local file does not.",
}


def _image() -> Spec:
    return _resource(
        "An image, built once and cached by the server under its content hash. It has no name; a `Snapshot` gives it "
        "one. An image can't be deleted through the API: its resource leaves the state, the build stays cached.\n\n"
        + examples.IMAGE,
        inputs={"manifest": _MANIFEST_INPUT},
        given=outputs.IMAGE,
        required=("manifest",),
    )


def _snapshot() -> Spec:
    name = "The snapshot's name, which `Sandbox.create` takes. Without it, one is made of the resource and the content."
    adopt = "Whether a snapshot that has the name, but was not made by this resource, is replaced; `false` by default."
    return _resource(
        "A name that sandboxes start from, and the image behind it, which is built or taken from the server's cache. "
        "A replacement is built before the old snapshot is touched; a build that fails leaves it as it is.\n\n"
        + examples.SNAPSHOT,
        inputs={
            "manifest": _MANIFEST_INPUT,
            "name": {**_STRING, "description": name, "willReplaceOnChanges": True},
            "adopt": {"type": "boolean", "description": adopt},
            "keep": {"type": "integer", "description": _KEEP},
            "sourceSnapshot": {**_STRING, "description": _SOURCE},
            "sourceHash": {**_STRING, "description": _SOURCE_HASH},
        },
        given=outputs.SNAPSHOT,
    )


_KEEP = (
    "How many superseded versions stay when the content changes, from 1 to 100; only without `name`. A change of "
    "content is then an update: `name` and `versions` change, the resource's `id` stays, and is no name."
)
_SOURCE = (
    "In place of a manifest, the name of another snapshot, whose content this one gets, byte for byte. Another name is "
    "a change; other content under the same name is none, so name a version."
)
_SOURCE_HASH = "The content hash that the other snapshot must have; with it `contentHash` is known in a preview."
_VERSION: Spec = {"$ref": f"#/types/{PACKAGE}:index:SnapshotVersion"}


def _resource(description: str, *, inputs: Spec, given: Sequence[Output], required: Sequence[str] = ()) -> Spec:
    return {
        "description": description,
        "inputProperties": inputs,
        **({"requiredInputs": list(required)} if required else {}),
        "properties": {output.name: {**_type_of(output), "description": output.description} for output in given},
        "required": [output.name for output in given if output.present != "sometimes"],
    }


def _looked_up(given: Sequence[Output]) -> Spec:
    described = {output.name: output.of_lookup or output.description for output in given}
    return {
        "type": "object",
        "properties": {output.name: {**_type_of(output), "description": described[output.name]} for output in given},
        "required": [output.name for output in given if output.present == "always"],
    }


def _type_of(output: Output) -> Spec:
    if output.type == "versions":
        return {"type": "array", "items": _VERSION}
    return _MANIFEST if output.type == "manifest" else {"type": output.type}


def _functions() -> Spec:
    record = {"$ref": f"#/types/{PACKAGE}:index:SnapshotInfo"}
    snapshots = {"type": "array", "items": record, "description": "The snapshots."}
    return {
        "getSnapshot": _function(
            "Looks up one snapshot by its name; an error if there is none.\n\n" + examples.GET_SNAPSHOT,
            inputs={"name": {**_STRING, "description": "The snapshot's name."}},
            answer=_looked_up(outputs.SNAPSHOT_LOOKUP),
        ),
        "getSnapshots": _function(
            "All named snapshots, newest first. The public endpoint gives 200 at most.\n\n" + examples.GET_SNAPSHOTS,
            inputs={},
            answer={"type": "object", "properties": {"snapshots": snapshots}, "required": ["snapshots"]},
        ),
        "getImage": _function(
            "Looks up one built image by its content hash; an error if there is none.\n\n" + examples.GET_IMAGE,
            inputs={"contentHash": {**_STRING, "description": "The content hash, 64 hex digits."}},
            answer=_looked_up(outputs.IMAGE_LOOKUP),
        ),
        "hashManifest": _function(
            "The content hash of a manifest, with the bytes of its local files; asks the API for nothing.\n\n"
            + examples.HASH_MANIFEST,
            inputs={"manifest": {**_MANIFEST, "description": "The manifest."}},
            answer=_looked_up((outputs.CONTENT_HASH,)),
        ),
    }


def _function(description: str, *, inputs: Spec, answer: Spec) -> Spec:
    spec: Spec = {"description": description}
    if inputs:
        spec["inputs"] = {"type": "object", "properties": inputs, "required": list(inputs)}
    return spec | {"outputs": answer}


def _types() -> Iterator[tuple[str, Spec]]:
    """Yield each object type, with its name."""
    forms = ManifestModel.model_json_schema(by_alias=True)
    models = forms.pop("$defs")
    forms["properties"]["steps"]["items"] = {"$ref": "#/$defs/Step"}
    for shape in (File, Directory, DirectoryEntry):
        yield shape.__name__, _object_type(models[shape.__name__], shape)
    yield "Manifest", _object_type(forms, ManifestModel)
    yield "Step", _step_type(models)
    described = "A named snapshot, as the server has it."
    yield "SnapshotInfo", {"description": described, **_looked_up(outputs.SNAPSHOT_LOOKUP)}
    described = "A version of a snapshot with `keep`."
    yield "SnapshotVersion", {"description": described, **_looked_up(outputs.VERSION)}


def _object_type(form: Mapping[str, Any], kind: type) -> Spec:
    properties = {key: _property(each, each["description"]) for key, each in form["properties"].items()}
    spec: Spec = {"description": _prose(kind.__doc__ or ""), "type": "object", "properties": properties}
    return spec | ({"required": form["required"]} if "required" in form else {})


def _step_type(models: Mapping[str, Any]) -> Spec:
    """Return one type for all kinds of steps.

    Each kind is a property: the only field of the kind's model, described by the kind's docstring.
    """
    properties = {
        key: _property(models[kind.__name__]["properties"][key], kind.__doc__ or "") for key, kind in KINDS.items()
    }
    description = "One step. Exactly one of the properties must be set."
    return {"description": description, "type": "object", "properties": properties}


def _property(form: Mapping[str, Any], description: str) -> Spec:
    shown = "".join(f" For example `{json.dumps(example)}`." for example in form.get("examples", ()))
    return {**_type(form), "description": _prose(description) + shown}


def _type(form: Mapping[str, Any]) -> Spec:
    """Convert a type from JSON Schema to Pulumi's schema."""
    match form:
        case {"$ref": _}:
            name = _name(form)
            return {"$ref": f"#/types/{PACKAGE}:index:{name}"}
        case {"allOf": [only]}:  # how older versions of pydantic write a reference that has examples
            return _type(only)
        case {"anyOf": alternatives} | {"oneOf": alternatives}:
            present = [_type(each) for each in alternatives if each.get("type") != "null"]
            return present[0] if len(present) == 1 else {"oneOf": present}
        case {"type": "array", "items": items}:
            return {"type": "array", "items": _type(items)}
        case {"type": "object", "additionalProperties": values}:
            return {"type": "object", "additionalProperties": _type(values)}
        case {"type": kind}:
            return {"type": kind}
    raise ValueError(f"no type of a Pulumi schema for {form}")


def _name(form: Mapping[str, Any]) -> str:
    return str(form["$ref"]).rpartition("/")[2]


def _prose(docstring: str) -> str:
    """Return a docstring's text as Markdown, on one line."""
    return " ".join(docstring.replace("``", "`").split())


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
