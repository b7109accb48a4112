"""The HTTP server of a tree: the pages of all its plug-ins.

access      who may ask                                         (pure)
pages       pages in threads: one that hangs holds up no other
app         what is where, as an ASGI application (extra `web`)
service     the plug-in: serves it until the tree ends
"""
