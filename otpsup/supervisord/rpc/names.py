"""Which processes a client means, and in which order they come. Source: http://supervisord.org/api.html."""

from __future__ import annotations

from typing import Any

from ..processes import Record
from .arguments import split
from .faults import Fault, RpcError
from .host import ActiveGroup, Host


def group(host: Host, name: Any, said: Any = None) -> ActiveGroup:
    """The group of that name.

    Args:
        said: what the client said, if that was more than the name.

    Raises:
        RpcError: BAD_NAME, INCORRECT_PARAMETERS.
    """
    try:
        found = host.groups.get(name)
    except TypeError:  # a list, or a struct
        raise RpcError(Fault.INCORRECT_PARAMETERS) from None
    if found is None:
        raise RpcError(Fault.BAD_NAME, name if said is None else said)
    return found


def one_or_group(host: Host, name: Any) -> Record | ActiveGroup:
    """The process, or the group, that is meant.

    Raises:
        RpcError: BAD_NAME, INCORRECT_PARAMETERS.
    """
    group_name, process = split(name)
    found = group(host, group_name, name)
    if process is None:
        return found
    record = found.records.get(process)
    if record is None:
        raise RpcError(Fault.BAD_NAME, name)
    return record


def one(host: Host, name: Any) -> Record:
    """The process that is meant; a group is none.

    Raises:
        RpcError: BAD_NAME, INCORRECT_PARAMETERS.
    """
    found = one_or_group(host, name)
    if not isinstance(found, Record):
        raise RpcError(Fault.BAD_NAME, name)
    return found


def in_order(group: ActiveGroup) -> list[Record]:
    """The processes of a group, those of the lowest priority first."""
    return sorted(group.records.values(), key=lambda record: record.process.priority)


def all_in_order(host: Host) -> list[Record]:
    """All processes, those of the groups with the lowest priority first."""
    groups = sorted(host.groups.values(), key=lambda each: each.group.priority)
    return [record for group in groups for record in in_order(group)]


def all_by_name(host: Host) -> list[Record]:
    """All processes, by the names of their groups, and then by their own."""
    found = [record for group in host.groups.values() for record in group.records.values()]
    return sorted(found, key=lambda record: (record.group.name, record.name))
