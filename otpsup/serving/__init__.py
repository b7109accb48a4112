"""HTTP in a thread of its own with its own loop: no client can hold up supervision, however slow or
large what it does. Whose pages these are is not its matter.

asgi        the types of applications
sockets     where it is served
limits      how many connections there may be
tls         certificates and keys, and what is wrong with them
gate        accepts them, and has TLS agreed on
protocol    HTTP on one of them, and what it may not take
server      uvicorn in its thread; with the two before all that imports it (extra `web`)
"""
