"""Specifications: what a tree is made of, as frozen values. See `children` and `supervisors`."""

from __future__ import annotations

from .after import After as After
from .backoff import Backoff as Backoff
from .children import Child as Child
from .children import Command as Command
from .children import Process as Process
from .children import Worker as Worker
from .copies import copies as copies
from .copy import Copy as Copy
from .health import Check as Check
from .hook import Hook as Hook
from .output import Inherit as Inherit
from .output import LogFile as LogFile
from .ready import Http as Http
from .ready import LogLine as LogLine
from .ready import Notify as Notify
from .ready import Port as Port
from .ready import Probe as Probe
from .ready import Readiness as Readiness
from .ready import Spawned as Spawned
from .ready import StaysUp as StaysUp
from .stdin import Socket as Socket
from .supervisors import ChildSpec as ChildSpec
from .supervisors import DynamicSupervisor as DynamicSupervisor
from .supervisors import Supervisor as Supervisor
from .supervisors import check_on_its_own as check_on_its_own
from .supervisors import check_significant as check_significant
