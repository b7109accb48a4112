"""BK-LOG's deployment: three supervisord.conf files as they are, and the same as one tree."""
