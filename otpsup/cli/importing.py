"""`import`: a supervisord.conf or a Procfile as a tree file."""

from __future__ import annotations

import sys

from .. import mask
from ..errors import OtpsupError
from ..plain import plain
from .parameters import Options


class Exists(OtpsupError):
    """The file that was to be written is there already; it was left alone."""

    code = "exists"


def command(options: Options) -> str:
    """The tree file as text, or, with `--output`, that it was written. Tells what was left out.

    Raises:
        Exists: the file to be written is there.
        InvalidFile, InvalidSpec: what was given cannot be a tree.
    """
    from ..supervisord.importing import imported  # yaml takes its time
    from ..supervisord.tree_file import text_of

    found = imported(options.file)
    text = text_of(found)
    for note in found.notes:
        print(f"otpsup: {plain(mask.text(note))}", file=sys.stderr)
    if options.output is None:
        return text
    try:
        with options.output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Exists(f"{options.output} exists; move it away, or give another name") from None
    return f"{options.output}: written\n"
