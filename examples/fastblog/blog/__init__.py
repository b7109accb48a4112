"""The blog, as a release carries it.

This folder is copied into releases and runs from there, so it imports only itself, otpsup,
starlette, jinja2 and the standard library. What it needs to know about its surroundings is in the
environment: FASTBLOG_DATA, FASTBLOG_UPDATE_URL, FASTBLOG_IPC_PORT, FASTBLOG_IPC_TOKEN.
"""
