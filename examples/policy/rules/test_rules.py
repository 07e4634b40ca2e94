"""The rules, on manifests as a policy sees them: no engine, no account."""

import pytest
from rules import allowed_base, no_credentials, pinned_packages


def test_a_base_off_the_list_is_refused():
    assert list(allowed_base({"base": "someone/else"})) == ["the base is 'someone/else'; choose one of base"]
    assert list(allowed_base({"base": "base"})) == []


@pytest.mark.parametrize("package", ["pandas", "pandas>=2", "requests[socks]"])
def test_a_package_without_one_version_is_refused(package):
    manifest = {"steps": [{"aptInstall": ["jq"]}, {"pipInstall": ["ruff==0.8.4", package]}]}
    (violation,) = pinned_packages(manifest)
    assert violation.startswith(f"step 2: pin {package!r}")


def test_a_credential_is_refused_unless_it_is_marked_as_a_secret():
    manifest = {"steps": [{"env": {"INDEX_TOKEN": "t", "HOME": "/root"}}]}
    assert len(list(no_credentials(manifest))) == 1
    assert list(no_credentials(manifest, "manifest.steps[0].env.INDEX_TOKEN")) == []


def test_a_private_key_is_refused():
    manifest = {"steps": [{"addFile": {"path": "/k", "content": "-----BEGIN OPENSSH PRIVATE KEY-----\n…"}}]}
    assert list(no_credentials(manifest)) == ["step 1: the file holds a private key"]
