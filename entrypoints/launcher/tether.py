"""Run a command that ends when its parent does: ``python tether.py PARENT SIGNAL UID:GID COMMAND…``

This file is run by path, in isolated mode, in the few milliseconds between ``fork`` and the real command: it
imports nothing but the standard library. It exists because Python code between fork and exec (``preexec_fn``) can
deadlock in a program with threads, and because dropping to another user *clears* the parent-death signal, so that
the order matters: first the user, then the signal, then a look whether the parent died meanwhile.

Linux only (``PR_SET_PDEATHSIG``); elsewhere the command simply runs, and the supervisor's own stop is what ends it.
The signal follows the parent's *thread*: start tethered processes from a thread that lives as long as the program.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(signal_number: int) -> None:
    """Ask the kernel to send this process a signal when the thread that started it is gone."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl(PR_SET_PDEATHSIG): {os.strerror(code)}")


def main(arguments: list[str]) -> None:
    parent, signal_number, account, *command = arguments
    if account != "-":
        uid, gid = (int(part) for part in account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # A shell without job control lets what it puts into the background ignore Ctrl-C, and that is inherited. What we
    # start is told to stop by signals, so it begins with this one not ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent(int(signal_number))
    if os.getppid() != int(parent):
        raise SystemExit("the parent ended before the command could start")
    os.execvp(command[0], command)  # noqa: S606  (a list of arguments; there is no shell to quote for)


if __name__ == "__main__":
    main(sys.argv[1:])
