"""Everything that the OpenAPI document allows, and much that it does not, against a real tree.

    python -m tests.web.fuzz_rest [EXAMPLES]

Prints schemathesis' summary; exits as it does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from otpsup import Alerts, Command, DynamicSupervisor, Mailbox, Supervisor, Tree, Web, Worker
from otpsup.web import sessions
from otpsup.web.tokens import add

OUT = ("shutdown", "follow_logs", "events", "wait")
"""The first ends what is tested; the others do not end, or may take ten minutes."""


def ours(folder: Path) -> Supervisor:
    """Something of each kind."""
    return Supervisor(
        "shop",
        intensity=1000,
        children=[
            Command("web", ["sleep", "1000"]),
            Supervisor("back", intensity=1000, children=[Command("db", ["cat"], stdin="pipe")]),
            DynamicSupervisor("pool", Worker("job", "time:sleep", args=[1000])),
        ],
    )


SETTINGS = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "5xx"]
"""
"""422 is for what is well-formed, and cannot be: a signal, or a file, that there is none of."""


def main(examples: int) -> int:
    """Run it."""
    sessions.FAILURES = 10**6  # type: ignore[misc]  # it tries wrong tokens, and must not wait
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "schemathesis.toml").write_text(SETTINGS)
        token = add(folder / "tokens", "admin", "fuzz")
        plugins = [
            Web(listen="127.0.0.1:0", token_file=folder / "tokens"),
            Alerts(channels={"box": Mailbox(folder / "mail")}, rules=[]),
        ]
        with Tree(ours(folder), plugins=plugins) as tree:
            url = tree.ask_plugin("web", "url")
            code = subprocess.run(_line(url, token, examples), cwd=folder, check=False).returncode
            print("the tree after it:", tree.status().state)
            return code


def _line(url: str, token: str, examples: int) -> list[str]:
    excluded = [word for id in OUT for word in ("--exclude-operation-id", id)]
    schemathesis = str(Path(sys.executable).with_name("schemathesis"))
    return [
        schemathesis, "run", f"{url}openapi.json", "-H", f"Authorization: Bearer {token}",
        "--max-examples", str(examples), "--request-timeout", "30", "--seed", "1", *excluded,
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
