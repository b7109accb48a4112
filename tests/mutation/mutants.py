"""Mutants of the engine: small lies, each of which breaks one rule. The tests must see them all."""

from __future__ import annotations

from attrs import frozen


@frozen
class Mutant:
    """One wrong engine.

    Attributes:
        file: below `otpsup/`.
        old: a text that stands there exactly once.
        new: what stands there instead.
        rule: what is not so any more.
        source: where that is said: a section of OTP.md, or of DESIGN.
    """

    name: str
    file: str
    old: str
    new: str
    rule: str
    source: str


INTENSITY = "engine/intensity.py"
RESTARTER = "engine/restarter.py"
STRATEGY = "engine/strategy.py"
REASONS = "engine/reasons.py"
REQUESTS = "engine/requests.py"
PURPOSE = "engine/purpose.py"
PROCESS = "engine/process.py"
BACKOFF = "engine/backoff.py"
MAILBOX = "engine/mailbox.py"
ENGINE = "engine/engine.py"
CAUSE = "engine/cause.py"
CHILD = "engine/child.py"
ORDER = "engine/order.py"
NODE = "engine/node.py"
PLAN = "engine/plan.py"
AFTER = "specs/after.py"

WINDOW = (
    Mutant("one-too-many", INTENSITY, "<= self.intensity", "<= self.intensity + 1", "intensity n allows n restarts, not n + 1", "9.1"),
    Mutant("one-too-few", INTENSITY, "<= self.intensity", "< self.intensity", "intensity n allows n restarts, not n - 1", "9.1"),
    Mutant("window-open", INTENSITY, ".at < now - self.period", ".at <= now - self.period", "a restart exactly a period ago counts", "9.2"),
    Mutant("window-not-pruned", INTENSITY, "        self._prune(attempt.at)\n", "", "what is older than the period does not count", "9.3"),
    Mutant("bucket", INTENSITY, "self._attempts.popleft()", "self._attempts.clear()", "the window slides", "9.3"),
    Mutant("window-per-child", RESTARTER, "self._window.add(self._attempt(child, reason))",
     "child.__dict__.setdefault('window', RestartWindow(self._node.spec.intensity, self._node.spec.period)).add(self._attempt(child, reason))", "all children share one window", "9.3"),
    Mutant("success-clears-window", PURPOSE, '"""Nobody waits for it."""', "node.restarter = type(node.restarter)(node)", "only age clears the window", "9.3"),
    Mutant("siblings-counted", RESTARTER, "        why_now = purpose.Restart(cause, child)\n", "        why_now = purpose.Restart(cause, child)\n        for other in stops:\n            self._window.add(self._attempt(other, None))\n", "a group restart costs one", "9.5"),
    Mutant("absorbed-death-counted", NODE, "            self._fail_those_in_vain(child, child.pending)\n", "            self._fail_those_in_vain(child, child.pending)\n            if child.pending: self.restarter._window.add(self.restarter._attempt(child, child.pending))\n", "a death that a group restart absorbs is free", "9.6"),
    Mutant("retry-uncounted", RESTARTER, 'self._restart(child, "retry", child.last_exit)', 'self._restart_group(child, self._cause("retry", child, child.last_exit), 0.0)', "each retry counts", "11.2"),
    Mutant("paid-retry-counted", RESTARTER, "elif child.paid:", "elif False:", "a restart that waits for its backoff counts once", "DESIGN 4.6"),
)

RETRIES = (
    Mutant("retry-loops", RESTARTER, "child.retry_at(self._node.core.now + self._next_delay(child), paid=False)", "child.paid = False\n        self.retry(child)", "a failed start is not retried in a loop", "11.1"),
    Mutant("retry-not-last", RESTARTER, "child.retry_at(self._node.core.now + self._next_delay(child), paid=False)", "child.paid = False\n        self._node.child_retry_due(child)", "a retry is served after all that has arrived", "11.1"),
    Mutant("retry-alone", RESTARTER, "        child.move(\"retry\", child.cause, reason)\n        child.retry_at", "        child.move(\"retry\", child.cause, reason)\n        child.alone = True\n        child.retry_at", "a retry restarts the group again", "11.2"),
    Mutant("first-stays-restarting", PURPOSE, "if self.first is not child and self.first.state == \"restarting\":", "if False:", "only the child whose start failed is restarting", "11.1"),
    Mutant("start-goes-on", NODE, "self._unplan(plan).failed(self, child, reason)", "self._plans[plan].failed(self, child, reason)\n            self._complete(child)", "a failed start ends the restart of its group", "11.4"),
    Mutant("boot-goes-on", PURPOSE, "        node.roll_back(child, reason)\n", "        rest = [c for c in node.children.values() if c.wanted and c.state == 'down' and c is not child]\n        node.carry_out(Boot(self.cause), starts=rest)\n", "a supervisor starts with all children or not at all", "4.3"),
    Mutant("boot-retries", PURPOSE, "        child.move(\"gone\", self.cause, reason)\n        node.roll_back(child, reason)\n", "        node.restarter.retry_later(child, reason)\n        node.booted()\n", "a failed first start is never retried", "4.3"),
    Mutant("rollback-forward", NODE, "stops=list(reversed(self.children.values()))", "stops=list(self.children.values() if how == 'start_failed' else reversed(self.children.values()))", "a failed start takes down in reverse order what is up", "4.3"),
    Mutant("stops-forward", NODE, "stops=list(reversed(self.children.values()))", "stops=list(self.children.values() if how == 'stopped' else reversed(self.children.values()))", "a supervisor stops its children in reverse order", "7.1"),
    Mutant("gives-up-forward", NODE, "stops=list(reversed(self.children.values()))", "stops=list(self.children.values() if how == 'gave_up' else reversed(self.children.values()))", "one that gives up stops its children in reverse order", "12.1"),
    Mutant("auto-forward", NODE, "stops=list(reversed(self.children.values()))", "stops=list(self.children.values() if how == 'auto_shutdown' else reversed(self.children.values()))", "one that shuts down stops its children in reverse order", "7.1"),
)

STRATEGIES = (
    Mutant("one-is-all", STRATEGY, "return (failed,)", "return order.all()", "one_for_one restarts the failed child alone", "10.1"),
    Mutant("one-is-rest", STRATEGY, "return (failed,)", "return order.rest(failed)", "one_for_one restarts the failed child alone", "10.1"),
    Mutant("all-is-one", STRATEGY, "return order.all() if", "return (failed,) if", "one_for_all restarts all", "10.2"),
    Mutant("all-is-rest", STRATEGY, "return order.all() if", "return order.rest(failed) if", "one_for_all restarts all", "10.2"),
    Mutant("rest-is-one", STRATEGY, "else order.rest(failed)", "else (failed,)", "rest_for_one restarts what comes after", "10.3"),
    Mutant("rest-is-all", STRATEGY, "else order.rest(failed)", "else order.all()", "rest_for_one leaves alone what comes before", "10.3"),
    Mutant("rest-is-before", ORDER, "order[order.index(failed) :]", "order[: order.index(failed) + 1]", "the rest is what comes after", "10.3"),
    Mutant("rest-off-by-one", ORDER, "order[order.index(failed) :]", "order[max(order.index(failed) - 1, 0) :]", "the rest begins with the failed child", "10.3"),
    Mutant("group-stops-forward", RESTARTER, "for c in reversed(group) if", "for c in group if", "a group stops in reverse order", "10.2"),
    Mutant("group-starts-backward", RESTARTER, "for c in group if c.wanted", "for c in reversed(group) if c.wanted", "a group starts in order", "10.2"),
    Mutant("restart-moves", PURPOSE, '"""Nobody waits for it."""', "node.children[self.first.name] = node.children.pop(self.first.name, self.first)", "a restart never moves a record", "10.8"),
    Mutant("temporary-sibling-restarted", RESTARTER, ' and (c.spec.restart != "temporary")', "", "temporary siblings are not restarted with a group", "10.4"),
    Mutant("temporary-sibling-kept", NODE, "            return\n        self.forget_if_over(child)\n        self._complete(child)\n\n    def _start_was", "            return\n        self._complete(child)\n\n    def _start_was", "the record of a stopped temporary child is deleted", "10.4"),
    Mutant("temporary-kept", RESTARTER, "cause.reason.is_normal\n            self._node.forget_if_over(child)", "cause.reason.is_normal", "the record of an ended temporary child is deleted", "8.1"),
    Mutant("normal-permanent-stays-down", STRATEGY, 'return restart == "permanent" or (restart', 'return (restart == "permanent" and not reason.is_normal) or (restart', "a permanent child is restarted whatever it ended of", "8.1"),
    Mutant("normal-transient-restarted", STRATEGY, '(restart == "transient" and not reason.is_normal)', '(restart == "transient")', "a transient child that ended normally is not restarted", "8.1"),
    Mutant("crashed-transient-stays-down", STRATEGY, '(restart == "transient" and not reason.is_normal)', '(restart == "transient" and reason.is_normal)', "a transient child that crashed is restarted", "8.1"),
    Mutant("crashed-temporary-restarted", STRATEGY, '(restart == "transient" and not reason.is_normal)', '(not reason.is_normal)', "a temporary child is never restarted", "8.1"),
    Mutant("shutdown-is-abnormal", REASONS, 'self.kind in ("normal", "shutdown")', 'self.kind == "normal"', "shutdown is a normal end", "8.1"),
    Mutant("killed-is-normal", REASONS, 'self.kind in ("normal", "shutdown")', 'self.kind in ("normal", "shutdown", "killed")', "killed is an abnormal end", "8.1"),
    Mutant("any-sigterm-is-shutdown", REASONS, "stop_signal if stopping else None", "stop_signal", "only the stop signal that we sent is shutdown", "DESIGN 4.8"),
    Mutant("any-sigkill-is-killed", REASONS, "killed and number ==", "number ==", "only our SIGKILL is killed", "DESIGN 4.8"),
    Mutant("transient-normal-reported", STRATEGY, 'return restart == "permanent" or not reason.is_normal', "return True", "the normal end of a transient child is not reported", "8.2"),
    Mutant("kill-not-reported", STRATEGY, "(brutal and reason.kind", "(reason.kind", "a child that had to be killed is reported", "6.4"),
    Mutant("absorbed-death-not-reported", CHILD, "        reason = self.pending\n", "        reason = None\n", "a child found dead keeps its own reason", "6.5"),
    Mutant("dead-signalled", CHILD, "        if self.state in UP and self.pending is None:\n            self.begin_stop", "        if self.state in UP:\n            self.begin_stop", "nothing is sent to a child that is dead already", "6.5"),
)

OPERATORS = (
    Mutant("resurrection", RESTARTER, "if c.wanted and (c", "if (c", "what an operator stopped is not woken by a sibling", "DESIGN 4.1"),
    Mutant("stopped-is-wanted", REQUESTS, "        child.wanted = False\n        why = purpose.ApiStop", "        why = purpose.ApiStop", "what an operator stopped is not wanted", "DESIGN 4.1"),
    Mutant("on-demand-boots", NODE, "in self.children.values() if child.wanted]", "in self.children.values()]", "what is declared on demand does not start by itself", "DESIGN 4.1"),
    Mutant("started-is-unwanted", PURPOSE, "        self.child.wanted = True\n", "", "what an operator started comes back with its group", "DESIGN 4.1"),
    Mutant("ended-not-run-again", RESTARTER, "if c.wanted and (c", "if c.wanted and not c.is_done and (c", "a group restart runs again what ended normally", "10.5"),
    Mutant("present-is-started", REQUESTS, "        if other.state in UP:\n            raise _already_started(other)", "        if True:\n            raise _already_started(other)", "a name that is down is already_present", "14.1"),
    Mutant("restarting-is-started", REQUESTS, "        if other.state in UP:\n            raise _already_started(other)", '        if other.state != "down":\n            raise _already_started(other)', "a name that is restarting is already_present", "11.5"),
    Mutant("started-is-present", REQUESTS, "        if other.state in UP:\n            raise _already_started(other)", "        if False:\n            raise _already_started(other)", "a name that is up is already_started", "14"),
    Mutant("terminate-forgets", PURPOSE, '"""It is down."""\n', '"""It is down."""\n        if self.child.name in node.children:\n            node.forget(self.child)\n', "terminate_child keeps the record", "14.2"),
    Mutant("restart_child-moves", PURPOSE, "        self.child.wanted = True\n", "        self.child.wanted = True\n        if self.child.name in node.children:\n            node.children[self.child.name] = node.children.pop(self.child.name)\n", "restart_child keeps the position", "14.3"),
    Mutant("failed-child-kept", PURPOSE, "        if self.new:\n", "        if False:\n", "start_child that fails leaves no record", "14.1"),
    Mutant("failed-child-retried", PURPOSE, "        child.move(\"gone\", self.cause, reason)\n        if self.new:\n            node.forget(child)\n", "        node.restarter.retry_later(child, reason)\n", "start_child that fails is not retried", "14.1"),
    Mutant("running-deleted", REQUESTS, "        if child.state in UP:\n            raise self._running(child, \"delete\")", "        if False:\n            raise self._running(child, \"delete\")", "a running child cannot be deleted", "14"),
    Mutant("restarting-deleted", REQUESTS, "child = self._find(request.path, \"delete\")\n        if child.state == \"restarting\":", "child = self._find(request.path, \"delete\")\n        if False:", "a restarting child cannot be deleted", "11.5"),
    Mutant("restarting-started", REQUESTS, "child = self._find(request.path, \"start\")\n        if child.state == \"restarting\":", "child = self._find(request.path, \"start\")\n        if False:", "restart_child refuses a restarting child", "11.5"),
    Mutant("terminate-keeps-retry", CHILD, "        if self.state != \"down\":\n            self.move(\"gone\", cause, reason)\n        self.parent", "        if self.state in UP:\n            self.move(\"gone\", cause, reason)\n        self.parent", "terminate_child cancels a retry", "11.6"),
    Mutant("dead-is-active", REQUESTS, "(c.pending is None or pool)", "True", "a dead child is not active", "15.2"),
    Mutant("newest-first", REQUESTS, "child.type) for child in node.children.values())", "child.type) for child in reversed(node.children.values()))", "which_children lists in start order", "DESIGN 4.7"),
    Mutant("significant-unchecked", REQUESTS, "        check_significant(self._node.spec, spec)\n", "", "start_child refuses a significant child where auto_shutdown is never", "13.1"),
    Mutant("deadlock", REQUESTS, "            if child.parent is self._node:\n                return True", "            if child.parent is self._node:\n                return False", "a child that is not ready cannot ask its supervisor for a start", "DESIGN 4.4"),
    Mutant("unmonitored-restarted", RESTARTER, " and child.monitored:", ":", "an unmonitored child is left down", "DESIGN 7"),
    Mutant("replace-counted", RESTARTER, "        waits = child.state == \"restarting\"\n", "        waits = child.state == \"restarting\"\n        self._window.add(self._attempt(child, None))\n", "what is done on request does not count", "9.4"),
    Mutant("replace-is-group", RESTARTER, "self._group(child) if waits else ([child], [child])", "self._group(child)", "restart on request leaves siblings alone", "DESIGN 4"),
)

SIGNIFICANT = (
    Mutant("any-is-all", RESTARTER, 'mode == "any_significant" or all(', "all(", "any significant end is enough for any_significant", "13.3"),
    Mutant("all-is-any", RESTARTER, 'mode == "any_significant" or all(', "True or all(", "all_significant waits for the last one", "13.5"),
    Mutant("insignificant-counts", RESTARTER, 'if mode == "never" or not child.spec.significant:', 'if mode == "never":', "other ends never shut down", "13.3"),
    Mutant("restarting-is-gone", RESTARTER, 'all(c.state == "down" for c in others)', 'all(c.state in ("down", "restarting") for c in others)', "restarting counts as alive", "13.5"),
    Mutant("others-all", RESTARTER, "if c is not child and c.spec.significant)", "if c is not child)", "only significant siblings are waited for", "13.5"),
    Mutant("terminate-shuts-down", PURPOSE, '"""It is down."""\n', '"""It is down."""\n        if node.restarter._shuts_down_with(self.child):\n            node.end("auto_shutdown", Reason("shutdown", "stopped"), self.cause)\n', "terminate_child never shuts down", "13.4"),
    Mutant("declined-shuts-down", NODE, "        child.is_done = True\n", "        child.is_done = True\n        if self.restarter._shuts_down_with(child):\n            self.end('auto_shutdown', SHUTDOWN, child.cause)\n            return\n", "a start that is ignored never shuts down", "13.6"),
    Mutant("crash-shuts-down", RESTARTER, "            child.alone = False\n", "            child.alone = False\n            if self._shuts_down_with(child):\n                return self.ended_for_good(child, Cause('exit', child.path, reason))\n", "a significant child that is restarted does not shut down", "13.3"),
    Mutant("auto-shutdown-abnormal", RESTARTER, 'self._node.end("auto_shutdown", SHUTDOWN, why)', 'self._node.end("auto_shutdown", evolve(SHUTDOWN, kind="error"), why)', "auto_shutdown is a normal end", "13.7"),
)

ESCALATION = (
    Mutant("giving-up-abnormal", RESTARTER, 'Reason("shutdown", "too many restarts")', 'Reason("error", "too many restarts")', "giving up is a normal end: transient supervisors stay down", "12.3"),
    Mutant("history-kept", NODE, "            self.restarter = Restarter(self)\n        self._is_fresh", "        self._is_fresh", "a restarted supervisor begins with an empty window", "12.4"),
    Mutant("added-kept", NODE, "            self._clear()\n            self._load()\n", "", "a restarted supervisor has the children of its spec", "12.4"),
    Mutant("never-up-has-exited", NODE, "elif self._was_up:", "elif True:", "one that ends before it was up has failed to start", "11.9"),
    Mutant("offender-restarted", RESTARTER, "            self._give_up(child, cause)\n            return\n", "            self._give_up(child, cause)\n            child.start(cause)\n            return\n", "one restart too many is not done", "12.1"),
)

POOLS = (
    Mutant("one-place-more", REQUESTS, "len(node.children) >= spec.max_children", "len(node.children) > spec.max_children", "max_children are the most", "20.2"),
    Mutant("restarting-takes-no-place", REQUESTS, "len(node.children) >= spec.max_children", "sum(c.state in UP for c in node.children.values()) >= spec.max_children", "restarting instances count for max_children", "20.2"),
    Mutant("pool-in-order", ORDER, 'return all_at_once("stop", children)', 'return chain("stop", children)', "instances stop all at once", "16.7"),
    Mutant("instance-kept", NODE, "if self.is_dynamic or (child", "if (child", "no record of an instance is kept", "16.5"),
    Mutant("args-lost", PROCESS, 'if self.spec.restart == "temporary":', "if True:", "an instance is restarted with the same arguments", "16.5"),
    Mutant("args-kept", PROCESS, 'if self.spec.restart == "temporary":', "if False:", "arguments of a temporary child are not kept", "3.5"),
    Mutant("ended-instance-unknown", REQUESTS, "if not isinstance(node.spec, DynamicSupervisor) or name in node.children:", "if True:", "to stop an instance that has ended is done already", "16.4"),
    Mutant("pool-liveness", REQUESTS, "(c.pending is None or pool)", "c.pending is None", "whether an instance is alive is not looked at", "16.6"),
    Mutant("number-reused", REQUESTS, "node.core.next_instance(node.path)}", "len(node.children) + 1}", "no two instances have the same name", "16.4"),
)

STOPS = (
    Mutant("no-kill-timer", PROCESS, "        self.core.emit(Terminate(self.path, self.run))\n        self.limit_stop()", "        self.core.emit(Terminate(self.path, self.run))", "a stop becomes a kill when its time is up", "6.1"),
    Mutant("brutal-asks", PROCESS, "if self.spec.shutdown == BRUTAL_KILL:", "if False:", "brutal_kill does not ask", "6.1"),
    Mutant("stops-together", ORDER, 'return chain("stop", children)', 'return all_at_once("stop", children)', "a child stops when the one after it is gone", "6.2"),
    Mutant("starts-together", ORDER, 'return chain("start", children)', 'return all_at_once("start", children)', "a child starts when the one before it is ready", "4.1"),
    Mutant("supervisor-no-kill-timer", NODE, '        if self.state == "stopping":\n            self.limit_stop()\n', "", "a supervisor's own time to stop has an end", "7.4"),
    Mutant("overlap", PLAN, "if self._stops_left == 0 and self._starts:", "if self._starts:", "every stop comes before the first start", "10.2"),
    Mutant("unasked-requests", NODE, "            self.core.emit(Reply(message.ref, error=self.not_running()))", "            pass", "requests that wait when a supervisor ends are answered", "17.3"),
)

MESSAGES = (
    Mutant("stack", MAILBOX, "self._messages.append(message)", "self._messages.appendleft(message)", "messages are handled in the order of arrival", "17.1"),
    Mutant("one-pass", MAILBOX, "            while self._messages and self._pass():\n                pass", "            self._pass()", "what a message frees is handled at once", "17.1"),
    Mutant("not-serial", NODE, "        if self.is_serial:\n            return bool(self._plans)\n", "", "under a group strategy all waits for a restart", "17.1"),
    Mutant("all-serial", NODE, "return child is not None and child.plan is not None", "return bool(self._plans)", "one_for_one holds up nobody else", "DESIGN 4.3"),
    Mutant("requests-overtake", REQUESTS, "return self._node.is_busy_with(child) or self._is_busy_below(request, child)", "return self._is_busy_below(request, child)", "a request sees the result of a restart", "17.2"),
    Mutant("old-news", ENGINE, " or child.run != event.run:", ":", "news of an earlier incarnation are dropped", "1.4"),
    Mutant("old-notices", NODE, "elif message.run == message.child.run:", "else:", "a retry that was overtaken is dropped", "11.7"),
    Mutant("boot-occupies", NODE, "            child.plan = None\n\n    def release", "            pass\n\n    def release", "under one_for_one a child is free when it is up", "DESIGN 4.3"),
    Mutant("clock-goes-back", ENGINE, "if now > core.now:", "if True:", "the clock never goes back", "9.2"),
)

TIMES = (
    Mutant("backoff-off-by-one", BACKOFF, "** (attempt - 1)", "** attempt", "the first wait is `initial`", "DESIGN 4.6"),
    Mutant("backoff-unlimited", BACKOFF, "min(backoff.max, backoff.initial * backoff.factor ** (attempt - 1))", "backoff.initial * backoff.factor ** (attempt - 1)", "no wait is longer than `max`", "DESIGN 4.6"),
    Mutant("jitter-shortens", BACKOFF, "(1 + backoff.jitter", "(1 - backoff.jitter", "jitter only adds", "DESIGN 4.6"),
    Mutant("backoff-never-reset", RESTARTER, "            child.attempts = 0\n", "            pass\n", "the wait begins anew after reset_after", "DESIGN 4.6"),
    Mutant("backoff-siblings-up", RESTARTER, "        if wait > 0:\n            due = self._node.core.now + wait\n", "        if wait > 0:\n            stops = []\n            due = self._node.core.now + wait\n", "a group waits together, stopped", "DESIGN 4.6"),
    Mutant("no-start-timeout", PROCESS, "        self.move(\"start\", cause)\n        self.limit_start()\n", "        self.move(\"start\", cause)\n", "a start that takes too long fails", "DESIGN 8"),
)

DEPENDENCIES = (
    Mutant("started-is-ready", ORDER, '"started": STARTED', '"started": READY', "started: its process exists", "DESIGN 5"),
    Mutant("ready-is-started", ORDER, '"ready": READY', '"ready": STARTED', "ready: it can serve", "DESIGN 5"),
    Mutant("healthy-is-ready", ORDER, '"healthy": HEALTHY', '"healthy": READY', "healthy: it has said that all is well", "DESIGN 5"),
    Mutant("completed-is-ready", ORDER, '"completed": COMPLETED', '"completed": READY', "completed: it has ended normally", "DESIGN 5"),
    Mutant("completed-is-healthy", ORDER, '"completed": COMPLETED', '"completed": HEALTHY', "completed: it has ended normally", "DESIGN 5"),
    Mutant("any-level", PLAN, "if needed > level:", "if False:", "a child waits until each dependency has come as far as it wants", "DESIGN 5"),
    Mutant("last-goal", PLAN, "self.goal = max(self.goal, level)", "self.goal = level", "a start is done when it has come as far as anybody wants", "DESIGN 5"),
    Mutant("later-healthy-any", CHILD, '(condition == "healthy" and self.is_healthy)', '(condition == "healthy")', "a parked child waits for health", "DESIGN 5"),
    Mutant("done-satisfies-nobody", CHILD, "        if self.is_done:\n            return True\n", "", "whoever completed satisfies all", "DESIGN 5"),
    Mutant("health-outlives", CHILD, "self.is_healthy = self.is_done = False", "self.is_done = False", "health is that of the present incarnation", "DESIGN 5"),
    Mutant("completion-outlives", CHILD, "self.is_healthy = self.is_done = False", "self.is_healthy = False", "a task that runs again has to complete again", "DESIGN 5"),
    Mutant("failure-completes", CHILD, "        if self.is_done:\n            return True\n", "        if self.is_done or (condition == 'completed' and self.state == 'down'):\n            return True\n", "a task that failed has not completed", "DESIGN 5"),
    Mutant("ended-is-done", RESTARTER, "child.is_done = cause.reason is not None and cause.reason.is_normal", "child.is_done = True", "only a normal end completes", "DESIGN 5"),
    Mutant("cycles", AFTER, "        ).prepare()", "        )", "cycles are refused", "DESIGN 5"),
    Mutant("unknown-names", AFTER, "    if other is None:\n        raise", "    if other is None:\n        return\n        raise", "unknown names are refused", "DESIGN 5"),
    Mutant("endless-tasks", AFTER, 'if child.restart == "permanent":', "if False:", "a task that never ends is refused", "DESIGN 5"),
    Mutant("direct-only", ORDER, "            names.extend(new)\n", "", "the rest is all that depend on the failed child, directly or not", "DESIGN 5"),
    Mutant("graph-is-list", ORDER, "        return [child for name, child in self._children.items() if name in affected]", "        return super().rest(failed)", "the rest is nobody who does not depend on the failed child", "DESIGN 5"),
    Mutant("graph-stops-forward", ORDER, "steps[child.name].before(steps[dependency.name])", "steps[dependency.name].before(steps[child.name])", "a child stops when all that depend on it have stopped", "DESIGN 5"),
    Mutant("graph-stops-together", ORDER, "steps[child.name].before(steps[dependency.name])", "pass", "a child stops when all that depend on it have stopped", "DESIGN 5"),
    Mutant("never-released", NODE, "            self._waiting.append(child)\n            self._complete(child)", "            self._complete(child)", "who waits goes on when its dependency is there", "DESIGN 5"),
    Mutant("waiting-costs", RESTARTER, "            path, rule = self._node.path_of", "            self._window.add(self._attempt(child, None))\n            path, rule = self._node.path_of", "waiting for a dependency costs no restart", "DESIGN 5"),
    Mutant("nobody-waits", NODE, "if self.order.is_graph and (unmet := self.order.unmet(child)):", "if False:", "who is started again waits for what it is after", "DESIGN 5"),
    Mutant("unwanted-waited-for", ORDER, "other is not None and other.wanted and not", "other is not None and not", "what nobody wants is waited for by nobody", "DESIGN 5"),
    Mutant("failed-task-completes", NODE, "if reason.is_normal and plan.goal(child) == COMPLETED:", "if plan.goal(child) == COMPLETED:", "a task that fails is a failed start", "DESIGN 5"),
    Mutant("waits-in-vain", NODE, "        if not should_restart(dead.spec.restart, reason):\n            return\n", "        if reason:\n            return\n", "a task whose dependency died is not waited for", "DESIGN 5"),
    Mutant("unmet-start-waits", REQUESTS, '        self._check_dependencies("start", child)\n', "", "a start that would have to wait is refused", "DESIGN 5"),
    Mutant("unmet-restart-waits", REQUESTS, '        self._check_dependencies("restart", child)\n', "", "a restart that would have to wait is refused", "DESIGN 5"),
    Mutant("start-does-not-wait", REQUESTS, "        return any(self._node.is_busy_with(siblings.get(name)) for name in names)", "        return False", "a start waits for what is just starting", "DESIGN 5"),
    Mutant("no-health-timeout", NODE, "                child.limit_start()\n", "                pass\n", "health that others wait for has a deadline", "DESIGN 5"),
    Mutant("delete-releases-nobody", NODE, "        del self.core.children[child.path]\n        self.release()", "        del self.core.children[child.path]", "whoever waits for a deleted child goes on", "DESIGN 5"),
    Mutant("end-releases-nobody", RESTARTER, "            self._node.end(\"auto_shutdown\", SHUTDOWN, why)\n        self._node.release()", "            self._node.end(\"auto_shutdown\", SHUTDOWN, why)", "whoever waits goes on when a task has ended", "DESIGN 5"),
    Mutant("after-in-list", REQUESTS, "if spec.after and not self._node.order.is_graph:", "if False:", "a child that is added to a list has no after", "DESIGN 5"),
    Mutant("added-unknown", REQUESTS, "            check_dependency(owner, spec.name, dependency, siblings)\n", "            pass\n", "a child that is added names siblings that are there", "DESIGN 5"),
    Mutant("ignored-not-done", NODE, "        child.is_done = True\n", "", "whoever declines to run satisfies all", "DESIGN 5"),
)

WHY = (
    Mutant("cause-rule", RESTARTER, "            node.strategy,\n", '            "one_for_one",\n', "a cause names the strategy", "events"),
    Mutant("cause-count", RESTARTER, "self._window.used(node.core.now),", "self._window.used(node.core.now) - 1,", "a cause says which restart it is", "events"),
    Mutant("cause-parent", RESTARTER, "            parent=child.cause,\n        )", "        )", "a cause leads back to the beginning", "events"),
    Mutant("cause-endless", CAUSE, "parent.links < _MOST", "parent.links >= 0", "a chain has an end", "events"),
    Mutant("cause-attempts", RESTARTER, "            attempts=self._window.attempts,\n", "", "giving up tells all attempts", "events"),
    Mutant("cause-by", REQUESTS, "rule=_WORDS[type(request)], by=request.caller)", "rule=_WORDS[type(request)])", "a cause says who asked", "events"),
    Mutant("cause-supervisor", RESTARTER, "            supervisor=node.label,\n", "", "a cause says whose rule it is", "events"),
)

MAYBE_EQUIVALENT = (
    Mutant("eq-wait_for-paid", CHILD, "        self.paid = True\n        self.awaited", "        self.paid = False\n        self.awaited", "", ""),
    Mutant("eq-last-seen", RESTARTER, 'self._restart_group(child, Cause("satisfied", path, None, rule, parent=child.cause), 0)', 'self._restart_group(child, Cause("satisfied", path, None, rule, parent=child.cause), -1)', "", ""),
)

MUTANTS = (*WINDOW, *RETRIES, *STRATEGIES, *OPERATORS, *SIGNIFICANT, *ESCALATION, *POOLS, *STOPS, *MESSAGES, *TIMES, *DEPENDENCIES, *WHY)
EQUIVALENT = MAYBE_EQUIVALENT
