"""The media path under load and over bad networks, of any server that answers ``POST /offer``.

===========  ================================================================
impairment   a bad network, by seed
tapes        what callers send, encoded once; marks by which to tell a delay
session      one light call; the one place that touches aiortc's private parts
calls        many of them
capacity     how many calls, and what one takes
speech       sentences, and how well they were understood
loss         what a server hears when packets are lost
stations     where the time of a call goes, by marks that pass
figures      from recorded packets to figures: pure functions
tables       a document and its tables; ``picture`` draws it
===========  ================================================================
"""
