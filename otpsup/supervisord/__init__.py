"""supervisord's own files and clients: a supervisord.conf runs, and its clients work against it.

    conf         reading supervisord.conf, to the letter        (text in, settings out)
    tree         the settings as an otpsup tree
    processes    what supervisord would say of each process: states, times, exit codes
    listeners    event listeners: their protocol, buffers and pools
    rpc          the XML-RPC interface; `http` serves it
    daemon       all of it together: `otpsup run -c supervisord.conf`

Above all layers of otpsup: nothing else imports it but the command line.
"""
