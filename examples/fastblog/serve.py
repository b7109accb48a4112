"""main_app: choose the release to serve, then become its web server.

Decides: nothing by itself; `journal.boot` does, and that is the safety net: whatever happened to
an update, the next start of main_app finds a release that is whole.
Must not know: what a release contains beyond `blog.app:create`, or the tree above.

The release folder is entered by its own name, not through `current`: what was counted is what is
served, even if the link moves in between.
"""

from __future__ import annotations

import argparse
import os
import sys

from examples.fastblog.data_dir import DataDir
from examples.fastblog.journal import NoRelease, boot

SERVER = ["-m", "uvicorn", "--factory", "blog.app:create", "--host", "127.0.0.1"]
OPTIONS = ["--timeout-graceful-shutdown", "3", "--no-access-log"]


def main() -> None:
    """Parse the flags, choose, and exec; does not return."""
    parser = argparse.ArgumentParser(prog="python -m examples.fastblog.serve")
    parser.add_argument("--data", required=True, help="the data folder")
    parser.add_argument("--port", required=True, type=int, help="the port of the blog")
    flags = parser.parse_args()
    try:
        serve(DataDir(flags.data), flags.port)
    except NoRelease as error:
        sys.exit(f"main_app: {error}")


def serve(data: DataDir, port: int) -> None:
    """Become the web server of the chosen release."""
    version = boot(data)
    print(f"main_app: serving release {version}", flush=True)
    os.environ["FASTBLOG_DATA"] = str(data.root)
    os.chdir(data.releases / version)
    os.execv(sys.executable, [sys.executable, *SERVER, "--port", str(port), *OPTIONS])


if __name__ == "__main__":
    main()
