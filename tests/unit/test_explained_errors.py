"""The message of a failed create: even if the server's response repeats the request, no secret is shown."""

from __future__ import annotations

import base64
import json

import pytest

from pulumi_opencomputer.api.error_mapping import http_error, stream_error
from pulumi_opencomputer.errors import OpenComputerError
from pulumi_opencomputer.lifecycle.build_job import Job
from pulumi_opencomputer.lifecycle.build_log import BuildLog
from pulumi_opencomputer.lifecycle.check import HashMemory, check
from pulumi_opencomputer.lifecycle.kinds import IMAGE
from pulumi_opencomputer.lifecycle.log import ResourceLog, no_log

CONTENT = "hunter2-first line\nhunter2-second <line>"
STEPS = [
    {"run": ["make"]},
    {"addFile": {"path": "/f", "content": CONTENT}},
    {"env": {"TOKEN": "hunter2-token"}},
]
SECRET = ["manifest.steps[1].addFile.content", "manifest.steps[2].env.TOKEN"]


@pytest.fixture
def job() -> Job:
    inputs = {"manifest": {"base": "base", "steps": STEPS}, "secretPaths": SECRET}
    checked = check(IMAGE, "urn", {}, inputs, HashMemory())
    return Job("urn", checked.inputs, BuildLog(ResourceLog(no_log)))


def sent() -> str:
    """The manifest as the request sends it."""
    content = {"path": "/f", "content": base64.b64encode(CONTENT.encode()).decode(), "encoding": "base64"}
    steps = [{"type": "add_file", "args": content}, {"type": "env", "args": {"vars": {"TOKEN": "hunter2-token"}}}]
    return json.dumps({"name": "fixed", "image": {"base": "base", "steps": steps}})


def refused(status: int, body: str) -> OpenComputerError:
    return http_error(status, {}, body.encode(), url="https://host", redact=str)


def failed(error: str) -> OpenComputerError:
    return stream_error(json.dumps({"error": error}).encode(), str)


ANSWERS = {
    "a 400 that echoes the body": lambda: refused(400, json.dumps({"error": f"invalid request body: {sent()}"})),
    "a 413 that is no JSON": lambda: refused(413, f"<p>{sent()}</p>"),
    "a failed step of another type": lambda: failed("image build failed: step 0 (hunter2-token) failed (exit 1): no"),
    "a failed step that prints it": lambda: failed("step 0 (run) failed (exit 1): HUNTER2-TOKEN, %68unter2-token"),
    "any other failure": lambda: failed(f"database: {sent()}"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_secret_in_a_response_is_shown(job: Job, answer: str) -> None:
    """Neither the value is shown, nor a file's base64, nor a secret that the response has as a step's type."""
    error: OpenComputerError = ANSWERS[answer]()
    job.explain(error)
    text = str(error)
    assert "unter2" not in text.lower()
    assert base64.b64encode(CONTENT.encode()).decode()[:12] not in text
    assert text
