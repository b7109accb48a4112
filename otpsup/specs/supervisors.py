"""The two kinds of supervisor: a fixed list of children, and a template of which many run.

Decides which combinations are legal, and refuses what OTP refuses (supervisor(3), *sup_flags*).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs
from attrs import field, frozen

from ..errors import InvalidSpec
from . import check
from .after import check_graph
from .check import shown
from .children import AutoShutdown, Child, Command, Shutdown, Strategy, Worker
from .copy import with_groups
from .output import LogFile, check_files


@frozen(kw_only=True)
class _Supervising(Child):
    """What both kinds have.

    Args:
        intensity: how many restarts are allowed within `period`; one more and it gives up. 0
            gives up at the first.
        period: the length of that window, in seconds; both ends count (`restart >= now - period`).
        shutdown: as for any child, but waits for ever by default, so that its own children can
            end in order (supervisor(3)).
    """

    shutdown: Shutdown = field(default=check.INFINITY, validator=check.shutdown)
    intensity: int = field(
        default=3,
        validator=check.rule(
            check.is_below(check.MANY), "a whole number from 0 (below 10**15)", "intensity=3"
        ),
    )
    period: float = field(default=5.0, validator=check.positive_seconds("period=5"))


def _children(value: Any) -> Any:
    return with_groups(value) if isinstance(value, list | tuple) else value


@frozen
class Supervisor(_Supervising):
    """Supervises a list of children, in that order.

    Args:
        name: unique among its siblings.
        children: started in this order, stopped in reverse; where one of them has `after`, their
            dependencies are the order, and what does not depend on each other goes in parallel.
        parallel: dependencies are the order although nobody has any: all start and stop at once
            (the `Parallel` of a Kubernetes StatefulSet's podManagementPolicy).
        strategy: who is restarted with a child that ended: `one_for_one` nobody else,
            `one_for_all` all, `rest_for_one` those after it (with `after`: those that depend on
            it, directly or not).
        auto_shutdown: whether the end of significant children ends the supervisor: `never`, of
            `any_significant` one, or of `all_significant` ones.

    Raises:
        InvalidSpec: with OTP's own reason in `.reason`.
    """

    name: str = field(validator=check.name)
    strategy: Strategy = field(
        default="one_for_one",
        kw_only=True,
        validator=check.one_of(
            ("one_for_one", "one_for_all", "rest_for_one"), "strategy='rest_for_one'"
        ),
    )
    auto_shutdown: AutoShutdown = field(
        default="never",
        kw_only=True,
        validator=check.one_of(
            ("never", "any_significant", "all_significant"), "auto_shutdown='any_significant'"
        ),
    )
    parallel: bool = field(default=False, kw_only=True, validator=check.boolean)
    children: tuple[ChildSpec, ...] = field(
        default=(),
        kw_only=True,
        converter=_children,
        validator=check.rule(
            lambda v: isinstance(v, tuple) and all(is_child_spec(child) for child in v),
            "a list of Worker, Command, Supervisor and DynamicSupervisor",
            "children=[Worker('web', 'app.web:serve')]",
            reason="invalid_child_spec",
        ),
    )

    @property
    def is_graph(self) -> bool:
        """Whether dependencies are the order of the children, in place of their list."""
        return self.parallel or any(child.after for child in self.children)

    @children.validator
    def _children_fit(self, _: attrs.Attribute[Any], children: tuple[ChildSpec, ...]) -> None:
        for child in children:
            check_significant(self, child)
            check_on_its_own(self, child)
        names = Counter(child.name for child in children)
        if len(names) < len(children):
            twice = [name for name, n in names.items() if n > 1]
            text = (
                f"{check.label(self)}: two children are named {shown(twice[0])}; rename one of them"
            )
            raise InvalidSpec(text, "duplicate_child_name")
        if any(child.after for child in children):
            check_graph(check.label(self), children)
        check_files(entry for child in children for entry in files_of(child, child.name))


@frozen
class DynamicSupervisor(_Supervising):
    """Supervises any number of instances of one template; none runs at the start.

    `start_child(path, *args)` starts one (OTP: `simple_one_for_one`; Elixir: DynamicSupervisor).
    The arguments come after the template's own, so a Worker gets them as positional arguments
    and a Command at the end of its argv. Instances are named `template#1`, `template#2`, ...

    Args:
        name: unique among its siblings.
        template: what each instance is.
        max_children: how many may exist at once, running or restarting; None is no limit.
    """

    name: str = field(validator=check.name)
    template: ChildSpec = field(
        validator=check.rule(
            lambda v: is_child_spec(v) and not v.significant and not v.after,
            "one child spec that is not significant and after nobody",
            "DynamicSupervisor('pool', Worker('job', 'app.jobs:run'))",
            reason="bad_start_spec",
        )
    )
    max_children: int | None = field(
        default=None,
        kw_only=True,
        validator=check.optional(
            check.rule(check.is_below(check.MANY), "a count from 0", "max_children=100")
        ),
    )

    @template.validator
    def _files_agree(self, _: attrs.Attribute[Any], template: ChildSpec) -> None:
        check_files(files_of(template, template.name))


ChildSpec = Worker | Command | Supervisor | DynamicSupervisor


def files_of(spec: ChildSpec, path: str) -> Iterator[tuple[str, LogFile]]:
    """The log files of a child and of all below it, each with the path of who writes to it."""
    if isinstance(spec, Supervisor):
        for child in spec.children:
            yield from files_of(child, f"{path}/{child.name}")
    elif isinstance(spec, DynamicSupervisor):
        yield from files_of(spec.template, f"{path}/{spec.template.name}")
    else:
        outputs = (spec.stdout, spec.stderr)
        yield from ((path, output) for output in outputs if isinstance(output, LogFile))


def is_child_spec(value: object) -> bool:
    """True for anything that can stand in a tree."""
    return isinstance(value, ChildSpec)


def check_on_its_own(supervisor: Supervisor | DynamicSupervisor, child: ChildSpec) -> None:
    """Refuse a child whose failures concern nobody under a supervisor that restarts groups.

    Raises:
        InvalidSpec: `bad_combination`.
    """
    is_group = isinstance(supervisor, Supervisor) and supervisor.strategy != "one_for_one"
    if is_group and getattr(child, "start_retries", None) is not None:
        problem = (
            f"start_retries needs a one_for_one supervisor, and {shown(supervisor.name)} restarts "
            "others along with a child; put it under a supervisor of its own"
        )
        text = f"{check.label(child)}: {problem}"
        raise InvalidSpec(text, "bad_combination", field="start_retries", problem=problem)


def check_significant(supervisor: Supervisor | DynamicSupervisor, child: ChildSpec) -> None:
    """Refuse a significant child under a supervisor that would never look at it.

    Raises:
        InvalidSpec: `bad_combination`, as supervisor(3) has it for `auto_shutdown => never`.
    """
    mode = supervisor.auto_shutdown if isinstance(supervisor, Supervisor) else "never"
    if child.significant and mode == "never":
        problem = (
            f"significant=True needs a supervisor with auto_shutdown, and "
            f"{shown(supervisor.name)} has 'never'; for example auto_shutdown='any_significant'"
        )
        text = f"{check.label(child)}: {problem}"
        raise InvalidSpec(text, "bad_combination", field="significant", problem=problem)
