"""`python -m examples.fastblog`: FastBlog from the command line.

Decides: flags and defaults, and what must be in order before anything is started: the data folder
is ours alone, the ports are free, something is installed.
Must not know: how the tree is run.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import sys

import psutil

import otpsup
from examples.fastblog.data_dir import Busy, DataDir, locked
from examples.fastblog.releases import first_start
from examples.fastblog.tree import Settings, build, from_file, plugins
from otpsup import Tree


def main() -> None:
    """Run FastBlog until it is stopped; exits with the tree's exit code."""
    flags = _flags()
    settings = _settings(flags)
    tree = _tree(flags.config, settings)
    try:
        settings.data.root.mkdir(parents=True, exist_ok=True)
        with locked(settings.data.lock("fastblog"), wait=False):
            _run(settings, tree)
    except Busy as error:
        sys.exit(
            f"fastblog: {settings.data.root} is in use, {error};"
            " stop that FastBlog, or choose another folder with --data"
        )
    except OSError as error:
        sys.exit(f"fastblog: cannot use {settings.data.root}: {error}; choose another with --data")


def _tree(config: str | None, settings: Settings) -> Tree:
    try:
        if config:
            return from_file(config, settings)
        return Tree(build(settings), plugins=plugins(settings))
    except otpsup.InvalidFile as error:
        sys.exit(f"fastblog: cannot use {config}:\n{error}")


def _run(settings: Settings, tree: Tree) -> None:
    for name, port in settings.ports.items():
        _require_free(name, port)
    first_start(settings.data)
    print(f"FastBlog: {settings.url} (data in {settings.data.root}, Ctrl-C stops it)", flush=True)
    otpsup.run(tree)


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.fastblog")
    parser.add_argument("--data", default="fastblog-data", help="data folder (%(default)s)")
    parser.add_argument("--port", type=_port, default=9421, help="the blog (%(default)s)")
    parser.add_argument("--ipc-port", type=_port, default=12345, help="ipc_server (%(default)s)")
    parser.add_argument(
        "--update-port", type=_port, default=8001, help="update_server (%(default)s)"
    )
    parser.add_argument("--web-port", type=_port, default=9422, help="/healthz (%(default)s)")
    parser.add_argument("--config", metavar="FILE", help="a tree file, such as fastblog.yaml")
    flags = parser.parse_args()
    if len({flags.port, flags.ipc_port, flags.update_port, flags.web_port}) < 4:
        parser.error("the four ports must differ")
    return flags


def _settings(flags: argparse.Namespace) -> Settings:
    token = os.environ.get("FASTBLOG_IPC_TOKEN") or secrets.token_urlsafe()
    ports = flags.ipc_port, flags.update_port, flags.port, flags.web_port
    return Settings(DataDir(flags.data), token, *ports)


def _port(text: str) -> int:
    """A port that can be listened on."""
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, not {text!r}")
    return int(text)


def _require_free(name: str, port: int) -> None:
    """Say who is in the way. A stranger on main_app's port might even answer its health check."""
    with socket.socket() as probe:
        # As the servers do: connections of an earlier run that still linger are not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return
        except PermissionError:
            problem = "may only be used by root"
        except OSError:
            problem = f"is taken by {_holder(port)}"
    sys.exit(f"fastblog: port {port} (for {name}) {problem}; choose another with {_FLAGS[name]}")


_FLAGS = {
    "ipc_server": "--ipc-port",
    "update_server": "--update-port",
    "main_app": "--port",
    "web": "--web-port",
}


def _holder(port: int) -> str:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return "another process"
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,):
            return _name(connection.pid)
    return "another process"


def _name(pid: int | None) -> str:
    if pid is None:
        return "a process of another user"
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"


if __name__ == "__main__":
    main()
