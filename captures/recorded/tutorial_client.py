#!/usr/bin/env python3
"""Behaves as the client of the socket tutorial does: three names, one after the other. It never
asks twice, so that a lost datagram leaves it waiting for ever.

usage: tutorial_client.py [PORT]      the port is 9999 unless given
"""

import socket
import sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 9999
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for name in (b"Michael", b"Tracy", b"Sarah"):
    client.sendto(name, ("127.0.0.1", port))
    print(client.recv(1024).decode(), flush=True)
client.close()
