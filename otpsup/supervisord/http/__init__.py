"""HTTP as supervisord serves it, in a thread with a loop of its own: no client can hold up
supervision, however slow or large what it does.

auth      who may come in                                (pure)
app       what is where, as an ASGI application
tails     a log, as it grows
sockets   where it is served
server    uvicorn in its thread; the only place that imports it (extra `web`)
"""
