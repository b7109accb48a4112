"""One update of the blog, from "is there a newer release?" to "it answers".

Decides: the order of the steps, and whether a new release has proved itself.
Must not know: how a release is chosen at a start (`journal`), what an archive may contain
(`install`), how the tree restarts a child.

It may be killed between any two instructions. Before the switch it leaves only files that nobody
serves, and the next run sweeps them up or goes on with them. After it, `journal` knows what is on
trial: main_app serves something whole at each start, and the next run ends the trial first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

import otpsup
from examples.fastblog import journal
from examples.fastblog.data_dir import Busy, DataDir, locked
from examples.fastblog.download import DownloadFailed, fetch, get_json, newest
from examples.fastblog.install import BadArchive, clean_up, current_version, unpack
from examples.fastblog.ipc_client import announce
from examples.fastblog.releases import Release, precedence

Report = Callable[[str], None]


class UpdateFailed(Exception):
    """The update did not happen; says why, and which version is served."""


class NotUp(Exception):
    """main_app did not become ready; says why."""


class MainApp(Protocol):
    """The program that is being updated, as far as an update needs it."""

    def restart(self) -> None:
        """Stop it, start it, and return when it is ready. Raises NotUp."""

    def version(self) -> str | None:
        """The version that answers now; None if none does."""


class Update:
    """One run of the updater. `server` is the update server's URL without a path."""

    def __init__(self, data: DataDir, server: str, app: MainApp, report: Report) -> None:
        self._data, self._server, self._app, self._report = data, server, app, report

    def run(self) -> None:
        """Bring the blog to the newest release, if it is not there.

        Raises:
            UpdateFailed: it is not, and the one before is served.
        """
        try:
            self._run_alone()
        except UpdateFailed as error:
            self._report(f"failed: {error}")
            raise

    def _run_alone(self) -> None:
        try:
            with locked(self._data.lock("update"), wait=False):
                self._run()
        except Busy as error:
            raise UpdateFailed(f"another update is under way, {error}") from None
        except (DownloadFailed, BadArchive) as error:
            raise UpdateFailed(str(error)) from None

    def _run(self) -> None:
        self.settle()
        release = self.find()
        if release is None:
            self._sweep()
            self._report(f"nothing newer than {current_version(self._data)}")
            return
        self.install(release)
        journal.switch(self._data, release.version)
        self.prove()

    def settle(self) -> None:
        """End what an earlier run left: a release on trial, or an old one still running."""
        last = journal.read(self._data)
        if last is not None and last.on_trial and last.version == current_version(self._data):
            self.prove()
        else:
            self._serve_current()

    def find(self) -> Release | None:
        """The newest release on offer, if it is newer than the current one."""
        self._report("looking for a newer release")
        release, current = newest(self._server), current_version(self._data)
        assert current is not None
        if release is None or precedence(release.version) <= precedence(current):
            return None
        return release

    def install(self, release: Release) -> None:
        """Download, check and unpack; nothing that is served is touched."""
        self._report(f"downloading {release.version}")
        archive = fetch(self._server, release, self._data.downloads, self._progress(release))
        self._report(f"unpacking {release.version}")
        unpack(archive, self._data, release.version)

    def prove(self) -> None:
        """Run the release on trial; keep it if it answers, go back if it does not.

        Being stopped is a "does not", too: in a rest_for_one tree that is how a crash of main_app
        reaches us, and its next start shall be the old release at once.

        Raises:
            UpdateFailed: it does not.
        """
        version = current_version(self._data)
        try:
            self._prove(version)
        except UpdateFailed:
            raise
        except BaseException as error:
            problem = "main_app did not come up, or the update was stopped; see main_app's log"
            raise self._rolled_back(f"{version} was not confirmed: {problem}") from error
        self._sweep()
        self._report(f"updated to {version}")

    def _prove(self, version: str | None) -> None:
        try:
            self._start(version)
            if not journal.confirm(self._data):
                raise NotUp("it was given up while it was being checked")
        except NotUp as error:
            failure = self._rolled_back(f"{version} does not work: {error}")
            self._serve_current()
            raise failure from None

    def _rolled_back(self, problem: str) -> UpdateFailed:
        """Go back on disk; main_app may have done so itself, then its reason is the one."""
        reason = journal.roll_back(self._data, problem)
        return UpdateFailed(f"rolled back to {current_version(self._data)}: {reason}")

    def _start(self, version: str | None) -> None:
        """Have main_app answer as `version`; a restart that is not needed would use up a try."""
        if self._app.version() != version:
            self._report(f"restarting main_app as {version}")
            self._app.restart()
            if (answer := self._app.version()) != version:
                raise NotUp(f"main_app answers as {answer}, expected {version}")

    def _serve_current(self) -> None:
        try:
            self._start(current_version(self._data))
        except NotUp as error:
            raise UpdateFailed(f"main_app does not come up, see its log: {error}") from None

    def _sweep(self) -> None:
        """Keep the current release and the one before, and nothing else."""
        last = journal.read(self._data)
        keep = {current_version(self._data), last.previous if last else None}
        clean_up(self._data, keep)
        for archive in self._data.downloads.iterdir():
            archive.unlink()

    def _progress(self, release: Release) -> Callable[[int], None]:
        told = -1

        def progress(percent: int) -> None:
            nonlocal told
            if percent // 5 != told:
                told = percent // 5
                self._report(f"downloading {release.version}: {percent} %")

        return progress


class Restarts(Protocol):
    """What of a tree handle is used here."""

    def restart(self, path: str, /) -> object:
        """Stop if up, start, return when ready."""


class SupervisedApp:
    """main_app as the tree knows it."""

    def __init__(self, tree: Restarts, port: int) -> None:
        self._tree, self._url = tree, f"http://127.0.0.1:{port}/healthz"

    def restart(self) -> None:
        """Have the tree restart it; returns when it is ready. Raises NotUp."""
        try:
            self._tree.restart("main_app")
        except otpsup.OtpsupError as error:
            raise NotUp(str(error)) from None

    def version(self) -> str | None:
        """What its /healthz says; None if it does not answer."""
        try:
            return str(get_json(self._url)["version"])
        except (DownloadFailed, LookupError, TypeError):
            return None


def run(data: str, update_port: int, port: int) -> None:
    """The worker: one update of the data folder, told to the tree and to the IPC subscribers.

    Raises:
        UpdateFailed: the version from before is served.
    """
    child = otpsup.current_child()

    def report(text: str) -> None:
        print(text, flush=True)
        child.status(text)
        _announce(text)

    app = SupervisedApp(child.tree, port)
    Update(DataDir(data), f"http://127.0.0.1:{update_port}", app, report).run()


def _announce(text: str) -> None:
    port, token = int(os.environ["FASTBLOG_IPC_PORT"]), os.environ["FASTBLOG_IPC_TOKEN"]
    announce(port, token, "updater", "status_update", {"status": text})
