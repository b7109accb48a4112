"""The launcher: a small process that is the parent of everything the tree runs.

The host executes it once (it never forks itself), asks it over a socket to spawn, and hears from
it who ended. Stdlib only, and importable on its own as the package `launcher`, so that it starts
in 20 ms and stays small whatever the host has loaded. `server` is also the zygote's main loop.
"""
