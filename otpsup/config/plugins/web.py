"""`plugins: {web: ...}`."""

from __future__ import annotations

from ...specs.web import Web
from ..forms import Several, Text
from ..notations import FilePath
from ..records import Key, Record

RECORD = Record(
    Web,
    {
        "listen": Key("listen", Text("an address")),
        "token_file": Key("token_file", FilePath()),
        "hosts": Key("hosts", Several(Text("a name"), "names")),
        "certificate": Key("certificate", FilePath()),
        "key": Key("key", FilePath()),
    },
    "a mapping, as in `{listen: '127.0.0.1:9300'}`",
)
