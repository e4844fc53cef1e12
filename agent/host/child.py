"""Host: becomes one supervised program, and leaves a guard that ends it when the supervisor dies.

In go a niceness and a command line; standard input must be the read end of a pipe whose write end
only the supervisor holds. It has no other imports and runs as `python -I -S child.py NICE PROGRAM
ARGUMENT…` in a process group of its own, so it costs milliseconds and the guard a few MB.

The guard, not PR_SET_PDEATHSIG: that reaches the program alone, not what the program started, and
only Linux has it. The guard sits in the group and, once the pipe closes (for whatever reason,
SIGKILL included), kills the group. While it lives, the group's id cannot be given to others.
"""

import os
import signal
import sys


def _guard(pipe: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # meant for the program beside us
    os.read(pipe, 1)  # nobody writes: this returns when the last write end is closed
    os.killpg(0, signal.SIGKILL)


def _leave_guard(pipe: int) -> None:
    """Fork twice, so that the program does not find a child that it never started."""
    between = os.fork()
    if between == 0:
        if os.fork() == 0:
            _guard(pipe)
        os._exit(0)
    os.waitpid(between, 0)


def main() -> None:
    niceness, *command = sys.argv[1:]
    _leave_guard(sys.stdin.fileno())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    os.nice(int(niceness))
    os.umask(0o077)  # what it keeps is for this user alone
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"Error: {command[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
