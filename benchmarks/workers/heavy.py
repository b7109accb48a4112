"""A worker whose module imports a good part of Python's library: some 100 ms of it."""

from __future__ import annotations

import asyncio  # noqa: F401
import concurrent.futures  # noqa: F401
import csv  # noqa: F401
import decimal  # noqa: F401
import difflib  # noqa: F401
import email.mime.multipart  # noqa: F401
import http.server  # noqa: F401
import signal
import sqlite3  # noqa: F401
import ssl  # noqa: F401
import unittest  # noqa: F401
import urllib.request  # noqa: F401
import xml.dom.minidom  # noqa: F401

from ..announce import announce


def main(fifo: str, id: int) -> None:
    """Say when it came to life, and wait."""
    announce(fifo, id)
    while True:
        signal.pause()
