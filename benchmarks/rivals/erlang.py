"""Erlang/OTP: a one_for_one supervisor of gen_servers with a port each (native/ports.erl)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .. import places
from .rival import Launch, Program, Rival

_ERL = ("erl", "-noshell", "-noinput", "-kernel", "logger_level", "none")
_RELEASE = "io:put_chars(erlang:system_info(otp_release)), halt()."


def _prepare(programs: Sequence[Program], folder: Path) -> Launch:
    terms = [f"{{{program.name}, {json.dumps(list(program.argv))}}}.\n" for program in programs]
    (folder / "programs.terms").write_text("".join(terms))
    place = places.compiled_erlang("ports")
    run = ["-run", "ports", "main", "programs.terms"]
    return Launch(
        ["erl", "-noshell", "-noinput", "-kernel", "logger_level", "none", "-pa", place, *run]
    )


ERLANG = Rival(
    "Erlang/OTP", _prepare, needs="erlc",
    version=(*_ERL, "-eval", _RELEASE),
)  # fmt: skip
