"""The API: a WSGI application as small as can be that is still of use.

GET /healthz?format_type=json|console   what `healthz` finds; 503 if anything is wrong
GET /readiness                          200 as soon as it serves
POST /export?pattern=TEXT               have the celery workers export lines; answers the task's id
GET /export?id=ID                       the state of that task
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import healthz
from celery import Celery

from otpsup.healthz import collecting, query, report_of, writers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

URL = "redis://{REDIS_HOST}:{REDIS_PORT}/0".format_map(os.environ)
REDIS = collecting.Collector("redis", healthz.RedisHealth(URL).collect, timeout=5)
CELERY = Celery(broker=URL, backend=URL)

Answer = tuple[str, str]
"""A status line, and the body."""


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request."""
    asked = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    status, body = _answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], asked)
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [body.encode()]


def _answer(method: str, path: str, asked: dict[str, str]) -> Answer:
    match method, path:
        case "GET", "/healthz":
            return _healthz(asked.get("format_type"))
        case "GET", "/readiness":
            return "200 OK", "ok\n"
        case "POST", "/export":
            task = CELERY.send_task("export", [asked.get("pattern", "")], queue="async_export")
            return "202 Accepted", task.id
        case "GET", "/export":
            return "200 OK", CELERY.AsyncResult(asked.get("id", "")).state
    return "404 Not Found", "there is no such page\n"


def _healthz(form: str | None) -> Answer:
    report = report_of(collecting.collect([REDIS]))
    status = "200 OK" if report.status else "503 Service Unavailable"
    return status, writers.written(report, query.form_of(form))
