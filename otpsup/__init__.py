"""An embedded, Erlang/OTP-style supervision tree for Python."""
