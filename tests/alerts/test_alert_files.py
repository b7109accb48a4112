"""Alerts in tree files: what is read, what is refused and where, what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from otpsup import (
    Alerts,
    Apprise,
    GaveUp,
    InvalidFile,
    Mailbox,
    MemoryOver,
    OwnChannel,
    QuietHours,
    Rate,
    Restarts,
    Smtp,
    TreeStopped,
    Unhealthy,
    Webhook,
    config,
)
from otpsup.config.plugins.alerts import RECORD

WHOLE = """
channels:
  mail:
    smtp: {host: mail.example.com, sender: a@b.c, to: d@e.f, user: x, password_env: PW,
           rate: {count: 3, within: 1h}, tls: tls, ca_file: ca.pem}
  chat: {webhook: "https://h.example/x"}
  hook: {webhook: {url_file: hook, secret_headers: {Authorization: /run/x}, quiet_hours: []}}
  box: mailbox
  other: {mailbox: mail}
  all: {apprise: {urls_env: URLS, timeout: 1m}}
  lamp: {own: "shop.lamp:Lamp"}
  lamps: {own: {use: "shop.lamp:Lamp", settings: {pins: [3, 4]}, rate: {count: 1}}}
rules:
  - gave_up
  - {restarts: {count: 3, within: 10m, paths: "backend/*", channels: chat}}
  - {memory: 512MB}
  - {unhealthy: 2m}
  - {tree_stopped: {asked: true, severity: info}}
quiet_hours: ["22:00-07:00", {hours: 00:00-24:00, days: [sat, sun]}]
outbox: box
well_for: 0
max_bytes: 1MB
"""


def whole(folder: str) -> Alerts:
    """The same in Python, for a file in that folder."""
    channels: dict[str, Any] = {
        "mail": Smtp(
            "mail.example.com", "a@b.c", "d@e.f", user="x", password_env="PW", tls="tls",
            rate=Rate(3, 3600), ca_file=f"{folder}/ca.pem",
        ),
        "chat": Webhook("https://h.example/x"),
        "hook": Webhook(
            url_file=f"{folder}/hook", secret_headers={"Authorization": "/run/x"}, quiet_hours=()
        ),
        "box": Mailbox(),
        "other": Mailbox(f"{folder}/mail"),
        "all": Apprise(urls_env="URLS", timeout=60),
        "lamp": OwnChannel("shop.lamp:Lamp"),
        "lamps": OwnChannel("shop.lamp:Lamp", settings={"pins": [3, 4]}, rate=Rate(1)),
    }  # fmt: skip
    return Alerts(
        channels=channels,
        rules=[
            GaveUp(),
            Restarts(3, 600, paths=["backend/*"], channels=["chat"]),
            MemoryOver(512_000_000),
            Unhealthy(120),
            TreeStopped(asked=True, severity="info"),
        ],
        quiet_hours=[QuietHours("22:00-07:00"), QuietHours("00:00-24:00", ["sat", "sun"])],
        outbox=f"{folder}/box",
        well_for=0,
        max_bytes=1_000_000,
    )


def read(folder: Path, text: str) -> Any:
    """The settings in a tree file."""
    body = "\n".join(f"    {line}" for line in text.strip().splitlines())
    file = folder / "shop.yaml"
    file.write_text(f"name: shop\nchildren: []\nplugins:\n  alerts:\n{body}\n")
    return config.load_with_plugins(file, {})[1]["alerts"]


def test_all_of_it(tmp_path: Path) -> None:
    """Every key, in every form, is what it is in Python; written and read again it is the same;
    and the schema takes it."""
    expected = whole(str(tmp_path))
    assert read(tmp_path, WHOLE) == expected

    written = json.loads(json.dumps(RECORD.write(expected)))
    assert read(tmp_path, yaml.safe_dump(written)) == expected
    validator = jsonschema.Draft202012Validator(config.schema())
    for value in (written, yaml.safe_load(WHOLE)):
        validator.validate({"name": "shop", "children": [], "plugins": {"alerts": value}})


def test_nothing_is_the_default(tmp_path: Path) -> None:
    """`alerts:` alone is a mailbox and the usual rules."""
    file = tmp_path / "shop.yaml"
    file.write_text("{name: shop, children: [], plugins: {alerts: }}")
    assert config.load_with_plugins(file, {})[1] == {"alerts": Alerts()}
    assert RECORD.write(Alerts()) == {}


BAD = {
    "channels: {a: {webhok: x}}": "5:20: plugins.alerts.channels.a.webhok: unknown key 'webhok'; "
    "did you mean 'webhook'?",
    "channels: {a: {webhook: {}}}": "5:29: plugins.alerts.channels.a.webhook: needs one of url, "
    "url_file, url_env",
    "channels: {a: smtp}": "5:19: plugins.alerts.channels.a: must be one of 'mailbox', 'smtp'",
    "channels: {}": "5:15: plugins.alerts.channels: must be channels by name",
    "rules: [gave_upp]": "5:13: plugins.alerts.rules[0]: must be one of 'gave_up', 'restarts', "
    "'unhealthy', 'memory', 'tree_stopped', as in '{gave_up: ...}', not 'gave_upp'; did you mean "
    "'gave_up'?",
    "rules: [{restarts: {count: 0}}]": "rules[0].restarts.count: must be a count (1 or more)",
    "rules: [memory]": "5:13: plugins.alerts.rules[0]: must be one of",
    "rules: [{gave_up: {channels: x}}]": "rule 'gave_up' has a channel 'x' that there is not; "
    "there are: mailbox",
    "quiet_hours: 22-7": "5:18: plugins.alerts.quiet_hours: must be hours such as",
    "quiet_hours: {hours: '22:00-07:00', days: son}": "must be days, of mon, tue",
    "group_wait: -1": "5:17: plugins.alerts.group_wait: must be seconds (0 or more), not -1",
}


@pytest.mark.parametrize(("text", "problem"), BAD.items())
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    """As everywhere in a tree file."""
    with pytest.raises(InvalidFile) as caught:
        read(tmp_path, text)
    assert problem in str(caught.value)


def test_an_address_with_a_password_is_refused_and_not_shown(tmp_path: Path) -> None:
    """It has no place in a file that others read."""
    with pytest.raises(InvalidFile) as caught:
        read(tmp_path, "channels: {a: {webhook: 'https://me:canary-01234@h.example/'}}")
    assert "what it is is not shown" in str(caught.value)
    assert "canary" not in str(caught.value)
