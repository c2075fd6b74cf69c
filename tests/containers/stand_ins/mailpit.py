#!/usr/bin/python3
"""A mail catcher, with as much of Mailpit as is used here: SMTP, a list of messages, `readyz`."""

# ruff: noqa: E402  # who only asks how it is shall not wait for all of it to load

import socket
import sys

SMTP, PAGE = 1025, 8025

if sys.argv[1:] == ["readyz"]:
    socket.create_connection(("127.0.0.1", PAGE), timeout=4).close()
    sys.exit()

import json
import signal
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

MESSAGES: list[dict[str, Any]] = []


class Catcher:
    """Keeps what comes."""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # the library's word
        """Keep a mail."""
        mail = message_from_bytes(envelope.content, policy=default)
        to = [{"Address": address} for address in envelope.rcpt_tos]
        MESSAGES.insert(0, {"ID": str(len(MESSAGES)), "To": to, "Subject": mail["Subject"]})
        return "250 kept"


class Page(BaseHTTPRequestHandler):
    """Answers like `GET /api/v1/messages`."""

    def do_GET(self) -> None:
        """Tell what came."""
        body = json.dumps({"total": len(MESSAGES), "messages": MESSAGES[:50]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Controller(Catcher(), hostname="0.0.0.0", port=SMTP).start()
ThreadingHTTPServer(("0.0.0.0", PAGE), Page).serve_forever()
