"""Reading supervisord.conf to the letter of supervisor 4.3.0. Text in, settings out.

section    one section, with the names that may stand in its values
lines      where what is wrong stands
files      the INI files: what is included, where each section comes from, expansion
words      texts to values: sizes, booleans, signals, key=value pairs
machine    what is to exist here: users, groups, directories
daemon     [supervisord] and [rpcinterface:x]
processes  what [program:x], [fcgi-program:x] and [eventlistener:x] say of their processes
groups     [group:x], and the groups that single sections are
servers    [unix_http_server] and [inet_http_server]
unique     names that are there twice
passed     what is passed over in silence
model      the values that come of it
reader     all of it, in the order in which supervisord finds errors
"""

from .model import Settings
from .reader import load
from .unique import one_of_each

__all__ = ["Settings", "load", "one_of_each"]
