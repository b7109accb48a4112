"""The table of `top` on a whole screen, drawn by rich."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .table import NOT_READY, shown
from .usage import Row

_STYLES = {
    "running": "green", "starting": "yellow", "stopping": "yellow", "restarting": "red",
    "down": "bright_black", NOT_READY: "yellow",
}  # fmt: skip


@contextlib.contextmanager
def rich_screen(
    head: Sequence[str], help: str, cells: Callable[[Row], tuple[str, ...]]
) -> Iterator[Callable[[str, list[Row]], None]]:
    """A screen of its own until the end; yields what draws it anew."""
    console = Console(highlight=False)
    with Live(console=console, screen=True, auto_refresh=False) as live:

        def draw(headline: str, rows: list[Row]) -> None:
            shown = rows[: max(1, console.height - 6)]
            left = f", {len(rows) - len(shown)} more" if len(shown) < len(rows) else ""
            drawn = _table(head, shown, cells)
            foot = Text(f"{help}{left}", style="dim")
            live.update(Group(Text(headline, style="bold"), drawn, foot), refresh=True)

        yield draw


def _table(
    head: Sequence[str], rows: Sequence[Row], cells: Callable[[Row], tuple[str, ...]]
) -> Table:
    drawn = Table(box=None, header_style="reverse", pad_edge=False, padding=(0, 2, 0, 0))
    for number, title in enumerate(head):
        justify = "left" if number < 2 else "right"
        drawn.add_column(title, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in rows:
        style = _STYLES.get(shown(row.state, row.ready), "")
        drawn.add_row(*(Text(cell, style=style) for cell in cells(row)))
    return drawn
