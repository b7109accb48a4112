"""The command line: `python -m otpsup COMMAND`, or `otpsup COMMAND`.

commands     the table of all commands; parameters: what they take, and what is well-formed
main         which command is meant, exit codes, and what becomes of errors
getopt       reads command lines; of those that are wrong or ask for help, by_click tells, or
             by_argparse where there is no click; words: what both say
verbs        status, start, stop, restart, signal, shutdown; selection: which children are meant
facts        info, pid; why: the causes of a state, in words
output       logs, tail, events
changes      plan, update, scale, add, remove
waiting      wait; progress: what is being waited for, on a terminal
top          what children use; usage measures it, screen draws it
run          a program whose whole job is a tree; files: check and schema of tree files
drawing      graph: the tree and its dependencies
simulate     scenarios, and what would come of a child's death
target       which tree is meant: a running one, one in a file, or one in a module
shell        commands one after the other; completion: what may come next
"""

from __future__ import annotations

from .main import main as main
