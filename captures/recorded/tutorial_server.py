#!/usr/bin/env python3
"""Behaves as the server of the socket tutorial does: greets whoever sends a name, for ever.

usage: tutorial_server.py [PORT]      the port is 9999 unless given
"""

import socket
import sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 9999
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", port))
print(f"Bind UDP on {port}...", flush=True)
while True:
    name, (host, source_port) = server.recvfrom(1024)
    print(f"Received from {host}:{source_port}.", flush=True)
    server.sendto(b"Hello, " + name + b"!", (host, source_port))
