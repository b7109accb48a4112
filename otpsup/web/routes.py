"""The table of routes: what is asked, who may, what it takes and what comes back. Requests are
checked against it, and the OpenAPI document and docs/reference/rest.md are made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from attrs import field, frozen

from . import acts, several, shapes, waits
from .access import Role
from .acts import Asked
from .forms import PLAIN, SVG
from .shapes import Shape, body, count, many, ref

JSON: Final = "application/json"
SSE: Final = "text/event-stream"

Kind = Literal["call", "events", "lines", "wait", "session", "login", "logout", "openapi"]


@frozen
class Route:
    """One of them.

    Attributes:
        method: of HTTP.
        path: `{path}` is a child's.
        id: its operationId.
        role: who may; None for anybody.
        summary: what it does, in one sentence.
        call: does it, in a thread; None for what the server does itself.
        kind: what the server does.
        query: the shapes of its parameters; a list with `minItems` has to be there.
        body: the shape of the request's body; None if it takes none.
        answer: the shape of the answer's; None for none.
        status: of the answer.
        type: of the answer; `or_type` is another that it may have.
        errors: statuses that only some routes have.
        is_heavy: takes long among a thousand children, and a processor all that time.
        is_urgent: is not to wait for what others have asked for.
    """

    method: str
    path: str
    id: str
    role: Role | None
    summary: str
    call: Callable[[Asked], Any] | None = None
    kind: Kind = "call"
    query: Mapping[str, Shape] = field(factory=dict)
    body: Shape | None = None
    answer: Shape | None = None
    status: int = 200
    type: str = JSON
    or_type: str | None = None
    errors: tuple[int, ...] = ()
    is_heavy: bool = False
    is_urgent: bool = False

    @property
    def is_change(self) -> bool:
        """Whether it changes something, and a repeat may hurt."""
        return self.method == "POST" and self.kind == "call"


V1: Final = "/api/v1"
_STATUS, _CHANGES = ref("ChildStatus"), many(ref("Change"))
_PATHS: Final = shapes.paths(16)
_LINES: Final[Mapping[str, Shape]] = {
    "path": _PATHS,
    "lines": {**count(100_000), "default": 100},
    "stream": shapes.STREAM,
}


def _get(path: str, id: str, summary: str, call: Any, answer: Shape | None, **more: Any) -> Route:
    return Route("GET", V1 + path, id, "view", summary, call, answer=answer, **more)


def _post(
    path: str, id: str, role: Role, summary: str, call: Any, body: Shape = shapes.NO_FIELDS,
    answer: Shape | None = None, **more: Any,
) -> Route:  # fmt: skip
    status = more.pop("status", 200 if answer else 204)
    return Route(
        "POST", V1 + path, id, role, summary, call, body=body, answer=answer, status=status, **more
    )


def _child(action: str, role: Role, summary: str, call: Any, **more: Any) -> Route:
    errors = more.pop("errors", (404, 409))
    path = f"/children/{{path}}:{action}"
    return _post(path, f"{action}_child", role, summary, call, errors=errors, **more)


def _some(action: str, role: Role, summary: str, call: Any, *needed: str, **fields: Shape) -> Route:
    """For several children: `paths` are as on the command line."""
    given = body(needed, paths=shapes.paths(32), **fields)
    answer, errors = many(ref("Done")), (404, 409)
    return _post(f"/{action}", f"{action}_some", role, summary, call, given, answer, errors=errors)


ROUTES: Final[tuple[Route, ...]] = (
    # Looking.
    _get("/about", "about", "The tree as a whole.", acts.about, ref("About")),
    _get("/tree", "tree", "All children, nested.", acts.tree, _STATUS),
    _get("/status", "status", "Some of them, each with those below it; `path` may be a pattern, or "
         "the name that copies share.", acts.status, many(_STATUS), query={"path": _PATHS},
         errors=(404,)),
    _get("/children/{path}", "child", "All that is known of a child, and how it was declared.",
         acts.info, ref("Info"), errors=(404,)),
    _get("/children/", "root", "The same of the root.", acts.info, ref("Info")),
    _get("/why/{path}", "why", "Why a child is as it is, and what led to that.", acts.why,
         ref("Why"), errors=(404,)),
    _get("/why/", "why_root", "The same of the root.", acts.why, ref("Why")),
    _get("/statistics", "statistics", "What was counted and measured.", acts.statistics,
         ref("Statistics"), query={"samples": count(240)}, is_heavy=True),
    _get("/events", "events", "All events from now on, or after one.", None, shapes.TEXT,
         kind="events", type=SSE,
         query={"after": {"type": "string", "maxLength": 40}, "recent": count(2000)}),
    _get("/recent-events", "recent_events", "The last events, the oldest first.",
         acts.recent_events, many(ref("Event"))),
    _get("/logs", "logs", "The last lines of each child, `lines` of them.", acts.logs,
         many(ref("LogLine")), query=_LINES, errors=(404,)),
    _get("/logs/follow", "follow_logs", "The same, and all lines that come after them.", None,
         shapes.TEXT, kind="lines", type=SSE, query=_LINES, errors=(404,)),
    _get("/plan", "plan", "What an update would do, and why; with `file`, for `admin` alone.",
         acts.plan, _CHANGES, query={"file": shapes.FILE}, errors=(409,)),
    _get("/graph.svg", "picture", "A picture of the tree.", acts.picture, shapes.TEXT, type=SVG,
         is_heavy=True),
    _get("/graph", "graph", "The same as text, as Mermaid, for graphviz, or as SVG.", acts.graph,
         shapes.TEXT, type=PLAIN, or_type=SVG, query={"format": {**shapes.FORM, "default": "text"}},
         is_heavy=True),
    _get("/simulate", "simulate", "What would stop, start and escalate if children were killed, "
         "and why; nothing is touched.", acts.simulate, ref("Simulation"), errors=(404,),
         query={"kill": {**shapes.paths(8), "minItems": 1}, "times": {**count(50, 1), "default": 1},
                "broken": shapes.paths(8)}, is_heavy=True),
    _get("/wait", "wait", "Wait until children are there, or, with `ready`, can serve; for so many "
         "seconds.", None, many(_STATUS), kind="wait", errors=(504,),
         query={"path": _PATHS, "ready": {"type": "boolean", "default": False},
                "timeout": {**count(waits.LONGEST), "default": 30}}),
    _get("/schema", "schema", "The JSON Schema of tree files.", acts.schema, {"type": "object"}),
    _get("/alerts", "alerts", "What is firing, and what waits to be told.", acts.alerts,
         ref("Alerts"), errors=(404,)),
    # Steering.
    _child("start", "operate", "Start a child that is down; returns when it is ready.",
           acts.start, answer=_STATUS),
    _child("stop", "operate", "Stop a child; it stays down.", acts.stop, is_urgent=True),
    _child("restart", "operate", "Stop and start a child; returns when it is ready.",
           acts.restart, answer=_STATUS),
    _child("roll", "operate", "Restart copies, or the children of a supervisor, so that one at "
           "most is away; ends at the first that does not become ready.", acts.roll,
           answer=many(_STATUS)),
    _child("signal", "operate", "Send a signal to a child's process.", acts.signal,
           body=body(("signal",), signal=shapes.SIGNAL)),
    _child("stacks", "operate", "Tell where a Python worker is: the stacks of its threads and "
           "asyncio tasks.", acts.stacks, answer=ref("Stacks")),
    _child("monitor", "operate", "Restart a child again when it ends.", acts.monitor),
    _child("unmonitor", "operate", "Leave a child alone when it ends.", acts.unmonitor),
    _child("scale", "operate", "Run so many copies of a program.", acts.scale,
           body=body(("count",), count=count(10_000)), answer=_CHANGES),
    _child("stdin", "admin", "Write to a child's standard input.", acts.stdin,
           body=body(("text",), text=shapes.TEXT)),
    _post("/reopen-logs", "reopen_logs", "operate", "Open all log files anew.", acts.reopen_logs),
    _post("/alerts/test", "test_alerts", "operate", "Send a message through channels of alerts.",
          acts.test_alerts, body(channel=shapes.PATH), ref("Delivered"), errors=(404,)),
    _some("start", "operate", "Start several, or all of the root's children that are down.",
          several.start),
    _some("stop", "operate", "Stop several, the last one first.", several.stop, "paths"),
    _some("restart", "operate", "Stop and start several, or all of the root's children that are "
          "not down, in order.", several.restart),
    _some("signal", "operate", "Send a signal to the processes of several.", several.signal,
          "paths", "signal", signal=shapes.SIGNAL),
    # Changing what there is.
    _some("remove", "admin", "Stop and forget several, the last one first.", several.remove,
          "paths"),
    _child("remove", "admin", "Stop a child and forget it.", acts.remove),
    _child("delete", "admin", "Forget a child that is down.", acts.delete),
    _post("/children", "add_children", "admin",
          "Start the children that a file, or a text of that form, describes.", acts.add,
          body(text=shapes.TEXT, file=shapes.FILE, parent=shapes.PATH), many(_STATUS), status=201,
          errors=(404, 409)),
    _post("/update", "update", "admin", "Become what the tree file says now.", acts.update,
          body(file=shapes.FILE_OR_NOT), _CHANGES, errors=(409,)),
    _post("/shutdown", "shutdown", "admin", "Begin to stop the whole tree.", acts.shutdown,
          body(hurry={"type": "boolean"}), status=202, is_urgent=True),
    # Who asks.
    Route("GET", V1 + "/session", "session", None,
          "Who asks, by what he was let in, and what a session has to send.", kind="session",
          answer=ref("Session")),
    Route("POST", "/login", "login", None, "Begin a session with a token.", kind="login",
          body=body(("token",), token={"type": "string", "maxLength": 1024}), status=204),
    Route("POST", "/logout", "logout", None, "End the session.", kind="logout",
          body=shapes.NO_FIELDS, status=204),
    Route("GET", "/openapi.json", "openapi", "view", "This document.", kind="openapi",
          answer={"type": "object"}),
)  # fmt: skip
