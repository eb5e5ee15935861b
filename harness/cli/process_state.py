"""What the kernel says of a process and of a port, for tests that wait for a state and not for a while."""

import ctypes
import os
import pathlib
import re
import signal
import time


def wait_until(process, holds):
    """Looks until holds() does, while the process runs, as it must."""
    while not holds():
        assert process.poll() is None, f"it ended with {process.returncode}"
        time.sleep(0.001)


def has_signal(process, mask, number):
    """Whether a signal is in a mask of its: SigCgt are those that it catches, ShdPnd those that wait for it."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return bool(int(re.search(rf"^{mask}:\t(\w+)$", status, re.MULTILINE)[1], 16) >> (number - 1) & 1)


def wait_until_it_catches(process, number):
    wait_until(process, lambda: has_signal(process, "SigCgt", number))


def processor_seconds(process):
    """How long it has run: at least so long ago it began."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stop(process):
    """Has it stand still until it is sent SIGCONT."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


def send_twice(process, number):
    """Sends a signal twice, to its first thread and to all of it, so that both are there when it looks: one comes right
    behind the other, however busy this machine is. (The same kill() twice would be one signal.)"""
    stop(process)
    assert ctypes.CDLL(None).tgkill(process.pid, process.pid, number) == 0
    os.kill(process.pid, number)
    process.send_signal(signal.SIGCONT)


def unread_bytes(port):
    """What waits in the UDP sockets of a port, over IPv4."""
    lines = pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]
    return sum(int(fields[4].split(":")[1], 16) for fields in map(str.split, lines)
               if int(fields[1].split(":")[1], 16) == port)
