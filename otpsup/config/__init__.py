"""Trees from files: YAML and JSON to specs and back, and the schema of such files.

text, compose, json_text, nodes   bytes -> text -> nodes, each with line and column
variables, inherit                `${NAME}`; defaults and bases
forms, notations, kinds           how each value is written
    records, vocabulary               which keys there are, and what the specs say of a value
plugins                           what stands under `plugins`
build, siblings, files            nodes -> specs, with all that is wrong told at once
schema, dump                      the same vocabulary as JSON Schema; specs -> data
"""

from __future__ import annotations

from ..errors import InvalidFile as InvalidFile
from ..errors import Problem as Problem
from .dump import dump as dump
from .files import load as load
from .files import load_children as load_children
from .files import load_with_plugins as load_with_plugins
from .lists import load_list as load_list
from .schema import schema as schema
