"""Whatever is at the path, or in the file: `InvalidFile`, in words, and soon."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import otpsup
from otpsup.config import compose, json_text, load_children, nodes, text
from otpsup.config.report import Report
from otpsup.config.vocabulary import ALL_KEYS, KINDS
from tests.config.documents import trees
from tests.fuzz.mutate import hostile, scrambled
from tests.support import ROOT


def message(path: Path | str) -> str:
    with pytest.raises(otpsup.InvalidFile) as caught:
        otpsup.load(path, environ={})
    assert caught.value.problems
    assert str(caught.value).isprintable() or "\n" in str(caught.value)
    return str(caught.value)


BAD: dict[str, bytes] = {
    "it is empty": b"",
    "it is empty ": b" \n\n",
    "there is a NUL in it (line 2)": b"name: t\n\0",
    "it is not UTF-8 (line 2)": b"name: t\nx: \xff",
    "1:1: it is empty": b"# nothing",
    "this is no YAML": b"name: [",
    "write a ${...} in quotation marks there": b"name: s\nchildren: {a: {command: ${X}}}",
    "2:1: a second document": b"- a\n---\n- b",
    "unknown tag 'tag:yaml.org,2002:python/object:os.system'": b"a: !!python/object:os.system x",
    "'name' stands here twice; the first is in line 1": b"name: t\nname: u\nchildren: {}",
    "unknown anchor 'a'; write &a first": b"name: *a",
    "*a stands within what it is the name of": b"a: &a [*a]",
    "nested more than 100 levels deep": b"[" * 100_000,
    "nested more than 100 levels deep ": b"a: " + b"{a: " * 5000,
    "more than 1,000,000 values": b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (98 + n, 98 + n, b", ".join([b"*%c" % (97 + n)] * 10)) for n in range(9)
    ),
    "a key must be a text": b"{[a]: b}",
    "<< takes a mapping": b"<<: 3",
    "name.\\x1b": b'"name.\\e[31m": 1\nname: t\nchildren: {}',
}  # fmt: skip


@pytest.mark.parametrize("words", BAD)
def test_bad_yaml(words: str, tmp_path: Path) -> None:
    """Each is refused for what it is."""
    (tmp_path / "t.yaml").write_bytes(BAD[words])
    assert words.strip() in message(tmp_path / "t.yaml")


BAD_JSON: dict[str, bytes] = {
    "this is no JSON: Expecting property name": b'{"name": "t",}',
    ":2:10: this is no JSON: Expecting value": b'{"a": 1,\n\t"name": }',
    "NaN is no number": b'{"name": NaN}',
    "this is no JSON": b"name: t",
    "nested more than 100 levels deep": b"[" * 100_000 + b"]" * 100_000,
    "'name' stands here twice": b'{"name": "t", "name": "u", "children": {}}',
    "half a surrogate pair": b'{"name": "\\ud800", "children": {}}',
}


@pytest.mark.parametrize("words", BAD_JSON)
def test_bad_json(words: str, tmp_path: Path) -> None:
    """The same for JSON, in the words of Python's own parser."""
    (tmp_path / "t.json").write_bytes(BAD_JSON[words])
    assert words in message(tmp_path / "t.json")


def test_what_is_no_file(tmp_path: Path) -> None:
    """Folders, pipes, devices, nothing, what may not be read: nothing is waited for."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    assert "there is no such file" in message(tmp_path / "none.yaml")
    assert "this is a folder" in message(tmp_path)
    assert "this is no regular file" in message(tmp_path / "fifo")
    assert "this is no regular file" in message("/dev/zero")
    assert "it cannot be read: Too many levels" in message(tmp_path / "loop")
    assert "no file can have this name" in message("a\0b")
    assert "there is no such file" in message("")
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(10**9)
    assert "it is larger than 10 MB" in message(tmp_path / "huge.yaml")


@pytest.mark.slow
def test_small_files_that_ask_for_much(tmp_path: Path) -> None:
    """Copies of copies, and bases in bases, are counted before they are made."""
    (tmp_path / "t.yaml").write_text(
        "name: t\nchildren:\n  a: {copies: 9999, children: {b: {copies: 9999, command: '${copy}'}}}"
    )
    assert "too large" in message(tmp_path / "t.yaml")
    bases = "".join(f"  b{n + 1}: {{extends: [b{n}, b{n}, b{n}, b{n}]}}\n" for n in range(30))
    (tmp_path / "t.yaml").write_text(
        f"name: t\nbases:\n  b0: {{command: x}}\n{bases}children: {{c: {{extends: b30}}}}"
    )
    assert "too large" in message(tmp_path / "t.yaml")


def test_a_byte_order_mark(tmp_path: Path) -> None:
    """What some editors put first is passed over."""
    (tmp_path / "t.yaml").write_bytes(b"\xef\xbb\xbfname: t\nchildren: {}")
    assert otpsup.load(tmp_path / "t.yaml") == otpsup.Supervisor("t")


PLAIN = [
    ("", None), ("~", None), ("null", None), ("true", True), ("False", False), ("yes", "yes"),
    ("on", "on"), ("n", "n"), ("1", 1), ("-1", -1), ("+12", 12), ("0", 0), ("022", "022"),
    ("0o22", 18), ("0x1F", 31), ("1.5", 1.5), ("1e5", 1e5), ("1.10", 1.1), (".5", 0.5), ("1.", 1.0),
    ("1_000", "1_000"), ("12:30:45", "12:30:45"), ("2024-01-02", "2024-01-02"), ("1.2.3", "1.2.3"),
    ("-", "-"), ("0b1", "0b1"), ("9" * 5000, "9" * 5000), (".inf", float("inf")), ("=", "="),
]  # fmt: skip


@pytest.mark.parametrize(("written", "value"), PLAIN)
def test_plain_texts(written: str, value: Any) -> None:
    """What a text without quotation marks is, by the core rules of YAML 1.2."""
    meant = nodes.meaning(written)
    assert (meant, type(meant)) == (value, type(value))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False,
                                                                       allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip
SOURCE = nodes.Source("t", Path("/"))


@given(value=VALUES, indent=st.none() | st.just("\t") | st.integers(0, 3))
def test_json_is_read_as_python_reads_it(value: Any, indent: Any) -> None:
    """All JSON means what it means to Python's own parser, however it is laid out."""
    node = json_text.compose(SOURCE, json.dumps(value, indent=indent), Report())
    assert node is not None
    assert nodes.data(node) == value


@given(document=trees())
def test_places_are_where_things_are(document: Any) -> None:
    """The text at the place of each key, and of each text, is that; in YAML as in JSON."""
    for made, text_of in (
        (json_text.compose, json.dumps(document, indent=1)),
        (compose.compose, yaml.safe_dump(document)),
    ):
        lines = text_of.split("\n")
        node = made(SOURCE, text_of, Report())
        assert node is not None
        for each in _scalars(node):
            if each.text.isidentifier():
                assert lines[each.line - 1][each.column - 1 :].lstrip("\"'").startswith(each.text)


def _scalars(node: nodes.Node) -> Iterator[nodes.Scalar]:
    if isinstance(node, nodes.Mapping):
        for entry in node.entries.values():
            yield entry.key
            yield from _scalars(entry.value)
    elif isinstance(node, nodes.List):
        for item in node.items:
            yield from _scalars(item)
    else:
        assert isinstance(node, nodes.Scalar)
        yield node


def _real_files() -> list[bytes]:
    """Tree files of ours, and configuration files of other systems, where there are some."""
    ours = [*ROOT.glob("examples/**/*.yaml"), *ROOT.glob("tests/config/transcripts/*.yaml")]
    others = [path for above in ROOT.parents for path in above.glob("shared/data/**/*.*")]
    data = [path.read_bytes() for path in [*ours, *others] if path.is_file()]
    return [each for each in data if len(each) < 20_000]


REAL = _real_files()
DOCUMENTS = [
    {"name": "t", "children": {"a": {"command": ["x"], "copies": 2, "ready": {"port": 80}}}},
    {"name": "t", "bases": {"b": {"nice": 1}}, "children": [{"name": "a", "extends": "b",
     "worker": "a:b", "after": [], "stdout": {"file": "a", "max_bytes": "1MB"}}]},
    {"name": "t", "variables": {"A": "${B:-c}"}, "defaults": {"environment": {"A": "${A}"}},
     "template": {"name": "j", "command": "x ${A}"}},
]  # fmt: skip


@pytest.mark.parametrize("suffix", ["yaml", pytest.param("json", marks=pytest.mark.slow)])
@given(seed=st.integers(0, 2**32))
def test_hostile_files(seed: int, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Real files and documents with something changed in them are trees, or `InvalidFile`."""
    random, path = Random(seed), tmp_path_factory.getbasetemp() / f"hostile.{suffix}"
    for _ in range(4):
        data = hostile(random, DOCUMENTS) if random.random() < 0.5 else random.choice(REAL)
        while random.random() < 0.7:
            data = scrambled(data, random, REAL)
        path.write_bytes(data)
        try:
            otpsup.load(path, environ={})
        except otpsup.InvalidFile as error:
            assert error.problems
            assert "Traceback" not in str(error)
            assert all(line.isprintable() for line in str(error).split("\n"))


@given(given=st.text())
def test_any_text(given: str) -> None:
    """Any text is children, or `InvalidFile`."""
    try:
        load_children(text=given, environ={})
    except otpsup.InvalidFile as error:
        assert error.problems


def test_both_parsers_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without libyaml, what is wrong has the same words and place."""

    def told(data: str, loader: Any) -> list[str]:
        monkeypatch.setattr(compose, "_FAST", loader)
        report = Report()
        compose.compose(SOURCE, data, report)
        return list(map(str, report.problems))

    random = Random(1)
    for _ in range(150):
        data = random.choice([each for each in REAL if b"\0" not in each and len(each) < 3000])
        try:
            content = text.decoded(scrambled(data, random, REAL))
        except text.Unreadable:
            continue
        fast = told(content, yaml.CBaseLoader)
        slow = told(content, yaml.BaseLoader)
        assert not fast or not slow or fast == slow


def _within(seconds: float, path: Path) -> str:
    begin = time.process_time()
    said = message(path)
    assert time.process_time() - begin < seconds
    return said


def _bomb(depth: int, more: str) -> str:
    lines = [f"  V{n}: '{f'${{V{n - 1}}}' * 10}'" for n in range(1, depth)]
    return "\n".join(["name: t", "variables:", "  V0: xxxxxxxxxx", *lines, more])


SMALL_AND_LARGE: dict[str, str] = {
    "this comes to more than 1,000,000 characters": _bomb(20, "children: {}"),
    "too large, with all copies": _bomb(
        6, "children: {w: {command: [x" + ', "${V5}"' * 500 + "]}}"
    ),
    "too large, with all copies ": "name: t\nchildren:\n  web: {command: x, copies: 3000}\n"
    "  job: {command: x, copies: 3000, after: web}\n",
    "bases that extend bases, more than 50 deep": "name: t\nbases:\n"
    + "".join(f"  b{n}: {{extends: b{n + 1}}}\n" for n in range(3000))
    + "  b3000: {command: x}\nchildren: {w: {extends: b0}}\n",
    "cannot include": f"name: t\ninclude: '{'[a-z]*/' * 2000}'\n",
    "and 450 more": "name: t\nchildren:\n"
    + "".join(f"  - {{name: w{n}, comand: x, restrt: y}}\n" for n in range(9000)),
}


@pytest.mark.slow
@pytest.mark.parametrize("words", SMALL_AND_LARGE)
def test_a_small_file_that_asks_for_much(words: str, tmp_path: Path) -> None:
    """It is refused before it costs a running tree its memory, its stack or its time."""
    (tmp_path / "t.yaml").write_text(SMALL_AND_LARGE[words])
    assert words.strip() in _within(20, tmp_path / "t.yaml")


@pytest.mark.parametrize("key", ["include", "env_files", "name", "x-y"])
@pytest.mark.parametrize("text", ["\\ud800", "\\ud800/*", "[a]\\udfff/b*"])
def test_half_a_character_anywhere(key: str, text: str, tmp_path: Path) -> None:
    """No path can have it, and nobody stumbles over it."""
    rest = "" if key == "name" else '"name": "t", '
    (tmp_path / "t.json").write_text(f'{{{rest}"{key}": "{text}", "children": {{}}}}')
    assert "half a surrogate pair" in message(tmp_path / "t.json")


@pytest.mark.slow
def test_many_variables_take_no_time(tmp_path: Path) -> None:
    """Each is looked up, and not all of them copied for each."""
    lines = [f"  V{n + 1}: '${{V{n}:-x}}'" for n in range(20_000)]
    file = tmp_path / "t.yaml"
    file.write_text("\n".join(["name: ${V20000}", "variables:", *lines, "children: {}"]))
    begin = time.process_time()
    assert otpsup.load(file, environ={}).name == "x"
    assert time.process_time() - begin < 5


@given(st.data())
def test_a_secret_in_the_wrong_place_is_not_told(data: st.DataObject) -> None:
    """Not by way of another variable, not by the words of a spec's own rule."""
    keys = [key for key in ALL_KEYS if key not in ("extends", "name", "defaults", *KINDS)]
    names = ("PASSWORD", "A", "B")
    child = {
        key: "${%s}" % data.draw(st.sampled_from(names))  # noqa: UP031
        for key in data.draw(st.lists(st.sampled_from(keys), min_size=1, unique=True))
    }
    variables = {"A": "${PASSWORD}", "B": "x${A}"}
    tree = {"name": "t", "variables": variables, "children": {"w": {"command": "x", **child}}}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t.json"
        file.write_text(json.dumps(tree))
        try:
            otpsup.load(file, environ={"PASSWORD": "hunter2'secret"})
        except otpsup.InvalidFile as error:
            assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("readiness: {heartbeat: 5}", "memory, cpu and max_age are for liveness only"),
        ("startup: {silence: 5}", "memory, cpu and max_age are for liveness only"),
        ("liveness: {plugin: shop.Checker}", "must be 'pkg.module:Class' of one with check_health"),
    ],
)
def test_a_check_that_is_none(tmp_path: Path, line: str, words: str) -> None:
    """It is said what would be one."""
    path = tmp_path / "otpsup.yaml"
    path.write_text(f"name: t\nchildren: {{a: {{command: [x], {line}}}}}")
    assert words in message(path)
