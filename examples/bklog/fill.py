"""`python -m examples.bklog.fill DIR`: BK-LOG's files, filled in, and what they start, under DIR.

Decides: what the placeholders of the templates become, and which commands have to be others today.
Must not know: who runs the result.

All that is filled lies under DIR; a second run writes the files again and touches nothing else.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

HERE = Path(__file__).parent
FILES = {
    "supervisord.tgpa.conf": "conf/supervisord.conf",
    "#etc#supervisor-bklog-api.conf": "etc/supervisor-bklog-api.conf",
    "#etc#supervisor-bklog-grafana.conf": "etc/supervisor-bklog-grafana.conf",
}
"""BK-LOG's own files, and where each lies under DIR."""


@frozen
class Place:
    """Where the deployment lives.

    Attributes:
        home: the folder under which everything lies; absolute, without blanks or `%`, and short:
            the path of a Unix socket has 107 bytes.
        redis, api, uwsgi, grafana, health: ports on 127.0.0.1; the last is that of the tree itself.
        consul: host:port of a Consul agent; "" for none.
        env: the virtual environment that has gunicorn and celery.
    """

    home: Path
    redis: int = 6390
    api: int = 8391
    uwsgi: int = 8392
    grafana: int = 8393
    health: int = 8394
    consul: str = ""
    env: Path = Path(sys.prefix)

    @property
    def placeholders(self) -> dict[str, str]:
        """What stands in the files, and what is to stand there."""
        return {
            "{{.app_container_path}}": f"{self.home}/",
            "{{.app_code}}": "bklog",
            "{{.node_name}}": "node1",
            "{{.environment}}": f'REDIS_HOST="127.0.0.1",REDIS_PORT="{self.redis}"',
            "__BK_HOME__": str(self.home),
            "__ENV__": str(self.env),
            "__REDIS_PORT__": str(self.redis),
            "__API_PORT__": str(self.api),
            "__UWSGI_PORT__": str(self.uwsgi),
            "__GRAFANA_PORT__": str(self.grafana),
            "__CONSUL__": self.consul,
            # Not placeholders, but places on BK-LOG's machines.
            "/cache/.bk/env/": f"{self.env}/",
            "/var/run/bklog/": f"{self.home}/run/",
        }

    @property
    def web(self) -> str:
        """The command of bklog_uwsgi: uwsgi if there is one, gunicorn in its place if not."""
        if (self.env / "bin/uwsgi").exists():
            return f"{self.env}/bin/uwsgi --ini {self.home}/conf/bklog.ini"
        return gunicorn_for_uwsgi(self)


def gunicorn_for_uwsgi(place: Place) -> str:
    """The command that serves what uwsgi would."""
    where = f"--chdir {place.home}/bklog/api -b 127.0.0.1:{place.uwsgi}"
    return f"{place.env}/bin/gunicorn --no-control-socket -w 2 {where} wsgi:application"


def fill(place: Place) -> list[tuple[str, str]]:
    """Write everything; the commands that had to change, as (filled, rewritten).

    Raises:
        OSError: a file cannot be written.
    """
    for folder in ("run", "logs/bklog", "bklog/grafana/data"):
        (place.home / folder).mkdir(parents=True, exist_ok=True)
    for source, target in _parts():
        _write(place.home / target, _filled(source.read_text(), place), source.stat().st_mode)
    return [pair for name, target in FILES.items() for pair in _conf(name, target, place)]


def _parts() -> Iterator[tuple[Path, str]]:
    """What BK-LOG's files start: each file, and where it goes."""
    for source in sorted((HERE / "parts").rglob("*")):
        if source.is_file() and source.suffix != ".pyc":
            target = str(source.relative_to(HERE / "parts"))
            yield source, target if target.startswith(("conf", "code")) else f"bklog/{target}"


def _conf(name: str, target: str, place: Place) -> Iterator[tuple[str, str]]:
    """Fill one supervisord.conf; yields the commands that had to change."""
    lines = _filled((HERE / "templates" / name).read_text(), place).splitlines()
    if target.endswith("/supervisord.conf"):
        lines += _filled((HERE / "redis.conf").read_text(), place).splitlines()
    rewritten = [_today(line, place) for line in lines]
    _write(place.home / target, "\n".join(rewritten) + "\n")
    yield from ((old, new) for old, new in zip(lines, rewritten, strict=True) if old != new)


def _filled(text: str, place: Place) -> str:
    for name, value in place.placeholders.items():
        text = text.replace(name, value)
    return text


def _today(line: str, place: Place) -> str:
    """A line as Celery 5 needs it; README.md says why."""
    if re.match(r"command = \S+/uwsgi ", line):
        return f"command = {place.web}"
    for pattern, replacement in CELERY_5:
        line = re.sub(pattern, replacement, line)
    return line


CELERY_5 = (
    # `manage.py celery` was django-celery's; Celery itself is a command.
    (r"/python \S+/manage\.py celery worker ", "/celery -A tasks worker "),
    # The application is named before the sub-command, and here it is tasks.py.
    (r"/celery worker -A \S+ ", "/celery -A tasks worker "),
    # Options are written with dashes.
    (r"--maxtasksperchild=", "--max-tasks-per-child="),
)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode & 0o777)


def flags(parser: argparse.ArgumentParser) -> Place:
    """The place that the command line names.

    Args:
        parser: a new one; what it is called, and says in its help, is the caller's.
    """
    parser.add_argument("home", metavar="DIR", type=Path, help="everything lies in this folder")
    for name in ("redis", "api", "uwsgi", "grafana", "health"):
        default = getattr(Place(Path()), name)
        parser.add_argument(f"--{name}", metavar="PORT", type=int, default=default)
    parser.add_argument("--consul", metavar="HOST:PORT", default="", help="register the API there")
    given = vars(parser.parse_args())
    home = given.pop("home").resolve()
    if re.search(r"[\s%]", str(home)):
        parser.error(
            f"supervisord.conf cannot have blanks or % in a path: choose another than {home}"
        )
    return Place(home, **given)


def main() -> None:
    """Fill, and print every command that had to change."""
    place = flags(argparse.ArgumentParser(prog="python -m examples.bklog.fill"))
    for old, new in fill(place):
        print(f"- {old}\n+ {new}")
    print(f"filled: {', '.join(str(place.home / target) for target in FILES.values())}")


if __name__ == "__main__":
    main()
