"""Reading supervisord.conf as supervisor 4.3.0 reads it, its quirks and errors included."""
