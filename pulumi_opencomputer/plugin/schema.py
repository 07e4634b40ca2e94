"""The plugin's package schema, generated from the models. ``python -m pulumi_opencomputer.plugin.schema`` writes it.

Some of its choices are not obvious:

- A step is one object type with an optional property for each kind, not a union of seven types. A union without a
  discriminator becomes ``interface{}`` in Go and an untyped mapping in Python, and YAML's checker reports a misspelt
  key once for each of the seven types. With optional properties every language has completion and errors that name
  the property. The provider checks that exactly one is set, and reports the step's path. Only `files` of a directory
  is a union (of a number and a list), because an image's output ``manifest`` must be valid as a snapshot's input.
- Inputs and outputs share their types, so that ``image.manifest`` is accepted wherever a manifest is. For the same
  reason no type is an enum: YAML's checker does not accept an enum's output where that enum is expected.
- No property is marked ``replaceOnChanges``. The engine would then replace a snapshot even if the provider finds that
  nothing changed, for example when a local directory was moved. ``willReplaceOnChanges``, which marks the name, is
  documentation only.
- No setting has a default from the environment. The plugin reads the environment itself. Generated SDKs would copy the
  API key into the inputs of an explicit provider and so into the state, and a new key would be a change.
- The version is left out. The plugin inserts that of the installed package.
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

#: The file with the generated schema.
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
                "The provider's settings. Those of an explicit provider take precedence over the stack's configuration "
                "(`opencomputer:apiKey`), and that over the environment.\n\n" + examples.PROVIDER
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
This SDK is generated from the plugin's schema. The package `pulumi-opencomputer` has the same resources and a builder
for manifests, without generated code: `from pulumi_opencomputer.native import Image, Manifest, Snapshot`.

A program that `pulumi import` prints also runs with that package if you change its import to
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
        # This package already has the name pulumi_opencomputer.
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
                "The API key; by default, that of the environment variable `OPENCOMPUTER_API_KEY`. It is only sent "
                "over TLS, or to this machine."
            ),
            "secret": True,
        },
        "apiUrl": {
            **_STRING,
            "description": (
                "The API's address, with or without `/api`; by default, that of the environment variable "
                "`OPENCOMPUTER_API_URL`, or else `https://app.opencomputer.dev`."
            ),
        },
        "sdkVersion": {
            **_STRING,
            "description": (
                "The version of the OpenComputer SDK that starts your sandboxes; by default, that of the environment "
                "variable `OPENCOMPUTER_SDK_VERSION`, or else `1.1.0`. The service runs SDK 1.x and older SDKs on "
                "different backends, and a snapshot only works on the one that it was built for."
            ),
        },
        "allowHttp": {
            "type": "boolean",
            "description": "Allows the key to be sent unencrypted, to your own server in a network that you trust.",
        },
        "logs": {
            **_STRING,
            "description": (
                "Which lines of a build are shown. `steps`, the default, shows each step and some of the server's own "
                "lines; `full` shows all of them, `failures` shows them once a build has failed, and `none` shows only "
                "warnings and errors. The environment variable `OPENCOMPUTER_LOGS` sets another default."
            ),
        },
        "logFile": {
            **_STRING,
            "description": (
                "A file to which the whole log of each build is appended; by default, that of the environment variable "
                "`OPENCOMPUTER_LOG_FILE`. A relative path starts at the program's folder."
            ),
        },
    }


_MANIFEST_INPUT: Spec = {
    **_MANIFEST,
    "description": (
        "What the image is made of. A change of its content replaces the resource; moving a local file does not."
    ),
}


def _image() -> Spec:
    return _resource(
        "An image, built once and cached by the server under its content hash. It has no name; a `Snapshot` gives it "
        "one. The API can't delete images: if you delete this resource, it leaves the state and the build stays "
        "cached.\n\n" + examples.IMAGE,
        inputs={"manifest": _MANIFEST_INPUT},
        given=outputs.IMAGE,
        required=("manifest",),
    )


def _snapshot() -> Spec:
    name = "The name that `Sandbox.create` takes. By default, it is derived from the resource's name and the content."
    adopt = "Whether to replace a snapshot with this name that this resource did not create; `false` by default."
    return _resource(
        "A name that sandboxes start from, and its image, which is built or taken from the server's cache. A "
        "replacement is built before the old snapshot is touched, so a failing build leaves the old one as it is.\n\n"
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
    "How many superseded versions to keep when the content changes, from 1 to 100. It excludes `name`. With it, a "
    "change of content is an update: `name` and `versions` change, and the resource's `id` stays. The `id` is then "
    "not a name that sandboxes start from."
)
_SOURCE = (
    "Instead of a manifest, the name of another snapshot whose content this one gets, byte for byte. A different name "
    "is a change. Different content under the same name is not noticed, so give the name of a version."
)
_SOURCE_HASH = "The content hash that the other snapshot must have. With it a preview can show `contentHash`."
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
            "Looks up a snapshot by its name. It is an error if there is none.\n\n" + examples.GET_SNAPSHOT,
            inputs={"name": {**_STRING, "description": "The snapshot's name."}},
            answer=_looked_up(outputs.SNAPSHOT_LOOKUP),
        ),
        "getSnapshots": _function(
            "Returns all named snapshots, newest first. The public endpoint returns at most 200.\n\n"
            + examples.GET_SNAPSHOTS,
            inputs={},
            answer={"type": "object", "properties": {"snapshots": snapshots}, "required": ["snapshots"]},
        ),
        "getImage": _function(
            "Looks up a built image by its content hash. It is an error if there is none.\n\n" + examples.GET_IMAGE,
            inputs={"contentHash": {**_STRING, "description": "The content hash, 64 hex digits."}},
            answer=_looked_up(outputs.IMAGE_LOOKUP),
        ),
        "hashManifest": _function(
            "Returns the content hash of a manifest, including the bytes of its local files, without calling the API."
            "\n\n" + examples.HASH_MANIFEST,
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
    described = "A named snapshot of the server."
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
        case {"allOf": [only]}:  # Older versions of pydantic write a reference with examples like this.
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
