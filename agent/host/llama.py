"""Host: a model file and options go in; llama.cpp's OpenAI-compatible server comes out, running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import xllamacpp

#: Tokens computed at a time. Between two batches the server takes up other requests' tokens and
#: notices that a client has left, so a long prompt neither stalls the other slot nor outlives its
#: caller: with 1.5B on two cores 64 take a second. Larger ones gain little (0.5B, one thread: 63,
#: 77, 81, 82 tok/s at 32, 64, 128, 512).
BATCH_TOKENS = 64
#: MiB of memory for the KV caches of prompts that had to leave their slot: some twenty calls' worth
#: (28 KiB per token with 1.5B). llama.cpp looks there before it computes a prompt anew.
KEPT_PROMPTS_MIB = 256
#: Share of a prompt that must be alike for a request to be sent to the slot that holds it.
SLOT_SIMILARITY = 0.1
#: llama.cpp's level for warnings and errors.
LOG_WARNINGS = 2


@dataclass(frozen=True)
class LlamaOptions:
    """How llama.cpp is to run."""

    path: str
    threads: int
    context_tokens: int
    """Shared equally by the slots."""
    parallel: int
    """Slots: requests decoded at once, each with a KV cache of its own."""
    port: int = 0
    """On loopback. 0: any free one."""
    model: str = ""
    """Name the server gives itself."""


def start_llama(options: LlamaOptions) -> Any:
    """Load the model, then serve for as long as the returned object lives; blocks while loading."""
    params = xllamacpp.CommonParams()
    params.model.path = options.path
    params.model_alias = {options.model}
    params.hostnames = ["127.0.0.1"]
    params.port = options.port
    # Any page the user has open could otherwise ask this server.
    params.cors_origins = "localhost"
    params.ui = False
    params.n_ctx = options.context_tokens
    params.n_parallel = options.parallel
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    for threads in (params.cpuparams, params.cpuparams_batch):
        threads.n_threads = options.threads
        threads.poll = 0  # threads that spin while they wait take the core from the voice
    params.cache_prompt = True
    params.slot_prompt_similarity = SLOT_SIMILARITY
    params.cache_ram_mib = KEPT_PROMPTS_MIB
    params.n_ctx_checkpoints = 0  # for models with sliding windows or recurrence only
    params.fit_params = False  # would shrink the context to the memory it sees
    params.verbosity = LOG_WARNINGS
    return xllamacpp.Server(params)
