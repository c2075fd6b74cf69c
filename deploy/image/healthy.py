"""Ends with 0 if what listens here answers 200: `python -IS healthy.py PORT PATH`.

It is run every few seconds beside each container, so it loads nothing but sockets: 10 ms of CPU.
"""

import socket
import sys

port, path = sys.argv[1:]
with socket.create_connection(("127.0.0.1", int(port)), timeout=4) as connection:
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    answer = connection.recv(4096).decode("latin-1")
sys.stdout.write(answer)
sys.exit(answer.split(" ")[1:2] != ["200"])
