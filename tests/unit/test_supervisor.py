"""The supervisor with real child processes: order, restarts, ports, and what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from agent.host.ports import Port, check_ports
from agent.host.supervisor import (
    LOG_LIMIT,
    ProcessEvent,
    ProcessSpec,
    State,
    Supervisor,
    Timing,
    last_error_line,
)
from common.errors import SetupError

pytestmark = pytest.mark.unit

QUICK = Timing(
    first_delay=0.05,
    longest_delay=0.4,
    reset_after=60,
    start_poll=0.05,
    health_poll=0.1,
    health_timeout=1,
    misses=2,
    attempts=3,
    grace=1,
)

# Answers 200 while the file `sick` in its working directory is absent; writes its pid and that of a
# child of its own, which ignores SIGTERM, into `pids`.
SERVER = textwrap.dedent(
    """
    import http.server, os, pathlib, subprocess, sys
    port, pids, sick = int(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-S", "-c", stubborn])
    with pids.open("a") as file:
        file.write(f"{os.getpid()} {child.pid}\\n")
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(503 if sick.exists() else 200)
            self.end_headers()
    http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()
    """
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server(tmp_path: Path, name: str = "server", needs: tuple[str, ...] = ()) -> ProcessSpec:
    port = free_port()
    return ProcessSpec(
        name=name,
        argv=(
            *(sys.executable, "-S", "-c", SERVER, str(port)),
            *(str(tmp_path / f"{name}.pids"), str(tmp_path / f"{name}.sick")),
        ),
        health_url=f"http://127.0.0.1:{port}/",
        needs=needs,
    )


def started(tmp_path: Path, name: str = "server") -> list[list[int]]:
    """Process ids of each start: [server, its child]."""
    lines = (tmp_path / f"{name}.pids").read_text().splitlines()
    return [[int(pid) for pid in line.split()] for line in lines]


def runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def until(condition: Callable[[], bool], limit_s: float = 20) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110  (other processes set no events)
            await asyncio.sleep(0.02)


class Events(list[ProcessEvent]):
    """What was reported, in order."""

    def states(self, name: str) -> list[State]:
        return [event.state for event in self if event.name == name]


async def test_starts_in_order_of_need_and_leaves_nothing(tmp_path: Path) -> None:
    events = Events()
    first, second = server(tmp_path, "first"), server(tmp_path, "second", needs=("first",))
    async with Supervisor([second, first], tmp_path / "log", events.append, QUICK) as supervisor:
        await supervisor.healthy()
        pids = [*started(tmp_path, "first")[0], *started(tmp_path, "second")[0]]
        assert all(map(runs, pids))
    order = [(event.name, event.state) for event in events]
    assert order.index(("first", State.HEALTHY)) < order.index(("second", State.STARTING))
    assert order.index(("second", State.STOPPED)) < order.index(("first", State.STOPPED))
    await until(lambda: not any(map(runs, pids)))


async def test_restarts_what_dies(tmp_path: Path) -> None:
    events = Events()
    async with Supervisor([server(tmp_path)], tmp_path / "log", events.append, QUICK) as supervisor:
        await supervisor.healthy()
        pid, child = started(tmp_path)[0]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: events.states("server").count(State.HEALTHY) == 2)
        await until(lambda: not runs(child))  # what the dead process had started is gone too
    restart = next(event for event in events if event.state is State.RESTARTING)
    assert "SIGKILL" in restart.detail


async def test_restarts_what_stops_answering(tmp_path: Path) -> None:
    events = Events()
    async with Supervisor([server(tmp_path)], tmp_path / "log", events.append, QUICK) as supervisor:
        await supervisor.healthy()
        (tmp_path / "server.sick").touch()
        await until(lambda: State.RESTARTING in events.states("server"))
        (tmp_path / "server.sick").unlink()
        await until(lambda: events.states("server").count(State.HEALTHY) == 2)
        await until(lambda: not any(map(runs, started(tmp_path)[0])))


# Takes a while to finish its work when it is told to end, and says when it has.
WORKER = SERVER.replace(
    "import http.server",
    "import http.server, signal, time",
).replace(
    "http.server.HTTPServer(",
    """
def finish(*_):
    time.sleep(1.5)
    pids.with_suffix(".finished").touch()
    os._exit(0)
signal.signal(signal.SIGTERM, finish)
http.server.HTTPServer(""",
)


def worker(tmp_path: Path, drain_s: float, work_s: float = 1.5) -> ProcessSpec:
    spec = server(tmp_path)
    code = WORKER.replace("sleep(1.5)", f"sleep({work_s})")
    argv = tuple(code if part == SERVER else part for part in spec.argv)
    return replace(spec, argv=argv, drain_s=drain_s)


async def test_a_process_with_work_may_finish_it(tmp_path: Path) -> None:
    events, hurried = Events(), replace(QUICK, grace=0.3)
    async with Supervisor(
        [worker(tmp_path, drain_s=20)], tmp_path, events.append, hurried
    ) as supervisor:
        await supervisor.healthy()
    assert (tmp_path / "server.finished").exists()
    assert events.states("server")[-2:] == [State.FINISHING, State.STOPPED]


async def test_a_process_without_work_is_not_waited_for(tmp_path: Path) -> None:
    events = Events()
    spec = replace(server(tmp_path), drain_s=600)
    async with Supervisor([spec], tmp_path, events.append, QUICK) as supervisor:
        await supervisor.healthy()
    assert State.FINISHING not in events.states("server")


async def test_a_process_that_does_not_answer_has_no_work_to_finish(tmp_path: Path) -> None:
    events, hurried = Events(), replace(QUICK, grace=0.3)
    async with Supervisor(
        [worker(tmp_path, drain_s=20)], tmp_path, events.append, hurried
    ) as supervisor:
        await supervisor.healthy()
        (tmp_path / "server.sick").touch()
        await until(lambda: State.RESTARTING in events.states("server"))
        assert not (tmp_path / "server.finished").exists()
        (tmp_path / "server.sick").unlink()
        await until(lambda: events.states("server").count(State.HEALTHY) == 2)


async def test_waits_longer_after_each_death(tmp_path: Path) -> None:
    events = Events()
    dying = ProcessSpec(
        "dying", (sys.executable, "-c", "raise SystemExit(3)"), "http://127.0.0.1:1/"
    )
    timing = Timing(first_delay=0.01, longest_delay=0.04, start_poll=0.01, attempts=6, grace=1)
    with pytest.raises(SetupError):
        async with Supervisor([dying], tmp_path, events.append, timing) as supervisor:
            await supervisor.healthy()
    delays = [e.detail.split()[3] for e in events if e.state is State.RESTARTING]
    assert delays == ["0.01", "0.02", "0.04", "0.04", "0.04"]


async def test_says_why_a_process_cannot_start(tmp_path: Path) -> None:
    code = "def f(): raise OSError('no such model: x.bin')\nf()"
    argv = (sys.executable, "-c", code)
    broken = ProcessSpec("broken", argv, "http://127.0.0.1:1/", needs=("server",))
    healthy = server(tmp_path)
    with pytest.raises(SetupError) as caught:
        async with Supervisor([broken, healthy], tmp_path, Events().append, QUICK) as supervisor:
            await supervisor.healthy()
    assert "broken" in caught.value.message
    assert "OSError: no such model: x.bin" in caught.value.message
    assert "Traceback" not in str(caught.value)
    assert str(tmp_path / "broken.log") in caught.value.remedy
    await until(lambda: not any(runs(pid) for pids in started(tmp_path) for pid in pids))


async def test_does_without_what_is_not_essential(tmp_path: Path) -> None:
    missing = ProcessSpec(
        "missing", (str(tmp_path / "nowhere"),), "http://127.0.0.1:1/", essential=False
    )
    events = Events()
    async with Supervisor(
        [missing, server(tmp_path)], tmp_path, events.append, QUICK
    ) as supervisor:
        await supervisor.healthy()
    restarts = [event.detail for event in events if event.state is State.RESTARTING]
    assert "nowhere cannot be started" in restarts[0]


async def test_never_ready_is_a_failure(tmp_path: Path) -> None:
    silent = ProcessSpec(
        "silent",
        (sys.executable, "-c", "import time; time.sleep(600)"),
        "http://127.0.0.1:1/",
        start_timeout_s=0.2,
    )
    with pytest.raises(SetupError, match="not ready after"):
        async with Supervisor([silent], tmp_path, Events().append, QUICK) as supervisor:
            await supervisor.healthy()


async def test_gives_environment_and_niceness(tmp_path: Path) -> None:
    spec = server(tmp_path)
    code = f"import os; print(os.environ['SECRET'], os.nice(0), flush=True)\n{SERVER}"
    argv = tuple(code if part == SERVER else part for part in spec.argv)
    spec = ProcessSpec("server", argv, spec.health_url, env={"SECRET": "s3cret"}, nice=7)
    async with Supervisor([spec], tmp_path, Events().append, QUICK) as supervisor:
        await supervisor.healthy()
    assert "s3cret 7" in (tmp_path / "server.log").read_text()
    assert "s3cret" not in repr(spec)


async def test_sets_a_large_log_aside(tmp_path: Path) -> None:
    (tmp_path / "server.log").write_bytes(b"x" * (LOG_LIMIT + 1))
    async with Supervisor([server(tmp_path)], tmp_path, Events().append, QUICK) as supervisor:
        await supervisor.healthy()
    assert (tmp_path / "server.log.1").stat().st_size == LOG_LIMIT + 1
    assert (tmp_path / "server.log").stat().st_size < LOG_LIMIT


async def test_a_log_is_set_aside_while_its_process_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    talks = f"print('x' * {LOG_LIMIT + 1}, flush=True)\n{SERVER}"
    spec = server(tmp_path)
    argv = tuple(talks if part == SERVER else part for part in spec.argv)
    events = Events()
    async with Supervisor([replace(spec, argv=argv)], tmp_path, events.append, QUICK):
        for _ in range(400):
            if log.with_suffix(".log.1").exists() and log.stat().st_size < LOG_LIMIT:
                break
            await asyncio.sleep(0.05)
        assert log.with_suffix(".log.1").stat().st_size > LOG_LIMIT
        assert State.RESTARTING not in {event.state for event in events}


async def test_a_log_that_cannot_be_opened_does_not_end_the_others(tmp_path: Path) -> None:
    other = server(tmp_path, "other")
    blocked = replace(server(tmp_path, "blocked"), essential=False)
    (tmp_path / "blocked.log").mkdir()
    events = Events()
    async with Supervisor([other, blocked], tmp_path, events.append, QUICK) as supervisor:
        await supervisor.healthy()
    assert ("other", State.HEALTHY) in {(event.name, event.state) for event in events}
    assert any("could not be started" in event.detail for event in events)


async def test_what_a_process_writes_is_its_users_alone(tmp_path: Path) -> None:
    made = tmp_path / "made"
    spec = server(tmp_path)
    code = f"open({str(made)!r}, 'w').close()\n{SERVER}"
    argv = tuple(code if part == SERVER else part for part in spec.argv)
    async with Supervisor([replace(spec, argv=argv)], tmp_path, Events().append, QUICK) as one:
        await one.healthy()
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


MAIN = textwrap.dedent(
    """
    import asyncio, signal, sys
    from pathlib import Path
    from agent.host.supervisor import Supervisor, cancel_on_signals
    from tests.unit.test_supervisor import QUICK, server
    async def main(folder):
        cancel_on_signals()
        async with Supervisor([server(folder)], folder, lambda event: None, QUICK) as supervisor:
            await supervisor.healthy()
            print("ready", flush=True)
            await supervisor.forever()
    # Who runs the tests in the background hands down that SIGINT is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(main(Path(sys.argv[1])))
    """
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
async def test_a_supervisor_that_ends_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MAIN, str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout and await process.stdout.readline() == b"ready\n"
    pids = started(tmp_path)[0]
    group = os.getpgid(pids[0])
    process.send_signal(number)
    await asyncio.wait_for(process.wait(), 20)
    await until(lambda: not any(map(runs, pids)))
    await until(lambda: not _group_lives(group))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_second_signal_does_not_wait_for_work(
    tmp_path: Path, number: signal.Signals
) -> None:
    main = MAIN.replace("server(folder)", "worker(folder, 600, work_s=600)")
    main = main.replace("import QUICK, server", "import QUICK, worker")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", main, str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout and await process.stdout.readline() == b"ready\n"
    pids = started(tmp_path)[0]
    process.send_signal(number)
    await asyncio.sleep(0.5)
    assert process.returncode is None
    process.send_signal(number)
    await asyncio.wait_for(process.wait(), 20)
    await until(lambda: not any(map(runs, pids)))


def _group_lives(group: int) -> bool:
    return any(
        os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
        for process in psutil.process_iter()
        if runs(process.pid)
    )


async def test_a_port_in_use_names_the_port_its_holder_and_the_variable() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        number = holder.getsockname()[1]
        with pytest.raises(SetupError) as caught:
            await check_ports([Port("api", number, "LIUKE_API_PORT")])
    assert str(number) in caught.value.message and "api" in caught.value.message
    assert f"process {os.getpid()}" in caught.value.message
    assert "LIUKE_API_PORT" in caught.value.remedy


async def test_a_udp_port_in_use_is_found_too() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = Port("livekit", holder.getsockname()[1], "LIVEKIT_RTC_UDP_PORT", protocol="udp")
        with pytest.raises(SetupError, match="UDP port"):
            await check_ports([port])
    await check_ports([port])


async def test_one_port_for_two_processes_is_refused() -> None:
    number = free_port()
    ports = [Port("api", number, "LIUKE_API_PORT"), Port("livekit", number, "LIVEKIT_PORT")]
    with pytest.raises(SetupError, match="LIUKE_API_PORT and LIVEKIT_PORT are both"):
        await check_ports(ports)


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("Traceback (most recent call last):\n  File x\nKeyError: 'a'\n", "KeyError: 'a'"),
        ("\x1b[31mERROR\x1b[0m key too short\nshutting down\n", "ERROR key too short"),
        ("loading\nready\n", "ready"),
        ("", ""),
    ],
)
def test_the_last_error_line_is_the_reason(tmp_path: Path, log: str, line: str) -> None:
    path = tmp_path / "x.log"
    path.write_text(f"KeyError: of an earlier run\n{log}")
    assert last_error_line(path, start=len("KeyError: of an earlier run\n")) == line


def test_no_log_gives_no_reason(tmp_path: Path) -> None:
    assert last_error_line(tmp_path / "absent.log") == ""
