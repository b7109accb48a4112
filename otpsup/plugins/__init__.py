"""Plug-ins: what watches a tree, tells others of it, or answers for it, and must not harm it.

base        what a plug-in is: `Plugin`, `Page`, and the protocols of others' classes
found       from settings, import paths and entry points to plug-ins
contained   one plug-in in a thread of its own: what it raises, hangs in or floods is told by name
handle      the tree as a plug-in sees it
hosting     all plug-ins of one tree, from its start to its end
consul      the one that registers children with a Consul agent
"""

from __future__ import annotations

from .base import AlertChannel as AlertChannel
from .base import Collector as Collector
from .base import EventHook as EventHook
from .base import HealthCheck as HealthCheck
from .base import Page as Page
from .base import Plugin as Plugin
from .handle import PluginTree as PluginTree
