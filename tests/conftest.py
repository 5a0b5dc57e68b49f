"""Fixtures that any test may use."""

from tests.support.server import scripted_server

__all__ = ["scripted_server"]
