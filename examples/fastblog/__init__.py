"""FastBlog: a small real blog of four programs under one otpsup tree.

Start it with `python -m examples.fastblog`; `tree.py` is the whole system on one page.

    tree.py           the four children, their order and their readiness
    __main__.py       flags, data folder, ports; hands the tree to otpsup.run

    frames.py         IPC wire format, sans-IO
    ipc_server.py     publish/subscribe and request/response on 127.0.0.1:12345
    ipc_client.py     the other end of it

    update_server.py  which releases exist, and their files, on 127.0.0.1:8001
    releases.py       builds and publishes a release from `blog/` and `changes/`

    serve.py          main_app: chooses the installed release and becomes its web server
    blog/             the application as a release carries it
    updater.py        one update, from "is there a newer one" to "it answers"
    download.py       gets a release over HTTP and checks it
    install.py        unpacks a release beside the others; the `current` link
    journal.py        the switch that survives a crash: who is tried, who is served
    data_dir.py       the names below the data folder, and how a file there is replaced
"""
