"""gunicorn's settings: where to listen, and who is told that the API is there.

With CONSUL_ADDRESS (host:port of an agent) the API is registered when it is ready, and taken out
when it ends. As in BK-LOG, an agent that cannot be reached is an exception in `when_ready`, which
ends gunicorn with status 1.
"""

import json
import os
from typing import Any
from urllib.request import Request, urlopen

HOST, PORT = os.environ["LAN_IP"], int(os.environ["BKLOG_API_PORT"])
CONSUL = os.environ.get("CONSUL_ADDRESS", "")
SERVICE = "bklog-api"

bind = f"{HOST}:{PORT}"
workers = 2
# Whoever supervises reads the log; gunicorn's own control socket would lie in a home folder.
accesslog = "-"
control_socket_disable = True


def when_ready(_server: object) -> None:
    """Register with the agent, with a TCP check every 10 s.

    Raises:
        URLError: there is no agent.
    """
    check = {"TCP": f"{HOST}:{PORT}", "Interval": "10s"}
    _put(
        "register", {"Name": SERVICE, "ID": SERVICE, "Address": HOST, "Port": PORT, "Check": check}
    )


def on_exit(_server: object) -> None:
    """Take the registration back."""
    _put(f"deregister/{SERVICE}")


def _put(action: str, body: dict[str, Any] | None = None) -> None:
    if CONSUL:
        url = f"http://{CONSUL}/v1/agent/service/{action}"
        urlopen(Request(url, json.dumps(body).encode(), method="PUT"), timeout=2).close()
