"""The HTTP server in front of many calls: admission, page, session, offer, health."""

from sonicrtc.server.service import Server

__all__ = ["Server"]
