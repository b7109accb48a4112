"""The command line: `python -m otpsup COMMAND`, or `otpsup COMMAND`.

main       the parser, exit codes, and what becomes of errors
verbs      status, start, stop, restart: requests to a running tree
why        the causes of a state, in words
drawing    graph: the tree and its dependencies
simulate   scenarios, and what would come of a child's death
target     which tree is meant: a running one, or one in a module
"""

from __future__ import annotations

from .main import main as main
