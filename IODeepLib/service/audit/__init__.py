"""Audit messages: who ran what on whom, told to the site's audit server.

As PS3.15 sections A.5 (what is said) and A.6, A.7 (how it is sent, by syslog) have it. A message is
on the disk before it is sent, so that a server that is silent stops nothing and misses nothing.
"""
