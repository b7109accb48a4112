"""The API: a WSGI application as small as can be that is still of use.

GET /healthz?format=json|console|k8s   what `healthz` finds; 503 if anything is wrong
GET /readiness                         200 as soon as it serves
POST /export?pattern=TEXT              have the celery workers export lines; answers the task's id
GET /export?id=ID                      the state of that task
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import healthz
from celery import Celery
from redis import Redis

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

URL = "redis://{REDIS_HOST}:{REDIS_PORT}/0".format_map(os.environ)
REDIS = Redis.from_url(URL, socket_timeout=2, socket_connect_timeout=2)
CELERY = Celery(broker=URL, backend=URL)

Answer = tuple[str, str]
"""A status line, and the body."""


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request."""
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    status, body = _answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], query)
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [body.encode()]


def _answer(method: str, path: str, query: dict[str, str]) -> Answer:
    match method, path:
        case "GET", "/healthz":
            return _healthz(query.get("format", "json"))
        case "GET", "/readiness":
            return "200 OK", "ok\n"
        case "POST", "/export":
            task = CELERY.send_task("export", [query.get("pattern", "")], queue="async_export")
            return "202 Accepted", task.id
        case "GET", "/export":
            return "200 OK", CELERY.AsyncResult(query.get("id", "")).state
    return "404 Not Found", "there is no such page\n"


def _healthz(format: str) -> Answer:
    report = healthz.report(REDIS)
    write = {"console": healthz.console, "k8s": healthz.k8s}.get(format, json.dumps)
    return "200 OK" if report["status"] else "503 Service Unavailable", write(report)
