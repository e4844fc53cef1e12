"""Host: this machine's cores, memory and measured speed go in; which embedded model fits comes out.

Measured at set-up, since machines of the same kind differ by a factor of three; kept in
`machine.json` with the reason, and measured again when the processor or the memory is another.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from agent.host.command import run_command
from agent.host.packs import is_ready, pack_path
from agent.models.choice import (
    MAX_THREADS,
    Choice,
    Hardware,
    Model,
    choice_file,
    control_group,
    recall_choice,
    this_hardware,
    with_settings,
)
from agent.settings import Settings
from common.errors import SetupError

#: The model that is measured: the small one, present wherever any is and quickest to load.
PROBE: Model = "qwen2.5-0.5b"
#: Tokens per second. Speech is 3 to 5 tokens a second, and the voice takes about half the processor
#: while it speaks; below this the larger model falls behind its own voice.
DECODE_FLOOR = 8.0
#: Speed of the 1.5B model as a share of the 0.5B's: 0.38 to 0.6 on the machines measured so far.
LARGER_TO_PROBE = 0.4
#: GiB free before anything is started. With 1.5B the language model takes 2.0 (llama.cpp lays the
#: weights out anew beside the mapped file, whose 1.0 the system may drop), with 0.5B 1.0; the other
#: processes take 1.5.
MEMORY_FLOOR_LARGER = 3.5
MEMORY_FLOOR = 2.5
#: Speed grows with the first few threads only.
SCALING_THREADS = 4
#: What the probe reads: about 70 tokens.
PROMPT = "echo and howling in a voice chat room " * 8


@dataclass(frozen=True)
class Speed:
    """Of the 0.5B model on one thread; tokens per second."""

    prefill: float
    decode: float


async def choose_model(settings: Settings) -> Choice:
    """The model to use; measures the machine (seconds) unless it was measured before."""
    known = recall_choice(settings)
    if known:
        return known
    hardware, free_gib = await asyncio.to_thread(this_hardware), await asyncio.to_thread(_free_gib)
    speed = await _measure(settings) if free_gib >= MEMORY_FLOOR else None
    choice = choose(speed, free_gib, hardware.cores)
    await asyncio.to_thread(_remember, settings, hardware, speed, choice)
    return with_settings(choice, settings)


def choose(speed: Speed | None, free_gib: float, cores: int) -> Choice:
    """The larger model wherever it fits: it declines what the passages do not answer."""
    threads = min(cores, MAX_THREADS)
    free = f"{free_gib:.1f} GiB of memory free"
    if speed is None:
        return Choice("none", threads, f"{free}: the smallest model needs {MEMORY_FLOOR:g}.")
    scale = min(threads, SCALING_THREADS)
    smaller_reads, larger_reads = speed.prefill * scale, speed.prefill * scale * LARGER_TO_PROBE
    expected = speed.decode * scale * LARGER_TO_PROBE
    decodes = f"1.5B should decode about {expected:.0f} tokens/s here"
    if expected < DECODE_FLOOR:
        reason = f"{decodes}: speech needs {DECODE_FLOOR:g}. {free}."
        return Choice("qwen2.5-0.5b", threads, reason, smaller_reads)
    if free_gib < MEMORY_FLOOR_LARGER:
        reason = f"{free}: 1.5B needs {MEMORY_FLOOR_LARGER:g}. {decodes}."
        return Choice("qwen2.5-0.5b", threads, reason, smaller_reads)
    return Choice("qwen2.5-1.5b", threads, f"{decodes}, with {free}.", larger_reads)


def model_file(settings: Settings, model: Model) -> Path:
    """The weights of an embedded model, checked when they were fetched."""
    if not is_ready(settings.paths.cache_dir, model):
        raise SetupError(
            f"The language model {model} is missing or not whole.",
            f"Run `liuke models pull {model}`, or set OPENAI_API_KEY to use a hosted one.",
        )
    return next(pack_path(settings.paths.cache_dir, model).glob("*.gguf"))


def _remember(settings: Settings, hardware: Hardware, speed: Speed | None, choice: Choice) -> None:
    path = choice_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {
        "hardware": asdict(hardware),
        "probe": PROBE,
        "tokens_per_second_of_one_thread": asdict(speed) if speed else None,
        "choice": asdict(choice),
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(kept, indent=2) + "\n")
    temporary.replace(path)


def _free_gib() -> float:
    limit, used = control_group("memory.max"), control_group("memory.current")
    free = int(psutil.virtual_memory().available)
    if limit.isdigit() and used.isdigit():
        free = min(free, int(limit) - int(used))
    return free / 2**30


async def _measure(settings: Settings) -> Speed:
    """The speed of the probe, measured in a process that then gives its memory back."""
    output = await run_command(
        [sys.executable, "-m", "agent.host.machine", model_file(settings, PROBE)],
        failure=f"The speed of {PROBE} could not be measured",
        remedy="Run `liuke models verify`, or set LIUKE_LLM_MODEL to go without measuring.",
    )
    return Speed(**json.loads(output.splitlines()[-1]))


def measure_speed(path: str) -> Speed:
    """Prefill and decode with the model file at ``path``; blocks for about four seconds.

    Timed by the processor time of one thread: several would wait for each other, busily, whenever
    something else runs, and a busy hour at set-up would make the machine look slow for good.
    """
    from agent.host.llama import LlamaOptions, start_llama  # loads llama.cpp: only where needed

    server = start_llama(LlamaOptions(path=path, threads=1, context_tokens=1024, parallel=1))

    def per_second(new_tokens: int, counted: str) -> float:
        began = time.process_time()
        request = {"prompt": PROMPT, "n_predict": new_tokens, "ignore_eos": True}
        tokens = server.handle_completions(request)["timings"][counted]
        return round(float(tokens / (time.process_time() - began)), 1)

    # The second time the prompt is in the KV cache, so that only decoding is timed.
    return Speed(prefill=per_second(1, "prompt_n"), decode=per_second(32, "predicted_n"))


if __name__ == "__main__":
    print(json.dumps(asdict(measure_speed(sys.argv[1]))), flush=True)
