"""Runs a Python program again in a network of its own, where every port is free.

Needs root or user namespaces; a container often has neither, and then the program runs where it is.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys

INSIDE = "LOSSY_OWN_NETWORK"
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1


def enter():
    """Returns whether the caller now has a network of its own; replaces the process to get one."""
    if os.environ.get(INSIDE):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
        return True
    for options in (["-n"], ["-Urn"]):
        unshare = ["unshare", *options]
        try:
            allowed = subprocess.run([*unshare, "true"], capture_output=True, check=False)
        except FileNotFoundError:
            return False
        if allowed.returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp("unshare", [*unshare, sys.executable, *sys.argv])
    return False
