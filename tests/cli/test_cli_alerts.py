"""`otpsup alerts`: what is firing, and whether messages arrive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otpsup import Alerts, Command, Mailbox, Restarts, Supervisor, Tree, Webhook
from otpsup.cli import main
from tests.support.servers import free_port
from tests.support.waiting import until


def test_alerts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What fires, what waits; a test of all channels, or of one; exit codes."""
    port = free_port()
    alerts = Alerts(
        channels={"box": Mailbox(), "ops": Webhook(f"http://127.0.0.1:{port}/")},
        rules=[Restarts(1, 60)],
        group_wait=0,
        outbox=tmp_path / "box",
    )

    def said(*words: str) -> tuple[int, str, str]:
        code = main(["alerts", *words, "--tree", "alerted"])
        return code, *capsys.readouterr()

    spec = Supervisor("alerted", children=[Command("api", ["sleep", "100"])])
    with Tree(spec, plugins=[alerts]) as tree:
        code, out, _ = said()
        assert code == 0
        assert out.splitlines()[:3] == ["nothing is firing", "", "box (mailbox): 0 in the outbox"]

        tree.signal("api", "KILL")
        until(lambda: "Connection refused" in said()[1])
        lines = said()[1].splitlines()
        assert lines[0].startswith("warning: api was restarted once within 60 s (")
        assert any(line.startswith("ops (webhook): 1 in the outbox") for line in lines)
        assert json.loads(said("--json")[1])["firing"][0]["path"] == "api"

        assert said("test", "--channel", "box") == (0, "box: delivered\n", "")
        code, out, err = said("test")
        assert (code, out) == (1, "box: delivered\nops: Connection refused\n")
        assert "1 of 2 channels failed" in err
        code, _, err = said("test", "-c", "bx")
        assert (code, "did you mean 'box'?" in err) == (1, True)
        assert said("-c", "box")[0] == 2


def test_a_tree_without_alerts(capsys: pytest.CaptureFixture[str]) -> None:
    """Is told how to have some."""
    with Tree(Supervisor("quiet", children=[])):
        assert main(["alerts", "--tree", "quiet"]) == 1
    assert "has no plug-in 'alerts'" in capsys.readouterr().err
