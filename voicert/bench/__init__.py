"""Measures a running server as its user would hear it: a client of the wire protocol like any other.

It imports nothing of the server, the session, the engine or the models. What it needs to speak and listen
(the wire, the jitter buffer, the simulated devices) it has from ``voicert_clients``, so that it measures the
same client that people use.
"""
