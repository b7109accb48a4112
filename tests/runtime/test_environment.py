"""Which variables a child gets: exactly those that its spec says, however it is made."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from otpsup import Command, InvalidSpec, StartFailed, Worker, copies, log_line
from tests.support import targets
from tests.support.trees import asking, node, output_of, running, told

ASKS = "info = os.fsdecode(open('/proc/self/environ', 'rb').read()).split(chr(0))[:-1]"
"""As it was executed; Python itself may add to `os.environ`."""

MADE_BY = ("posix_spawn", "exec", "zygote", "spawn", "fork", "forkserver")

COLD = ("spawn", "forkserver")
"""Start an interpreter for each child; each is tried with a few things, and when there is time with
all."""

NOT_SPAWN, NOT_FORKSERVER = (
    [pytest.param(how, marks=pytest.mark.slow) if how == left else how for how in MADE_BY]
    for left in COLD
)

OWN = {"OTPSUP_CHANNEL", "OTPSUP_PATH", "OTPSUP_RUN"}
"""What otpsup adds to each."""
ASIDE = {*OWN, "NOTIFY_SOCKET", "OTPSUP_RUNTIME_DIR", "PYTEST_CURRENT_TEST"}
"""Not looked at: that, and what tests and their modules set by themselves."""


def child(how: str, name: str = "", **options: Any) -> Any:
    """A child that tells all of its variables as `NAME=value`; called as it is made, if not
    otherwise."""
    if how == "posix_spawn":
        return asking(name or how, ASKS, **options)
    if how == "exec":
        return asking(name or how, ASKS, nice=0, **options)
    method: Any = how
    return Worker(
        name or how, targets.tell_variables, start_method=method, ready="notify", **options
    )


def variables(info: list[str]) -> dict[str, str]:
    """What a child has told, without what every child is given."""
    found = dict(line.split("=", 1) for line in info)
    assert found.keys() >= OWN
    assert len(found) == len(info), "a variable is given twice"
    return {name: value for name, value in found.items() if name not in ASIDE}


HOSTS = {"LC_ALL": "C.UTF-8", "LC_TIME": "C", "LCD": "x", "A": "", "AB": "a=b", "WEIRD-1": "\udcff"}
"""What a host has, beside what it needs to run."""


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of the host, of which there are few."""
    needed = ("PATH", "OTPSUP_RUNTIME_DIR", "PYTHONPATH", "LD_LIBRARY_PATH")
    known = {name: os.environ[name] for name in needed if name in os.environ} | HOSTS
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    return {name: value for name, value in known.items() if name not in ASIDE}


CHOICES: dict[str, tuple[Any, set[str] | None]] = {
    "all": ("all", None),
    "none": ("none", set()),
    "nothing": ([], set()),
    "one": (["A"], {"A"}),
    "begins": (["LC_*", "PATH"], {"LC_ALL", "LC_TIME", "PATH"}),
    "star-alone": (["*"], None),
    "unknown": (["B", "AB"], {"AB"}),
    "odd": (["WEIRD-1", "LC"], {"WEIRD-1"}),
}
"""What a spec says, and which of the host's variables that is; None is all."""


AGAIN = ("-all", "-one")
"""Of these another start is looked at: later variables would be seen, and a later value."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("choices", "made_by"),
    [
        (list(CHOICES), [how for how in MADE_BY if how not in COLD]),
        (list(CHOICES), COLD),
    ],
    ids=["forks", "cold"],
)
def test_inherited_variables_are_those_of_the_spec(
    choices: Sequence[str],
    made_by: Sequence[str],
    host: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A child of any kind has of the host's variables exactly those that `inherit_env` names, as
    they were when the tree was started, with its own on top."""
    own = {"OWN": "1", "AB": "mine"}
    kinds, wanted = [], {}
    for choice, how in itertools.product(choices, made_by):
        inherit_env, names = CHOICES[choice]
        name = f"{how}-{choice}"
        kinds.append(child(how, name, inherit_env=inherit_env, environment=own))
        wanted[name] = {n: v for n, v in host.items() if names is None or n in names} | own
    with running(*kinds) as tree:
        for name in wanted:
            assert variables(node(tree, name).info) == wanted[name], name
        monkeypatch.setenv("A", "later")
        monkeypatch.setenv("NEW", "later")
        for name in wanted:
            if name.endswith(AGAIN) or len(choices) == 1:
                assert variables(tree.restart(name).info) == wanted[name], name


NAMES = st.text("AB_", min_size=1, max_size=3)


@pytest.mark.parametrize("examples", [4, pytest.param(100, marks=pytest.mark.slow)])
def test_any_choice_of_any_variables(examples: int) -> None:
    """The same for whatever a host has and a spec names: a command and a worker agree with a rule
    that is written out here."""
    given_and_chosen = given(
        st.dictionaries(NAMES, NAMES, max_size=8),
        st.lists(st.tuples(NAMES, st.sampled_from(["", "*"]))),
    )
    settings(max_examples=examples)(given_and_chosen(agree))()


def agree(given: dict[str, str], chosen: list[tuple[str, str]]) -> None:
    mine = {f"T{name}": value for name, value in given.items()}

    def is_wanted(name: str) -> bool:
        return any(name.startswith(f"T{n}") if star else name == f"T{n}" for n, star in chosen)

    with pytest.MonkeyPatch.context() as patch:
        for name, value in mine.items():
            patch.setenv(name, value)
        inherit_env = [f"T{name}{star}" for name, star in chosen]
        kinds = [child(how, inherit_env=inherit_env) for how in ("posix_spawn", "zygote")]
        with running(*kinds) as tree:
            expected = {name: value for name, value in mine.items() if is_wanted(name)}
            for how in ("posix_spawn", "zygote"):
                assert variables(node(tree, how).info) == expected


@pytest.mark.parametrize("how", NOT_SPAWN)
def test_what_the_host_was_told_of_itself_is_never_inherited(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that is a child, a copy or a hook itself does not lend that out, even if a spec names
    it."""
    named = ("NOTIFY_SOCKET", "OTPSUP_COPY", "OTPSUP_HOOK", "OTPSUP_EXIT_CODE", "OTPSUP_PID")
    for name in (*named, "OTPSUP_PATH", "OTPSUP_CHANNEL", "OTPSUP_RUN"):
        monkeypatch.setenv(name, "the host's own")
    info = told(child(how, inherit_env=["OTPSUP_*", "NOTIFY_SOCKET"]))
    assert "the host's own" not in {line.partition("=")[2] for line in info}
    assert variables(info) == {}


def test_a_program_is_found_without_path(tmp_path: Path) -> None:
    """A command that inherits no PATH has its own program looked up in the host's."""
    with running(Command("c", ["sleep", "100"], inherit_env="none")) as tree:
        environ = Path(f"/proc/{node(tree, 'c').pid}/environ").read_bytes()
        assert b"PATH=" not in environ.replace(b"OTPSUP_PATH=", b"")


def test_a_later_launcher_has_the_same_variables(
    host: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What children inherit is the same when launcher and zygote had to be started anew."""
    with running(child("posix_spawn"), child("zygote"), intensity=100) as tree:
        monkeypatch.setenv("A", "later")
        launcher = tree._session._runner._launchers  # type: ignore[union-attr]
        before = launcher.pid
        assert before
        os.kill(before, 9)
        for how in ("posix_spawn", "zygote"):
            assert variables(tree.restart(how).info) == host
        assert launcher.pid != before


@pytest.mark.parametrize("value", ["PATH", ["A=B"], [""], ["A*B"], ["A\0"], [1], {"A": "B"}])
def test_what_cannot_be_inherited_is_refused(value: Any) -> None:
    """`inherit_env` is "all", "none" or names, of which one may end with a star."""
    with pytest.raises(InvalidSpec, match="inherit_env must be 'all', 'none' or names"):
        Command("c", ["true"], inherit_env=value)


# Files.


@pytest.mark.parametrize("how", NOT_FORKSERVER)
def test_later_files_win_and_secrets_over_all(how: str, tmp_path: Path) -> None:
    """Env files in their order, then `environment`, then secrets, which status never shows."""
    (tmp_path / "a.env").write_text("A=1\nB=1\nC=1\nD=1\n")
    (tmp_path / "b.env").write_text("B=2\nC=2\nD=2\n")
    (tmp_path / "secret").write_bytes(b" s3\xff\xe9cret\r\nof two lines \n\r\n")
    spec = child(
        how,
        inherit_env="none",
        env_file=[tmp_path / "a.env", tmp_path / "b.env"],
        environment={"C": "3", "D": "3"},
        secrets={"D": tmp_path / "secret"},
    )
    secret = os.fsdecode(b" s3\xff\xe9cret\r\nof two lines \n")
    with running(spec) as tree:
        hidden = node(tree, how).info
        assert {*hidden} >= {"A=1", "B=2", "C=3", "D=***"}
        assert secret not in str(hidden)


def test_a_secret_arrives_whole(tmp_path: Path) -> None:
    """What the child gets is what the file holds, byte for byte; and it is read at each start."""
    out, file = tmp_path / "out", tmp_path / "secret"
    spec = Command(
        "c",
        ["sh", "-c", 'printf %s "$S" > "$0"; echo set; exec sleep 100', str(out)],
        secrets={"S": file},
        ready=log_line("^set$"),
        stdout="null",
        autostart=False,
    )
    contents = {b"\xff\n\n": b"\xff\n", b"x\r\n": b"x", b"one": b"one", b" \r": b" \r"}
    with running(spec) as tree:
        for content, value in contents.items():
            file.write_bytes(content)
            tree.start_child("c")
            assert out.read_bytes() == value
            tree.terminate_child("c")


BAD = [
    ("secrets", None, r"cannot read secret S from .*/file \(No such file or directory\)$"),
    ("secrets", b"", r"cannot read secret S from .*/file \(it is empty\)$"),
    ("secrets", b"\n", r"cannot read secret S from .*/file \(it is empty\)$"),
    ("secrets", b"hush\0hush", r"cannot read secret S from .*/file \(it holds a NUL byte, which"),
    (
        "secrets",
        b"x" * (1 << 20) + b"x",
        r"cannot read secret S from .*/file \(it is larger than 1 MiB\)$",
    ),
    ("env_file", None, r"cannot read env file .*/file \(No such file or directory\)$"),
    ("env_file", b"A=1\nhush\n", r"/file, line 2: expected NAME=value"),
    ("env_file", b"A='hush\n", r"/file, line 1: No closing quotation; close the quotation$"),
    ("env_file", b"A=1\n\nhush=\xff\n", r"/file, line 3: not UTF-8; save it as that$"),
    (
        "env_file",
        b"#" * (1 << 20) + b"x",
        r"cannot read env file .*/file \(it is larger than 1 MiB\)$",
    ),
]


@pytest.mark.parametrize(("field", "content", "message"), BAD)
def test_bad_files_fail_the_start(
    field: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    """A start fails with the file, the line if there is one, and what is wrong, in one line that
    shows nothing of what is in the file; others are not harmed."""
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    options: dict[str, Any] = {field: file if field == "env_file" else {"S": file}}
    with running(Command("other", ["sleep", "100"])) as tree:
        before = node(tree, "other").pid
        with pytest.raises(StartFailed, match=message) as caught:
            tree.start_child(Command("c", ["true"], **options))
        assert "hush" not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert node(tree, "other").pid == before


@pytest.mark.parametrize("field", ["secrets", "env_file"])
@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_only_regular_files_are_read(field: str, kind: str, tmp_path: Path) -> None:
    """A pipe that nobody writes to, a device without end, or a folder fails the start at once."""
    file = tmp_path / "file"
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero")
    options: dict[str, Any] = {field: file if field == "env_file" else {"S": file}}
    with running() as tree, pytest.raises(StartFailed, match=r"/file \(it is no regular file\)$"):
        tree.start_child(Command("c", ["true"], **options))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others")
def test_the_host_reads_secrets_before_it_changes_the_user(tmp_path: Path) -> None:
    """A child of another user gets a secret from a file that only root can read."""
    file = tmp_path / "secret"
    file.write_text("of root alone")
    file.chmod(0o600)
    code = 'id -u; printf "%s\\n" "$S"; cat "$0" 2> /dev/null || echo refused'
    said = output_of(tmp_path, "sh", "-c", code, str(file), user=65534, secrets={"S": file})
    assert said == "65534\nof root alone\nrefused\n"


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What the log says."""
    lines: list[str] = []
    handler = logger.add(lines.append, level=0)
    logger.enable("otpsup")
    yield lines
    logger.disable("otpsup")
    logger.remove(handler)


def test_a_secret_that_all_can_read_is_told_once(tmp_path: Path, log: list[str]) -> None:
    """The log says so, once a file, without what is in it."""
    open_to_all, private = tmp_path / "open", tmp_path / "private"
    for file, mode in ((open_to_all, 0o644), (private, 0o640)):
        file.write_text("do not tell")
        file.chmod(mode)
    secrets = {"S": open_to_all, "T": private}
    with running(Command("c", ["sleep", "100"], secrets=secrets)) as tree:
        tree.restart("c")
    warnings = [line for line in log if "every user can read" in line]
    assert len(warnings) == 1
    assert str(open_to_all) in warnings[0]
    assert "do not tell" not in "".join(log)


@pytest.mark.slow
@pytest.mark.parametrize("how", NOT_SPAWN)
def test_copies_know_their_number(how: str) -> None:
    """Each copy has its number in OTPSUP_COPY; whoever is none has none."""

    def make(_: int) -> Any:
        return child(how, inherit_env="none")

    with running(*copies(2, make), child(how, inherit_env="none")) as tree:
        for number in (1, 2):
            seen = variables(node(tree, f"{how}-{number}").info)
            assert seen == {"OTPSUP_COPY": str(number)}
        assert variables(node(tree, how).info) == {}


def test_why_a_secret_cannot_be_read_is_no_secret(tmp_path: Path) -> None:
    """A file that is called `password` does not hide the reason."""
    spec = Command("c", ["true"], secrets={"PASSWORD": tmp_path / "password"})
    with running() as tree, pytest.raises(StartFailed, match=r"/password \(No such file or"):
        tree.start_child(spec)
