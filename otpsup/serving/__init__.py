"""HTTP in a thread of its own with its own loop: no client can hold up supervision, however slow or
large what it does. Whose pages these are is not its matter.

asgi        the types of applications
sockets     where it is served
server      uvicorn in its thread; the only place that imports it (extra `web`)
"""
