"""The only package that touches the operating system: it does what the engine says.

`loop` drives the engine; `process` is one child; `launch` and `launcher` make processes; the rest
watches them. Nothing here decides about restarts.
"""
