"""`python -m examples.bklog DIR`: BK-LOG's deployment as one tree, until it is stopped."""

from __future__ import annotations

import argparse
import os
import sys

import otpsup
from examples.bklog.fill import HERE, Place, fill, flags
from otpsup import Tree


def tree(place: Place) -> Tree:
    """The tree of tree.yaml, in this place; nothing is started."""
    variables = {
        "BKLOG_HOME": str(place.home),
        "BKLOG_WEB": place.web,
        "BKLOG_REDIS_PORT": str(place.redis),
        "BKLOG_API_PORT": str(place.api),
        "BKLOG_WEB_PORT": str(place.uwsgi),
        "BKLOG_GRAFANA_PORT": str(place.grafana),
        "BKLOG_HEALTH_PORT": str(place.health),
    }
    return Tree.from_file(HERE / "tree.yaml", environ={**os.environ, **variables})


def main() -> None:
    """Fill the folder and run the tree; exits with the tree's exit code."""
    place = flags(argparse.ArgumentParser(prog="python -m examples.bklog"))
    try:
        fill(place)
    except OSError as error:
        sys.exit(f"bklog: cannot use {place.home}: {error}; name another folder")
    otpsup.run(tree(place))


if __name__ == "__main__":
    main()
