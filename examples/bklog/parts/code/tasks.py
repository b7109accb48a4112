"""The celery application: one small, real task for each kind of worker in supervisord.conf."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections import Counter
from pathlib import Path
from urllib.request import urlopen

from celery import Celery

URL = "redis://{REDIS_HOST}:{REDIS_PORT}/0".format_map(os.environ)
LOGS = Path(__file__).resolve().parents[1] / "logs" / "bklog"
EXPORTS = Path(__file__).resolve().parent / "exports"

app = Celery("bklog", broker=URL, backend=URL)
app.conf.update(
    task_default_queue="default",
    task_routes={
        "export": {"queue": "async_export"},
        "clean": {"queue": "pipeline"},
        "check": {"queue": "service_schedule"},
        "digest": {"queue": "pipeline_additional_task"},
        "count": {"queue": "tgpa_task"},
    },
    # A task is done with when it is done, not when it is begun: one whose worker was killed is
    # begun again, after `visibility_timeout` seconds.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    broker_transport_options={"visibility_timeout": 60},
    broker_connection_retry_on_startup=True,
)


@app.task(name="add")
def add(x: int, y: int) -> int:
    """The sum; what one asks to see whether anybody works."""
    return x + y


@app.task(name="export", bind=True)
def export(self: object, pattern: str) -> int:
    """Write all lines of celery.log with `pattern` in them to exports/ID.gz; how many they were."""
    EXPORTS.mkdir(exist_ok=True)
    lines = [line for line in _celery_log() if pattern in line]
    target = EXPORTS / f"{self.request.id}.gz"  # type: ignore[attr-defined]
    target.write_bytes(gzip.compress("".join(lines).encode()))
    return len(lines)


def _celery_log() -> list[str]:
    path = LOGS / "celery.log"
    return path.read_text(errors="replace").splitlines(keepends=True) if path.exists() else []


@app.task(name="clean")
def clean(line: str) -> dict[str, str]:
    """The fields of a line such as `level=INFO took=3ms`."""
    return dict(re.findall(r"(\w+)=(\S+)", line))


@app.task(name="check")
def check(url: str) -> int:
    """What status a page answers with."""
    with urlopen(url, timeout=5) as answer:
        return int(answer.status)


@app.task(name="digest")
def digest(text: str) -> str:
    """The SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


@app.task(name="count")
def count(text: str) -> dict[str, int]:
    """How often each word is there."""
    return dict(Counter(text.split()))
