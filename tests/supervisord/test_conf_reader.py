"""Rules of supervisord.conf that files seldom show, one by one; where what is wrong stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from otpsup.errors import InvalidFile, Problem
from otpsup.supervisord.conf import Settings, load, one_of_each
from otpsup.supervisord.conf.model import Process

ENVIRON = {"HOME": "/home/me", "X": "ex", "PERCENT": "100%"}
PLAIN = "[supervisord]\n[program:web]\ncommand=web\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _load(folder: Path, text: str | bytes, **files: str) -> Settings:
    return load(_written(folder, text, **files), ENVIRON, cwd=folder, hostname="node1")


def _written(folder: Path, text: str | bytes, **files: str) -> Path:
    main = folder / "supervisord.conf"
    main.write_bytes(text if isinstance(text, bytes) else text.encode())
    for name, content in files.items():
        (folder / f"{name}.ini").write_text(content)
    return main


def _process(settings: Settings) -> Process:
    return settings.groups[0].processes[0]


def _problem(folder: Path, text: str | bytes, **files: str) -> Problem:
    with pytest.raises(InvalidFile) as refused:
        _load(folder, text, **files)
    assert len(refused.value.problems) == 1
    return refused.value.problems[0]


def test_what_is_wrong_is_told_with_file_line_and_option(folder: Path) -> None:
    problem = _problem(folder, f"{PLAIN}; comment\nStartSecs = soon\n")
    file = str(folder / "supervisord.conf")
    assert (problem.file, problem.line, problem.path) == (file, 5, "program:web.startsecs")
    assert problem.text == (
        f"invalid literal for int() with base 10: 'soon' in section 'program:web' (file: '{file}')"
    )


def test_what_is_wrong_in_an_included_file_is_told_with_that_file(folder: Path) -> None:
    main = "[supervisord]\n[include]\nfiles=*.ini\n"
    problem = _problem(folder, main, a="[program:a]\ncommand=x\n", b="[program:b]\numask=9\n")
    assert (problem.file, problem.line) == (str(folder / "b.ini"), 2)


def test_of_a_repeated_option_the_last_line_is_told(folder: Path) -> None:
    assert _problem(folder, f"{PLAIN}priority=1\npriority=x\n").line == 5


def test_what_is_missing_is_told_with_its_section(folder: Path) -> None:
    problem = _problem(folder, "[supervisord]\n\n[program:web]\n")
    assert (problem.line, problem.text[:47]) == (
        3,
        "program section program:web does not specify a ",
    )


def test_a_file_that_is_no_ini_file_is_told_with_its_line(folder: Path) -> None:
    assert _problem(folder, "[supervisord]\n\nnothing\n").line == 3
    assert _problem(folder, "x=1\n").line == 1


def test_a_file_that_is_no_text(folder: Path) -> None:
    assert "codec can't decode byte 0xff" in _problem(folder, b"[supervisord]\n;\xff\n").text


def test_a_file_that_is_not_there(folder: Path) -> None:
    path = folder / "none.conf"
    with pytest.raises(InvalidFile) as refused:
        load(path, ENVIRON)
    assert refused.value.problems[0].text == f"could not find config file {path}"


def test_a_folder_is_no_file(folder: Path) -> None:
    with pytest.raises(InvalidFile, match="could not read config file"):
        load(folder, ENVIRON)


def test_log_files_are_expanded_twice(folder: Path) -> None:
    text = (
        f"{PLAIN}stdout_logfile={folder}/100%%%%.log\nstderr_logfile={folder}/%%(program_name)s\n"
    )
    process = _process(_load(folder, text))
    assert process.stdout.logfile == f"{folder}/100%.log"
    assert process.stderr.logfile == f"{folder}/web"


def test_the_daemons_environment_is_for_all_and_may_be_named(folder: Path) -> None:
    text = '[supervisord]\nenvironment=A="1",B="b"\n[program:web]\ncommand=x %(ENV_A)s\n'
    process = _process(_load(folder, f'{text}environment=B="%(ENV_A)s2"\n'))
    assert process.command == "x 1"
    assert dict(process.environment) == {"A": "1", "B": "12"}


def test_here_is_the_folder_of_each_file(folder: Path) -> None:
    (folder / "conf.d").mkdir()
    (folder / "conf.d" / "a.conf").write_text("[program:a]\ncommand=%(here)s/a\n")
    text = "[supervisord]\n[include]\nfiles=conf.d/*.conf\n[program:b]\ncommand=%(here)s/b\n"
    commands = [each.processes[0].command for each in _load(folder, text).groups]
    assert commands == [f"{folder}/conf.d/a", f"{folder}/b"]


def test_included_files_include_nothing(folder: Path) -> None:
    main = "[supervisord]\n[include]\nfiles=a.ini\n"
    settings = _load(folder, main, a="[include]\nfiles=b.ini\n", b="[program:b]\ncommand=x\n")
    assert settings.groups == ()
    assert settings.infos == (f'Included extra file "{folder}/a.ini" during parsing',)


def test_comments_end_a_value_after_white_space_only(folder: Path) -> None:
    text = "[supervisord]\n[program:web]\ncommand=sh -c 'a;b#c' ; more\n"
    assert _process(_load(folder, text)).command == "sh -c 'a;b#c'"


def test_a_name_is_checked_before_it_is_expanded(folder: Path) -> None:
    text = f"{PLAIN}process_name=%(here)s\n"
    assert _process(_load(folder, text)).name == str(folder)


def test_a_home_is_that_of_the_environment(folder: Path) -> None:
    text = f"{PLAIN}[unix_http_server]\nfile=~/run/../x.sock\n"
    settings = _load(folder, text)
    assert settings.servers[0].file == "/home/me/x.sock"
    assert settings.serverurl == "unix:///home/me/x.sock"


def test_if_lenient_nothing_need_be_here(folder: Path) -> None:
    text = (
        "[supervisord]\nuser=nosuchuser\nlogfile=/nowhere/x\nchildlogdir=/nowhere\n"
        "[unix_http_server]\nfile=/nowhere/x\nchown=nosuchuser:nosuchgroup\n"
        "[fcgi-program:f]\ncommand=x\nuser=nosuchuser\nsocket=unix:///nowhere/f\n"
    )
    settings = load(_written(folder, text), ENVIRON, cwd=folder, strict=False)
    assert (settings.servers[0].owner, settings.servers[0].chown) == (
        "nosuchuser:nosuchgroup",
        (-1, -1),
    )
    assert settings.groups[0].socket is not None
    assert settings.groups[0].socket.owner == "nosuchuser"
    assert _problem(folder, text).text.startswith("The directory named as part of the path")


def test_members_of_a_group_are_as_listed(folder: Path) -> None:
    text = (
        "[supervisord]\n[group:g]\nprograms=b,a\n[program:a]\ncommand=x\npriority=1\n"
        "[program:b]\ncommand=x\n[program:c]\ncommand=x\npriority=0\n"
    )
    groups = _load(folder, text).groups
    assert [each.name for each in groups] == ["c", "g"]
    assert [each.name for each in groups[1].processes] == ["b", "a"]


def test_of_names_that_are_there_twice_one_runs(folder: Path) -> None:
    text = (
        "[supervisord]\n[group:g]\nprograms=b,c,a\n[program:a]\ncommand=a\nprocess_name=same\n"
        "[program:b]\ncommand=b\nprocess_name=same\n[program:c]\ncommand=c\n"
        "[program:g]\ncommand=g\n"
    )
    settings = _load(folder, text)
    assert [each.name for each in settings.groups] == ["g", "g"]
    (group,) = one_of_each(settings.groups)
    assert [(each.name, each.command) for each in group.processes] == [("same", "a"), ("c", "c")]


def test_a_fastcgi_program_in_a_group_is_a_plain_one(folder: Path) -> None:
    text = "[supervisord]\n[group:g]\nprograms=f\n[fcgi-program:f]\ncommand=x\nsocket=tcp://x:1\n"
    group = _load(folder, text).groups[0]
    assert (group.socket, group.processes[0].kind) == (None, "program")


def test_the_password_is_in_no_repr(folder: Path) -> None:
    text = f"{PLAIN}[inet_http_server]\nport=9001\nusername=u\npassword=s3cret\n"
    assert "s3cret" not in repr(_load(folder, text))
