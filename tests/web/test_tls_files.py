"""Certificates and keys that cannot be used: which file it is, what it lacks, and what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from otpsup.serving.server import Site
from otpsup.serving.sockets import Address, CannotServe

NO_KEY = "has no key in it: no line is BEGIN PRIVATE KEY"
NAME_IT = "name that, with `--key FILE` or as `key`"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two certificates with their keys, one key with a password, and files that are neither."""
    found = tmp_path_factory.mktemp("pem")
    for name in ("a", "b"):
        command = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", "/CN=localhost",
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, cwd=found)
    locked = ["openssl", "pkcs8", "-topk8", "-in", "a.key", "-out", "locked.key", "-passout",
              "pass:hunter2"]  # fmt: skip
    subprocess.run(locked, check=True, capture_output=True, cwd=found)
    (found / "none").write_bytes(b"\xff nothing")
    return found


def refused(folder: Path, names: Mapping[str, str]) -> str:
    """What is said of these files, by their names alone."""
    site = Site(Address(label="web"), lambda _: None, **{  # type: ignore[arg-type,return-value]
        kind: folder / name for kind, name in names.items()
    })  # fmt: skip
    with pytest.raises(CannotServe) as caught:
        site.tls()
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("certificate", "key", "says"),
    [
        ("nope.pem", None, "cannot read nope.pem: No such file or directory"),
        ("a.pem", "nope.key", "cannot read nope.key: No such file or directory"),
        ("a.pem", None, f"a.pem {NO_KEY}; if another file has it, {NAME_IT}"),
        ("a.pem", "b.pem", f"b.pem {NO_KEY}"),
        ("none", None, "none is no certificate in PEM: no line in it is BEGIN CERTIFICATE"),
        ("a.key", None, "a.key is no certificate in PEM: no line in it is BEGIN CERTIFICATE"),
        ("a.pem", "b.key", "the key in b.key is of another certificate than a.pem"),
        ("a.pem", "locked.key",
         "the key in locked.key takes a password: name a file with the key as it is"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_files(
    certificate: str, key: str | None, says: str, folder: Path
) -> None:
    """The file is named, and what it lacks."""
    names = {"certificate": certificate, **({"key": key} if key else {})}
    said = refused(folder, names)
    assert said.startswith("web does not serve: ")
    assert said.endswith(says)
