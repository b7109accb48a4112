"""The form of what is run before and after an incarnation."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...specs import Hook, hook
from ...specs.check import Schema
from ..forms import BAD, SECONDS, VARIABLE, ImportPath, either, read
from ..nodes import List, Mapping, Node, Scalar
from ..notations import CommandLine
from ..records import Key, read_fields
from ..report import Place

_HOOK_KINDS = {"command": Key("run", CommandLine()), "worker": Key("run", ImportPath())}
_TIMEOUT = {"timeout": Key("timeout", SECONDS)}
_SECONDS: Schema = {"type": "number", "exclusiveMinimum": 0}


@frozen
class HookForm:
    """What is run: a list, `module:name`, or a mapping with `command` or `worker`."""

    words: str = "a command as a list, `module:name`, or `{command: ..., timeout: 10s}`"

    def read(self, node: Node, place: Place) -> Any:
        """A `Hook`, or what becomes one."""
        if isinstance(node, Mapping):
            return self._mapping(node, place)
        if isinstance(node, List):
            return read(CommandLine(), node, place)
        if isinstance(node, Scalar) and hook.is_target(node.value):
            return node.value
        place.refuse(node, self.words)
        return BAD

    def _mapping(self, node: Mapping, place: Place) -> Any:
        kinds = [key for key in _HOOK_KINDS if node.get(key) is not None]
        if len(kinds) > 1:
            place.say(node, "must have `command` or `worker`, not both".replace("`", "'"))
            return BAD
        given = node.without(key for key in _HOOK_KINDS if key not in kinds)
        values = read_fields(Hook, {**_HOOK_KINDS, **_TIMEOUT}, given, place)
        if not kinds:
            place.say(node, "'command' or 'worker' is missing")
            return BAD
        if BAD in values.values():
            return BAD
        return Hook(**values)

    def schema(self, limits: Schema) -> Schema:
        """A list, a text, or an object."""
        return either(
            _argv(), hook.IMPORT_PATH, VARIABLE, *(self._record(key) for key in _HOOK_KINDS)
        )

    def _record(self, key: str) -> Schema:
        """With one key; the other may be null, as any that may be left out."""
        other = {each: {"type": "null"} for each in _HOOK_KINDS if each != key}
        value = _HOOK_KINDS[key].form.schema(hook.IMPORT_PATH)
        timeout = {"anyOf": [SECONDS.schema(_SECONDS), {"type": "null"}]}
        return {
            "type": "object",
            "properties": {key: value, **other, "timeout": timeout},
            "required": [key],
            "additionalProperties": False,
        }

    def write(self, value: Any) -> Any:
        """A list or a text where the timeout is the default."""
        kind = "command" if isinstance(value.run, tuple) else "worker"
        run = _HOOK_KINDS[kind].form.write(value.run)
        if value.timeout == Hook(value.run).timeout:
            return run
        return {kind: run, "timeout": value.timeout}


def _argv() -> Schema:
    return next(each for each in CommandLine().schema({})["anyOf"] if each.get("type") == "array")
