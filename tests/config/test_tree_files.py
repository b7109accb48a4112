"""What tree files mean: kinds, inheritance, variables, includes, copies, paths, notations."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import otpsup
from otpsup import (
    Backoff,
    Command,
    DynamicSupervisor,
    Hook,
    Inherit,
    LogFile,
    Supervisor,
    Worker,
    completed,
    copies,
    healthy,
    started,
)
from otpsup.config import load_children

Load = Callable[..., Any]
Refuse = Callable[..., str]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write files, given as `name=text`, and load the tree in the first."""
    monkeypatch.chdir(tmp_path)

    def load(text: str, environ: dict[str, str] | None = None, **files: str) -> Any:
        for name, content in {"tree": text, **files}.items():
            name = name.replace("_env", ".env") if name.endswith("_env") else f"{name}.yaml"
            Path(name).write_text(textwrap.dedent(content))
        return otpsup.load("tree.yaml", environ=environ or {})

    return load


@pytest.fixture
def refuse(load: Load) -> Refuse:
    """The message for files that are no tree."""

    def refuse(*args: Any, **files: Any) -> str:
        with pytest.raises(otpsup.InvalidFile) as caught:
            load(*args, **files)
        return str(caught.value)

    return refuse


def child(load: Load, text: str, **more: Any) -> Any:
    """The only child of a tree, given as a mapping's lines."""
    return load(
        "name: t\nchildren:\n  c:\n" + textwrap.indent(textwrap.dedent(text), "    "), **more
    ).children[0]


def test_the_whole_vocabulary(load: Load, tmp_path: Path) -> None:
    """One of everything, and the same in Python."""
    tree = load(
        """
        $schema: tree.schema.json
        name: shop
        strategy: rest_for_one
        intensity: 5
        period: 1m
        auto_shutdown: any_significant
        children:
          - name: db
            command: redis-server --port 6380 'a b'
            ready: {port: {port: 6380, interval: 500ms}}
            stdout: {file: logs/db.log, max_bytes: 10MB, backups: 3, every: day, max_age: 7d,
                     max_total: 1GiB, compress: true, format: json}
            stderr: stdout
            umask: 022
            nice: 5
            rlimits: {nofile: 4096, core: [0, unlimited]}
            user: 1000
            group: adm
            stop_signal: INT
            exitcodes: [0, 2]
            before_start: [createdb, shop]
            after_ready: shop.db:warm
            after_exit: {command: rm -f lock, timeout: 10s}
          - name: migrate
            command: [alembic, upgrade, head]
            restart: transient
            significant: true
            after: db
            env_file: [a.env, /etc/b.env]
            secrets: {DB_PASSWORD: secrets/db}
            cwd: srv
          - name: web
            worker: shop.web:serve
            args: [1, two, 3.5, null]
            kwargs: {debug: false, x: null}
            start_method: spawn
            environment: {VERSION: 1.10, DEBUG: true, CODE: 022}
            inherit_env: [PATH, LANG]
            backoff: {initial: 500ms, max: 1m}
            after: [completed(migrate), {started: db}, healthy(pool)]
            stdout: {inherit: stderr, format: full}
            shutdown: infinity
          - name: pool
            intensity: 1
            max_children: 10
            template: {name: job, worker: "shop.jobs:run", restart: temporary}
          - name: inner
            strategy: one_for_all
            autostart: false
            children: {}
        """
    )
    web = Worker(
        "web",
        "shop.web:serve",
        [1, "two", 3.5, None],
        {"debug": False, "x": None},
        start_method="spawn",
        environment={"VERSION": "1.10", "DEBUG": "true", "CODE": "022"},
        inherit_env=["PATH", "LANG"],
        backoff=Backoff(initial=0.5, max=60),
        after=[completed("migrate"), started("db"), healthy("pool")],
        stdout=Inherit("stderr", format="full"),
        shutdown="infinity",
    )
    db = Command(
        "db",
        ["redis-server", "--port", "6380", "a b"],
        ready=otpsup.port(6380, interval=0.5),
        stdout=LogFile(
            tmp_path / "logs/db.log", max_bytes=10_000_000, backups=3, every="day",
            max_age=7 * 86400, max_total=2**30, compress=True, format="json",
        ),
        stderr="stdout",
        umask=0o022,
        nice=5,
        rlimits={"nofile": 4096, "core": (0, -1)},
        user=1000,
        group="adm",
        stop_signal="INT",
        exitcodes=[0, 2],
        before_start=["createdb", "shop"],
        after_ready="shop.db:warm",
        after_exit=Hook(["rm", "-f", "lock"], timeout=10),
    )  # fmt: skip
    migrate = Command(
        "migrate",
        ["alembic", "upgrade", "head"],
        restart="transient",
        significant=True,
        after="db",
        env_file=[tmp_path / "a.env", "/etc/b.env"],
        secrets={"DB_PASSWORD": tmp_path / "secrets/db"},
        cwd=tmp_path / "srv",
    )
    job = Worker("job", "shop.jobs:run", restart="temporary")
    pool = DynamicSupervisor("pool", job, intensity=1, max_children=10)
    inner = Supervisor("inner", strategy="one_for_all", autostart=False)
    assert tree == Supervisor(
        "shop",
        strategy="rest_for_one",
        intensity=5,
        period=60,
        auto_shutdown="any_significant",
        children=[db, migrate, web, pool, inner],
    )


def test_a_template_is_a_tree(load: Load) -> None:
    """A file may be a dynamic supervisor."""
    tree = load("name: jobs\nmax_children: 2\ntemplate: {name: job, command: work}")
    assert tree == DynamicSupervisor("jobs", Command("job", ["work"]), max_children=2)


def test_defaults_and_bases(load: Load) -> None:
    """The child wins over its bases, a later base over an earlier one, and bases over defaults;
    mappings are merged name by name; null takes away what is inherited."""
    tree = load(
        """
        name: t
        defaults: {shutdown: 9, start_method: spawn, environment: {A: 1, B: 1, C: 1, D: 1}}
        bases:
          one: {nice: 1, environment: {B: 2, C: 2}}
          two: {extends: one, nice: 2, cwd: /srv, environment: {C: 3}}
          runs: {worker: "app:run"}
        children:
          plain: {command: x}
          child: {extends: [two, runs], environment: {D: null}, shutdown: null}
          other: {extends: runs, command: y}
          below:
            defaults: {nice: 7}
            children: {z: {command: z, environment: null}}
        """
    )
    plain, one, other, below = tree.children
    environment = {"A": "1", "B": "1", "C": "1", "D": "1"}
    assert plain == Command("plain", ["x"], shutdown=9, environment=environment)
    assert one.environment == {"A": "1", "B": "2", "C": "3"}
    assert (one.nice, str(one.cwd), one.shutdown, one.start_method) == (2, "/srv", 5.0, "spawn")
    assert other.argv == ("y",)
    assert below.shutdown == "infinity", "a default for processes is none for supervisors"
    assert below.children[0] == Command("z", ["z"], shutdown=9, nice=7)


def test_anchors(load: Load) -> None:
    """YAML's own means work too, with keys that begin with `x-` to put things in."""
    tree = load(
        """
        name: t
        x-common: &common {nice: 3, cwd: /srv}
        children:
          a: {<<: *common, command: a}
          b: {command: b, <<: [*common, {nice: 4, umask: "077"}], cwd: /}
        """
    )
    a, b = tree.children
    assert a == Command("a", ["a"], nice=3, cwd="/srv")
    assert b == Command("b", ["b"], nice=3, cwd="/", umask=0o077)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${A}", "1"),
        ("${A}-${B}", "1-two"),
        ("$A $$A $${A} $", "$A $A ${A} $"),
        ("${NO:-default}", "default"),
        ("${NO:-}", ""),
        ("${EMPTY:-default}", "default"),
        ("x${EMPTY}y", "xy"),
        ("${NO:-${B}-${NO:-3}}", "two-3"),
        ("${A:-no}", "1"),
        ("${A:?message}", "1"),
    ],
)
def test_variables(load: Load, written: str, meant: str) -> None:
    """What stands for what in a text."""
    environ = {"A": "1", "B": "two", "EMPTY": ""}
    text = f"command: ['x', '{written}']\nenvironment: {{V: '{written}'}}"
    made = child(load, text, environ=environ)
    assert made.argv == ("x", meant)
    assert made.environment == {"V": meant}


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("${NO}", "${NO} is not set; set it, or write ${NO:-default}"),
        ("${HOMEE}", "${HOMEE} is not set; did you mean 'HOME'?"),
        ("${NO:?ask the admin}", "${NO} is not set: ask the admin"),
        ("${A-b}", "cannot read '${A-b}'; it is ${NAME}, ${NAME:-default} or ${NAME:?message}"),
        ("${}", "cannot read '${}'"),
        ("${A", "no } closes the ${ in '${A'"),
        ("${copy}", "${copy} is the number of a copy, and this child has no `copies`"),
        ("${A:-" * 50 + "}" * 50, "defaults within defaults"),
    ],
)
def test_bad_variables(refuse: Refuse, written: str, words: str) -> None:
    """What cannot be replaced is told with its place."""
    text = f"name: t\nchildren:\n  c:\n    command: ['x', '{written}']"
    message = refuse(text, {"HOME": "/", "A": ""})
    assert message.startswith(f"tree.yaml:4:20: children.c.command[1]: {words}")


def test_numbers_from_variables(load: Load) -> None:
    """What comes in the place of `${...}` is a number where one is wanted; a quoted argument is
    a text, as it is without variables."""
    made = child(
        load,
        """
        worker: a:b
        nice: ${N:-3}
        ready: {port: "${P}"}
        user: ${U}
        args:
          - ${P}
          - "${P}"
        """,
        environ={"P": "80", "U": "1000"},
    )
    assert (made.nice, made.ready.port, made.user, made.args) == (3, 80, 1000, (80, "80"))


def test_where_variables_come_from(load: Load) -> None:
    """The environment wins over env files, these over `variables`, which may use what is known."""
    tree = load(
        """
        name: ${NAME}
        env_files: [one.env, two.env]
        variables: {A: file, B: file, C: file, D: "${C}+"}
        children: {c: {command: ["${A}", "${B}", "${C}", "${D}"]}}
        """,
        {"A": "environ", "NAME": "shop"},
        one_env="A=env\nB=one",
        two_env="B=two  # the later one",
    )
    assert tree.name == "shop"
    assert tree.children[0].argv == ("environ", "two", "file", "file+")


def test_copies(load: Load) -> None:
    """`copies` are those of Python, each with its number in its texts; a sibling after them is
    after all; more of them can be made without the file."""
    tree = load(
        """
        name: t
        children:
          web:
            copies: 2
            worker: app:serve
            kwargs:
              port: ${copy+8000}
            ready: {port: "${copy+8000}"}
            environment: {N: "${copy}", M: "${copy-1}"}
          proxy: {command: proxy, after: web}
        """
    )

    def web(n: int) -> Worker:
        return Worker("web", "app:serve", kwargs={"port": 8000 + n}, ready=otpsup.port(8000 + n),
                      environment={"N": str(n), "M": str(n - 1)})  # fmt: skip

    proxy = Command("proxy", ["proxy"], after=["web"])
    assert tree == Supervisor("t", children=[*copies(2, web), proxy])
    Path("tree.yaml").unlink()
    assert tree.children[0].copy.make(7) == web(7)
    with pytest.raises(otpsup.InvalidFile, match=r"must be a port from 1 to 65535, not '\$\{copy"):
        tree.children[0].copy.make(60000)


def test_copies_of_supervisors(load: Load) -> None:
    """What is below a copy has its number too; copies in copies have their own; 0 is a count."""
    tree = load(
        """
        name: t
        bases: {shard: {command: "db ${copy}"}}
        children:
          shard:
            copies: 2
            children:
              db: {extends: shard}
              w: {copies: 1, command: "w ${copy+10}"}
          none: {copies: 0, command: x}
        """
    )
    assert [c.name for c in tree.children] == ["shard-1", "shard-2"]
    assert [c.children[0].argv for c in tree.children] == [("db", "1"), ("db", "2")]
    assert tree.children[1].children[1].argv == ("w", "11")


def test_problems_of_copies_are_told_once(refuse: Refuse) -> None:
    """Ten copies of one mistake are one mistake."""
    text = "name: t\nchildren: {c: {copies: 10, command: x, nice: '${copy+15}'}}"
    assert len(refuse(text).splitlines()) == 1
    assert "no such child" in refuse("name: t\nchildren: {c: {copies: 3, command: x, after: y}}")
    assert "a count from 0 to 10000, not -1" in refuse(
        "name: t\nchildren: {c: {copies: -1, command: x}}"
    )


def test_includes(load: Load, tmp_path: Path) -> None:
    """Children of included files come first; bases, variables and defaults go down with them, and
    paths are relative to the file in which they stand."""
    (tmp_path / "sub").mkdir()
    tree = load(
        """
        name: t
        include: [sub/*.yaml, more.yaml]
        defaults: {nice: 1, env_file: top.env}
        variables: {WHO: top}
        bases: {log: {stdout: ./top.log}}
        children: {last: {command: "${WHO}", extends: [log, late]}}
        """,
        more="bases: {late: {umask: '077'}}",
        **{"sub/b": "children: {b: {command: b, cwd: .}}",
           "sub/a": """
               include: ../deep.yaml
               defaults: {nice: 2}
               variables: {WHO: sub}
               children: {a: {command: "${WHO}", extends: log}}"""},
        deep="children: {deep: {command: deep}}",
    )  # fmt: skip
    deep, a, b, last = tree.children
    assert (deep.nice, a.nice, b.nice, last.nice) == (2, 2, 1, 1)
    assert (a.argv, last.argv) == (("top",), ("top",))
    assert a.stdout == LogFile(tmp_path / "top.log")
    assert b.cwd == tmp_path / "sub"
    assert last.umask == 0o077
    assert {child.env_file for child in tree.children} == {(tmp_path / "top.env",)}


def test_bad_includes(refuse: Refuse) -> None:
    """Cycles are told as the chain that they are; what is wrong in an included file is told with
    the name of that file; a pattern may match nothing."""
    top = "name: t\ninclude: {}\nchildren: {{}}"
    assert refuse(top.format("a.yaml"), a="include: b.yaml", b="include: a.yaml") == (
        "b.yaml:1:10: include: this never ends: a.yaml includes b.yaml includes a.yaml"
    )
    assert refuse(top.format("[no.yaml, 'no*.yaml']")) == (
        "tree.yaml:2:11: include: cannot include 'no.yaml': there is no such file"
    )
    assert refuse(top.format("a.yaml"), a="strategy: one_for_all\nchildren: {c: {comand: x}}") == (
        "a.yaml:1:1: strategy: 'strategy' is for a tree, and this file is included by one; put a "
        "supervisor with it among the children\n"
        "a.yaml:2:16: children.c.comand: unknown key 'comand'; did you mean 'command'?"
    )
    twice = refuse(top.format("[a.yaml, a.yaml]"), a="children: {c: {command: x}}")
    assert "another child is named 'c'" in twice


MISTAKES = {
    "children: {c: {command: x}}": "tree.yaml:1:1: 'name' is missing: of the tree",
    "name: t": "1:1: 'children' is missing",
    "[1]": "tree.yaml:1:1: must be a mapping with 'name' and 'children', not a list",
    "name: t\nchildren: 3": "2:11: children: must be a list, or a mapping from names, not 3",
    "name: t\nchildren: {c: 3}": "children.c: must be a mapping with 'name' and one of",
    "name: t\nchildren: {c: {}}": "children.c: must have one of 'command', 'worker', 'children'",
    "name: t\nchildren: [{command: x}]": "2:12: children[0]: 'name' is missing",
    "name: t\nchildren: {c: {command: x, worker: 'a:b'}}": "has 'command' and 'worker'; a child is",
    "name: t\nchildren: {c: {command: x, args: [1]}}": "it is for a worker, and this is a command",
    "name: t\nchildren: {c: {command: x, name: c}}": "its name is its key here, 'c'",
    "name: t\nchildren: {a/b: {command: x}}": "2:12: children.a/b.name: must be a text without '/'",
    "name: t\nchildren: {c: {command: x, after: [c]}}": "'c' is after 'c'",
    "name: t\nchildren: {a: {command: x, after: b}, b: {command: x, after: a}}":
        "children.a.after: no order satisfies this cycle: 'a' is after 'b' is after 'a'",
    "name: t\nchildren: [{name: a, command: x}, {name: a, command: y}]":
        "children.a.name: another child is named 'a', in line 2",
    "name: t\nchildren: {c: {copies: 2, command: x}, c-1: {command: x}}": "named 'c-1', in",
    "name: t\nchildren: {c: {command: x, restart: transient, significant: true}}":
        "children.c.significant: significant=True needs a supervisor with auto_shutdown",
    "name: t\nauto_shutdown: any_significant\nchildren: {c: {command: x, significant: true}}":
        "significant=True needs restart='transient' or 'temporary'",
    "name: t\nchildren: {c: {command: x, backoff: {initial: 5, max: 1}}}":
        "children.c.backoff.max: must be at least initial (5), not 1",
    "name: t\nchildren: {a: {command: x, stdout: ./x}, "
    "b: {command: y, stdout: {file: x, backups: 1}}}":
        "children.b.stdout: 'a' and 'b' both write to",
    "name: t\nchildren: {c: {command: x, umask: 22}}": "an octal text such as '022', not 22",
    "name: t\nchildren: {c: {command: x, stdout: web.log}}": "a path with a slash in it",
    "name: t\nchildren: {c: {command: x, rlimits: {nofiles: 1}}}": "did you mean 'nofile'?",
    "name: t\nchildren: {c: {command: 'a \"b'}}": "split into words: no closing quotation",
    "name: t\nchildren: {c: {command: x, ready: {port: 1, http: x}}}": "must have just one of",
    "name: t\nchildren: {c: {command: x, ready: prot}}": "did you mean 'port'?",
    "name: t\nchildren: {c: {command: x, exitcodes: [0, 300]}}": "exitcodes[1]: must be exit codes",
    "name: t\nchildren: {c: {command: [x, [1]]}}": "c.command[1]: must be a text, not a list",
    "name: t\nchildren: {c: {command: x, extends: bse}}\nbases: {base: {nice: 1}}":
        "children.c.extends: there is no base 'bse'; did you mean 'base'?",
    "name: t\nchildren: {c: {extends: a}}\nbases: {a: {extends: b}, b: {extends: a, command: x}}":
        "this never ends: 'a' extends 'b' extends 'a'",
    "name: t\nchildren: {c: {extends: a}}\nbases: {a: {children: {d: {extends: a}}}}":
        "this never ends: 'a' extends 'a'",
    "name: t\nchildren: {}\ndefaults: {name: x}": "defaults.name: 'name' is a child's own",
    "name: t\nchildren: {}\ndefaults: {nise: 1}": "unknown key 'nise'; did you mean 'nice'?",
    "name: t\nchildren: {}\nvariables: {copy: 1}": "'copy' is no name of a variable",
    "name: t\nchildren: {}\nenv_files: no.env": "cannot use",
    "name: t\ntemplate: {name: j, command: x, copies: 2}": "has instances, and no copies",
    "name: t\ntemplate: {name: j, command: x, after: y}": "a template has no 'after'",
    "name: t\nstrategy: one_for_all\ntemplate: {name: j, command: x}": "it is for a supervisor",
    "name: t\nrestart: transient\nchildren: {}": "1: restart: unknown key 'restart'",
}  # fmt: skip


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes(refuse: Refuse, text: str) -> None:
    """One mistake is one line, at its place."""
    message = refuse(text)
    assert MISTAKES[text] in message
    assert len(message.splitlines()) == 1


def test_secrets_stay_hidden(refuse: Refuse) -> None:
    """What came from a variable that is a secret, or stands in an environment, is not shown."""
    message = refuse(
        "name: t\nchildren: {c: {command: x, nice: '${API_TOKEN}', environment: {A: [hunter2]}}}",
        {"API_TOKEN": "hunter22"},
    )
    assert "hunter2" not in message
    assert len(message.splitlines()) == 2


def test_children_to_be_added(tmp_path: Path) -> None:
    """A text or a file with one child or several; whom they are after may be elsewhere."""
    assert load_children(text="name: c\ncommand: x y") == [Command("c", ["x", "y"])]
    text = "bases: {b: {nice: 1}}\nchildren: [{name: c, command: x, extends: b, after: db}]"
    with pytest.raises(otpsup.InvalidFile, match="no such child"):
        otpsup.load(_file(tmp_path, f"name: t\n{text}"))
    assert load_children(_file(tmp_path, text)) == [Command("c", ["x"], nice=1, after=["db"])]
    assert load_children(text='{"name": "s", "children": {"a": {"command": "x"}}}') == [
        Supervisor("s", children=[Command("a", ["x"])])
    ]
    with pytest.raises(otpsup.InvalidFile, match="<text>:1:7: unknown key|must have one of"):
        load_children(text="name: c")


def _file(folder: Path, text: str) -> Path:
    path = folder / "f.yaml"
    path.write_text(text)
    return path


def test_in_threads(tmp_path: Path) -> None:
    """Files may be loaded in several threads at a time."""
    path = _file(tmp_path, "name: t\nchildren: {c: {copies: 50, command: 'x ${copy}'}}")
    found: list[Any] = []
    threads = [Thread(target=lambda: found.append(otpsup.load(path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(tree == found[0] for tree in found)


def test_fifty_programs(load: Load) -> None:
    """Fifty programs in a file are fifty children, in order."""
    programs = "".join(f"  p{n}: {{command: serve {n}, nice: {n % 20}}}\n" for n in range(50))
    tree = load("name: big\nchildren:\n" + programs)
    assert [c.argv for c in tree.children] == [("serve", str(n)) for n in range(50)]


def test_the_how_to(load: Load) -> None:
    """The file of the how-to page is a tree, and what the page says of mistakes is what is said."""
    from tests.config.test_transcript import MESSAGE
    from tests.support import ROOT

    page = (ROOT / "docs/how-to/tree-files.md").read_text()
    file = page.partition("<!-- file: shop.yaml -->\n```yaml\n")[2].partition("```")[0]
    assert [each.name for each in load(file).children] == ["db", "migrate", "web-1", "web-2"]
    assert MESSAGE in page
