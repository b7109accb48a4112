"""otpsup: an embedded, Erlang/OTP-style supervision tree for Python.

    specs      what a tree is made of: Supervisor, Worker, Command, ...   (frozen, validated)
    views      what a tree shows: ChildStatus, Change, Event              (frozen)
    engine     what happens when: pure decisions, events in, effects out  (no I/O at all)
    runtime    processes, pipes, signals: does what the engine says       (all the I/O)
    control    the same requests from another process                     (a unix socket)
    config     trees from YAML and JSON files, and their schema           (`load`)
    tree, aio, program   Tree, Tree.aio, run: the handles of the host
    child      current_child: the handle inside a child

Names are loaded when first used, so that a child process pays only for what it needs.
"""

from __future__ import annotations

import importlib

from .version import __version__ as __version__

TYPE_CHECKING = False  # as type checkers know it: typing takes longer to load than all else here

if TYPE_CHECKING:
    from .aio import AsyncTree as AsyncTree
    from .child import CurrentChild as CurrentChild
    from .child import current_child as current_child
    from .config import load as load
    from .control.client import TreeClient as TreeClient
    from .errors import AlreadyPresent as AlreadyPresent
    from .errors import AlreadyStarted as AlreadyStarted
    from .errors import CallerNotReady as CallerNotReady
    from .errors import DependencyNotMet as DependencyNotMet
    from .errors import InvalidFile as InvalidFile
    from .errors import InvalidSpec as InvalidSpec
    from .errors import MaxChildren as MaxChildren
    from .errors import NoProcess as NoProcess
    from .errors import NoStacks as NoStacks
    from .errors import NotAChild as NotAChild
    from .errors import NotASupervisor as NotASupervisor
    from .errors import NotFound as NotFound
    from .errors import NotPermitted as NotPermitted
    from .errors import NotReading as NotReading
    from .errors import NoTreeFile as NoTreeFile
    from .errors import NotRunning as NotRunning
    from .errors import OtpsupError as OtpsupError
    from .errors import PluginFailed as PluginFailed
    from .errors import ProtocolError as ProtocolError
    from .errors import Restarting as Restarting
    from .errors import Running as Running
    from .errors import SimpleOneForOne as SimpleOneForOne
    from .errors import StartFailed as StartFailed
    from .errors import TooLarge as TooLarge
    from .errors import UpdateRefused as UpdateRefused
    from .plugins.base import Page as Page
    from .plugins.base import Plugin as Plugin
    from .program import run as run
    from .specs.after import completed as completed
    from .specs.after import healthy as healthy
    from .specs.after import ready as ready
    from .specs.after import started as started
    from .specs.alerts import Alerts as Alerts
    from .specs.alerts import GaveUp as GaveUp
    from .specs.alerts import MemoryOver as MemoryOver
    from .specs.alerts import Restarts as Restarts
    from .specs.alerts import TreeStopped as TreeStopped
    from .specs.alerts import Unhealthy as Unhealthy
    from .specs.backoff import Backoff as Backoff
    from .specs.channels import Apprise as Apprise
    from .specs.channels import Mailbox as Mailbox
    from .specs.channels import OwnChannel as OwnChannel
    from .specs.channels import Smtp as Smtp
    from .specs.channels import Webhook as Webhook
    from .specs.children import Command as Command
    from .specs.children import Worker as Worker
    from .specs.consul import Consul as Consul
    from .specs.consul import ConsulService as ConsulService
    from .specs.copies import copies as copies
    from .specs.health import Check as Check
    from .specs.health import cpu as cpu
    from .specs.health import file_age as file_age
    from .specs.health import heartbeat as heartbeat
    from .specs.health import max_age as max_age
    from .specs.health import memory as memory
    from .specs.health import silence as silence
    from .specs.healthz import Healthz as Healthz
    from .specs.healthz import HealthzCollector as HealthzCollector
    from .specs.hook import Hook as Hook
    from .specs.metrics import Metrics as Metrics
    from .specs.metrics import OpenTelemetry as OpenTelemetry
    from .specs.output import Inherit as Inherit
    from .specs.output import LogFile as LogFile
    from .specs.plugin import External as External
    from .specs.quiet import QuietHours as QuietHours
    from .specs.quiet import Rate as Rate
    from .specs.ready import http as http
    from .specs.ready import log_line as log_line
    from .specs.ready import notify as notify
    from .specs.ready import port as port
    from .specs.ready import probe as probe
    from .specs.ready import stays_up as stays_up
    from .specs.stdin import Socket as Socket
    from .specs.supervisors import DynamicSupervisor as DynamicSupervisor
    from .specs.supervisors import Supervisor as Supervisor
    from .specs.web import Web as Web
    from .statistics import ChildStatistics as ChildStatistics
    from .statistics import Statistics as Statistics
    from .tree import Tree as Tree
    from .views import Change as Change
    from .views import ChildStatus as ChildStatus
    from .views import Event as Event
    from .wire.lines import LogLine as LogLine


_HOME = {
    "aio": ["AsyncTree"],
    "child": ["CurrentChild", "current_child"],
    "config": ["load"],
    "control.client": ["TreeClient"],
    "errors": [
        "AlreadyPresent",
        "AlreadyStarted",
        "CallerNotReady",
        "DependencyNotMet",
        "InvalidFile",
        "InvalidSpec",
        "MaxChildren",
        "NoProcess",
        "NoStacks",
        "NoTreeFile",
        "NotAChild",
        "NotASupervisor",
        "NotFound",
        "NotRunning",
        "OtpsupError",
        "NotPermitted",
        "NotReading",
        "PluginFailed",
        "ProtocolError",
        "Restarting",
        "Running",
        "SimpleOneForOne",
        "StartFailed",
        "TooLarge",
        "UpdateRefused",
    ],
    "plugins.base": ["Page", "Plugin"],
    "program": ["run"],
    "specs.after": ["completed", "healthy", "ready", "started"],
    "specs.alerts": ["Alerts", "GaveUp", "MemoryOver", "Restarts", "TreeStopped", "Unhealthy"],
    "specs.backoff": ["Backoff"],
    "specs.channels": ["Apprise", "Mailbox", "OwnChannel", "Smtp", "Webhook"],
    "specs.children": ["Command", "Worker"],
    "specs.consul": ["Consul", "ConsulService"],
    "specs.copies": ["copies"],
    "specs.health": [
        "Check",
        "cpu",
        "file_age",
        "heartbeat",
        "max_age",
        "memory",
        "silence",
    ],
    "specs.healthz": ["Healthz", "HealthzCollector"],
    "specs.hook": ["Hook"],
    "specs.metrics": ["Metrics", "OpenTelemetry"],
    "specs.output": ["Inherit", "LogFile"],
    "specs.plugin": ["External"],
    "specs.quiet": ["QuietHours", "Rate"],
    "specs.ready": ["http", "log_line", "notify", "port", "probe", "stays_up"],
    "specs.stdin": ["Socket"],
    "specs.supervisors": ["DynamicSupervisor", "Supervisor"],
    "specs.web": ["Web"],
    "statistics": ["ChildStatistics", "Statistics"],
    "tree": ["Tree"],
    "views": ["Change", "ChildStatus", "Event"],
    "wire.lines": ["LogLine"],
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Alerts",
    "AlreadyPresent",
    "AlreadyStarted",
    "Apprise",
    "AsyncTree",
    "Backoff",
    "CallerNotReady",
    "Change",
    "Check",
    "ChildStatistics",
    "ChildStatus",
    "Command",
    "Consul",
    "ConsulService",
    "CurrentChild",
    "DependencyNotMet",
    "DynamicSupervisor",
    "Event",
    "External",
    "GaveUp",
    "Healthz",
    "HealthzCollector",
    "Hook",
    "Inherit",
    "InvalidFile",
    "InvalidSpec",
    "LogFile",
    "LogLine",
    "Mailbox",
    "MaxChildren",
    "MemoryOver",
    "Metrics",
    "NoProcess",
    "NoStacks",
    "NoTreeFile",
    "NotAChild",
    "NotASupervisor",
    "NotFound",
    "NotPermitted",
    "NotReading",
    "NotRunning",
    "OpenTelemetry",
    "OtpsupError",
    "OwnChannel",
    "Page",
    "Plugin",
    "PluginFailed",
    "ProtocolError",
    "QuietHours",
    "Rate",
    "Restarting",
    "Restarts",
    "Running",
    "SimpleOneForOne",
    "Smtp",
    "Socket",
    "StartFailed",
    "Statistics",
    "Supervisor",
    "TooLarge",
    "Tree",
    "TreeClient",
    "TreeStopped",
    "Unhealthy",
    "UpdateRefused",
    "Web",
    "Webhook",
    "Worker",
    "completed",
    "copies",
    "cpu",
    "current_child",
    "file_age",
    "healthy",
    "heartbeat",
    "http",
    "load",
    "log_line",
    "max_age",
    "memory",
    "notify",
    "port",
    "probe",
    "ready",
    "run",
    "silence",
    "started",
    "stays_up",
]

if not TYPE_CHECKING:  # a type checker knows the names above, and must not accept others

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(f"module 'otpsup' has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return [*globals(), *_WHERE]
