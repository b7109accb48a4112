"""The control socket: the same requests as `Tree` has, from another process.

`address` finds running trees, `server` answers in the host, `client` asks.
"""
