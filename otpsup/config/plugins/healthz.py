"""`plugins: {healthz: ...}`."""

from __future__ import annotations

from ...specs.healthz import Healthz, HealthzCollector
from ..forms import BYTES, SECONDS, Anything, Several, Table, Text, Value
from ..notations import FilePath
from ..records import Key, Record

_COLLECTOR = Record(
    HealthzCollector,
    {
        "use": Key("use", Text("`module:name`, or the name of an entry point")),
        "timeout": Key("timeout", SECONDS),
        "kwargs": Key("kwargs", Table(Anything(), "arguments by name", keeps_nothing=True)),
    },
    "`module:name`, or a mapping with `use`",
    "use",
)

RECORD = Record(
    Healthz,
    {
        "collectors": Key("collectors", Table(_COLLECTOR, "collectors by name")),
        "include": Key("include", Several(Text("a collector's name"), "names of collectors")),
        "exclude": Key("exclude", Several(Text("a collector's name"), "names of collectors")),
        "disk_free": Key("disk_free", Value("a part such as 0.05")),
        "disk_bytes": Key("disk_bytes", BYTES),
        "folders": Key("folders", Several(FilePath(), "paths")),
    },
    "a mapping, as in `{collectors: {redis: 'shop.health:Redis'}}`",
)

PARTS = {"`collectors: {...: ...}` of `healthz`": _COLLECTOR}
