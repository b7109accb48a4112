"""Writes docs/reference/tree-file.md from the vocabulary of tree files and the specs' docstrings.

    python docs/tree_file_reference.py           write the page
    python docs/tree_file_reference.py --check   say whether it is what it would write now

Decides the page's layout; which keys there are, and what each means, is told by
`otpsup.config.vocabulary` and the specs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from otpsup.config.kinds import INHERITED, LOG_FILE, READINESS, SOCKET
from otpsup.config.plugins import PARTS, RECORDS
from otpsup.config.records import Key, Keys, Record, default_of, fields_of
from otpsup.config.vocabulary import BACKOFF, CHILD, KINDS, NAME, PROCESS, SUPERVISOR
from otpsup.config.words import words_of
from otpsup.specs import Backoff
from otpsup.specs.check import schema_of

PAGE = Path(__file__).parent / "reference" / "tree-file.md"

HEAD = """\
# Tree files

<!-- Made by docs/tree_file_reference.py from the vocabulary; run it when that changes. -->

A file is YAML, or JSON if its name ends in `.json`, and is one supervisor. `otpsup.load(path)` makes
its spec, `otpsup check` says what is wrong with it, `otpsup schema` prints its JSON Schema. How to
write one: [tree files](../how-to/tree-files.md).

## At the top

| key | meaning |
|---|---|
| `name` | of the tree |
| `strategy`, `parallel`, `intensity`, `period`, `auto_shutdown`, `shutdown` | as for a supervisor, below |
| `children` | a list of children with `name`, or a mapping from names to children |
| `template`, `max_children` | in place of `children`: the tree is a dynamic supervisor |
| `include` | a path or several, with `*`: files whose `children`, `bases`, `variables` and `env_files` are taken in; their children come first |
| `defaults` | what all children below have if they say nothing else, in included files too |
| `bases` | named, partial children, for `extends` |
| `variables` | values for `${NAME}` |
| `env_files` | a path or several: files of `NAME=value` lines with values for `${NAME}` |
| `plugins` | what watches the tree or answers for it, by name: [below](#plugins) |
| `x-...`, `$schema` | ignored |

An included file has `include`, `children`, `defaults`, `bases`, `variables` and `env_files` only. If
two files have a base or a variable of one name, the file that includes wins over what it includes,
and an earlier include over a later one.

## Every child

One of these keys says what it is: `command`, `worker`, `children` (a supervisor), or `template` (a
dynamic supervisor: one child, of which any number runs).

| key | written as | default | meaning |
|---|---|---|---|
| `copies` | a count | | makes `name-1`, `name-2`, ...; `${copy}` in its texts is the number, `${copy+8000}` a sum; siblings that are `after` the name are after all of them |
| `extends` | a name, or several | | the bases that it inherits from; a later one wins |
"""

PLUGINS = """\
## Plugins

Under `plugins` each key names one, and has its settings, or nothing. `use` says whose they are: `pkg.module:Class`, or the
name of an entry point in the group `otpsup.plugins`; the other keys are then arguments of that class. Without `use` the
key itself is the name, of one of the plug-ins below or of an entry point. What they are: [plug-ins](plugins.md).
"""

TAIL = """\
## Notations

| what | written |
|---|---|
| a duration | seconds, or a text of numbers with `ms`, `s`, `m`, `h`, `d`, `w`: `500ms`, `1m 30s`, `7d` |
| a size | bytes, or a text with `k`, `M`, `G`, `T` (1000) or `Ki`, `Mi`, `Gi`, `Ti` (1024), and a `B` or none: `10MB`, `1GiB` |
| a mask | octal: `022`, `"022"`, `0o22` |
| a text | anything; a number or boolean is the text that stands there: `1.10`, `true`, `022` |
| a path | relative to the file in which it stands; `command` is not touched |
| nothing | null takes an inherited value away; for `stdout` and `stderr` it is the word `null`, nowhere |

Texts without quotation marks follow YAML 1.2: only `true` and `false` are booleans, `1e5` is a number,
and a number with a leading zero is a text.

## `${...}`

| in a text | becomes |
|---|---|
| `${NAME}` | its value; a mistake if it is not set |
| `${NAME:-default}` | `default` if it is not set or empty |
| `${NAME:?message}` | a mistake with this message if it is not set or empty |
| `${copy}`, `${copy+N}`, `${copy-N}` | in what has `copies`: the number of the copy, from 1 |
| `$$` | a dollar; `$NAME` without braces is left as it is |

The environment wins over `env_files`, and these over `variables`. Keys are not touched. A text without
quotation marks is read again when its variables are there, so that `nice: ${NICE:-5}` is a number;
where a number is wanted, quotation marks do no harm. `command: a ${B}` is split after that.

## What is inherited

`defaults` < bases < the child itself. `environment`, `secrets`, `rlimits` and `kwargs` are merged name
by name; all else replaces what is inherited. Defaults for keys that a kind of child does not have are
passed over for that kind; `shutdown` is a default for processes only. `name`, `after`, `significant`,
`copies`, `extends` and what says of which kind a child is are no defaults. A nested supervisor may
have `defaults` of its own for its children.
"""


def page() -> str:
    """The page."""
    command, worker, supervisor, dynamic = KINDS.values()
    parts = [
        HEAD + "\n".join(_rows(command.cls, CHILD)),
        _section("A command or worker", command.cls, _without(PROCESS, CHILD)),
        _section("A command", command.cls, _without(command.keys, [*NAME, *PROCESS])),
        _section("A worker", worker.cls, _without(worker.keys, [*NAME, *PROCESS])),
        _section("A supervisor", supervisor.cls, _without(SUPERVISOR, [*NAME, *CHILD])),
        _section("A dynamic supervisor", dynamic.cls, _without(dynamic.keys, SUPERVISOR)),
        *(_record(f"`ready: {{{kind}: ...}}`", record) for kind, record in READINESS.items()),
        _record("`stdout: {file: ...}`", LOG_FILE),
        _record("`stdout: {inherit: ...}`", INHERITED),
        _record("`stdin: {socket: ...}`", SOCKET),
        _section("`backoff`", Backoff, BACKOFF.keys),
        PLUGINS,
        *(_record(f"`plugins: {{{name}: ...}}`", record) for name, record in RECORDS.items()),
        *(_record(title, record) for title, record in PARTS.items()),
        TAIL,
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _without(keys: Keys, names: Iterable[str]) -> dict[str, Key]:
    unwanted = set(names)
    return {name: key for name, key in keys.items() if name not in unwanted}


def _section(title: str, cls: Any, keys: Keys) -> str:
    head = ["| key | written as | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {title}", "", *head, *_rows(cls, keys)])


def _record(title: str, record: Record) -> str:
    note = [f"`{record.main}` alone may stand for the whole.", ""] if record.main else []
    if any(words_of(record.cls, key.attribute) for key in record.keys.values()):
        return _section(title, record.cls, record.keys)
    head = ["| key | written as | default |", "|---|---|---|"]
    rows = [
        f"| `{key}` | {_form(record.cls, what)} | {_default(record.cls, what)} |"
        for key, what in record.keys.items()
    ]
    return "\n".join([f"## {title}", "", *note, *head, *rows])


def _rows(cls: Any, keys: Keys) -> list[str]:
    return [
        f"| `{key}` | {_form(cls, what)} | {_default(cls, what)} | "
        f"{words_of(cls, what.attribute)} |"
        for key, what in keys.items()
    ]


def _form(cls: Any, what: Key) -> str:
    """How it is written: the words, where there are just so many."""
    words = schema_of(fields_of(cls)[what.attribute]).get("enum")
    return ", ".join(f"`{word}`" for word in words) if words else what.form.words


def _default(cls: Any, what: Key) -> str:
    field = fields_of(cls)[what.attribute]
    if field.default is attrs.NOTHING:
        return "*required*"
    value: Any = default_of(field)
    if value in (None, (), {}):
        return ""
    made = field.converter(value) if callable(field.converter) else value
    written = what.form.write(made)
    return f"`{json.dumps(written) if not isinstance(written, str) else written}`"


def main(argv: list[str]) -> int:
    """Write the page, or check it."""
    text = page()
    if argv != ["--check"]:
        PAGE.write_text(text)
        return 0
    if PAGE.exists() and PAGE.read_text() == text:
        return 0
    print(f"{PAGE.name} is stale: run python docs/tree_file_reference.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
