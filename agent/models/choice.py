"""Which embedded model this machine uses: settings and an earlier measurement in, it out."""

from __future__ import annotations

import json
import math
import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import psutil

from agent.settings import Settings

#: Decoding is bound by memory, not by cores: with models as small as these, more threads gain
#: nothing.
MAX_THREADS = 8

Model = Literal["qwen2.5-1.5b", "qwen2.5-0.5b", "none"]


@dataclass(frozen=True)
class Hardware:
    """What a measurement belongs to."""

    cpu: str
    cores: int
    memory_gib: float


@dataclass(frozen=True)
class Choice:
    """The embedded model for this machine, and why."""

    model: Model
    threads: int
    reason: str
    prefill_per_s: float | None = None
    """Tokens of a prompt that it should read a second; None where it was not measured."""


def recall_choice(settings: Settings) -> Choice | None:
    """The model that settings or an earlier measurement of this same machine chose."""
    wanted = settings.embedded_model.model
    hardware = this_hardware()
    if wanted != "auto":
        threads = min(hardware.cores, MAX_THREADS)
        choice = Choice(wanted, threads, f"LIUKE_LLM_MODEL is {wanted}.")
        return with_settings(choice, settings)
    try:
        kept = json.loads(choice_file(settings).read_text())
        if Hardware(**kept["hardware"]) != hardware:
            return None
        return with_settings(Choice(**kept["choice"]), settings)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def with_settings(choice: Choice, settings: Settings) -> Choice:
    return replace(choice, threads=settings.embedded_model.threads or choice.threads)


def choice_file(settings: Settings) -> Path:
    return settings.paths.data_dir / "machine.json"


def this_hardware() -> Hardware:
    return Hardware(_cpu_name(), _usable_cores(), round(_limit_gib(), 1))


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _usable_cores() -> int:
    """Cores this process may use: of its affinity, within its control group's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    quota = control_group("cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit():
        cores = min(cores, math.ceil(int(quota[0]) / int(quota[1])))
    return cores


def _limit_gib() -> float:
    limit = control_group("memory.max")
    total = int(psutil.virtual_memory().total)
    return (min(total, int(limit)) if limit.isdigit() else total) / 2**30


def control_group(name: str) -> str:
    """A limit of the container we may be in (cgroup v2); empty where there is none."""
    try:
        return Path("/sys/fs/cgroup", name).read_text().strip()
    except OSError:
        return ""
