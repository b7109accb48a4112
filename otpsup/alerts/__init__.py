"""Alerts: when something breaks the right people hear about it, once, and again when it is well.

    children   how each child is, from events and looks                    (pure)
    rules      what fires, and whether it is well again                    (pure)
    grouping   what of it goes in which message, of one channel            (pure)
    decisions  all three: events and the time in, messages out             (pure)
    message    a message in words (`text`) and as JSON, `clean` of secrets (pure)
    kept       what of it survives the host                                (pure)
    outbox     messages and state on disk, until they are delivered
    courier    one thread a channel: delivers, and tries again
    channels   mail, webhooks, mailboxes, apprise
    service    the plug-in that has them all

Settings are in `otpsup.specs.alerts` and `otpsup.specs.channels`.
"""
