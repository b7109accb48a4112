"""supervisord's own files and clients: a supervisord.conf runs, and its clients work against it.

    conf          reading supervisord.conf, to the letter        (text in, settings out)
    tree          the settings as an otpsup tree; `commands`: whether a command can be run at all
    run           `otpsup run -c`: one daemon after the other; `setup`: what it does to itself
    daemon        one life: a tree, its clients, its listeners
    members       the groups that a daemon has now; `compare`: how those of a file differ from them
    processes     what supervisord would say of each process (`states`: by which numbers)
    mainlog       the daemon's own log; `sayings`: what it says when a process changes
    events        supervisord's events, their names and payloads
    listeners     event listeners: their protocol, buffers and pools; capture mode
    rpc           the XML-RPC methods; `http` serves them; `door`: from its thread to the tree
    importing     `otpsup import`: a supervisord.conf or `procfile` as a tree, in a `tree_file`

Above all layers of otpsup: nothing else imports it but the command line.
"""
