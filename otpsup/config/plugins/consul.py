"""`plugins: {consul: ...}`."""

from __future__ import annotations

from ...specs.consul import Consul, ConsulService
from ..forms import SECONDS, Several, Table, Text, Value
from ..notations import FilePath
from ..records import Key, Record

_SERVICE = Record(
    ConsulService,
    {
        "port": Key("port", Value("a port")),
        "address": Key("address", Text("an address")),
        "name": Key("name", Text("a name")),
        "tags": Key("tags", Several(Text("a tag"), "tags")),
        "interval": Key("interval", SECONDS),
        "deregister_after": Key("deregister_after", SECONDS),
        "id": Key("id", Text("an id")),
    },
    "a port, or a mapping with `port`",
    "port",
)

PARTS = {"`services: {...: ...}` of `consul`": _SERVICE}

RECORD = Record(
    Consul,
    {
        "services": Key("services", Table(_SERVICE, "services by the paths of children")),
        "address": Key("address", Text("an address")),
        "timeout": Key("timeout", SECONDS),
        "ca": Key("ca", FilePath()),
        "certificate": Key("certificate", FilePath()),
        "key": Key("key", FilePath()),
        "token_file": Key("token_file", FilePath()),
    },
    "a mapping with `services`",
)
