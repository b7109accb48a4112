"""Codecs between bytes and values, sans-IO: what children say, and what clients ask."""
