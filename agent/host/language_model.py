"""Host: serves the embedded language model chosen for this machine until it is told to stop.

`python -m agent.host.language_model`: llama.cpp's OpenAI-compatible server on loopback.
"""

from __future__ import annotations

import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agent.host.machine import model_file
from agent.models.choice import recall_choice
from agent.prompts import load_prompt
from agent.settings import Settings
from common.errors import LiukeError, SetupError
from common.languages import LANGUAGES, Language


def serve(settings: Settings) -> None:
    """Serve the chosen model until SIGTERM or SIGINT."""
    from agent.host.llama import LlamaOptions, start_llama  # loads llama.cpp: only where needed

    choice = recall_choice(settings)
    if choice is None or choice.model == "none":
        raise SetupError(
            "There is no embedded language model to serve on this machine"
            + (f": {choice.reason}" if choice else "; it has not been measured yet."),
            "Run `liuke up`, or set LIUKE_LLM_MODEL=qwen2.5-0.5b.",
        )
    path, port = model_file(settings, choice.model), settings.embedded_model.port
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # before llama.cpp's threads, which inherit it
    try:
        server = start_llama(
            LlamaOptions(
                path=str(path),
                threads=choice.threads,
                context_tokens=settings.embedded_model.context_tokens,
                parallel=settings.embedded_model.parallel,
                port=port,
                model=choice.model,
            )
        )
    except RuntimeError as error:
        raise SetupError(
            f"llama.cpp cannot serve {path.name} on port {port}: {error}",
            f"Run `liuke models verify`; if port {port} is taken, set LIUKE_LLM_PORT.",
        ) from None
    print(f"{choice.model} with {choice.threads} threads at {server.listening_address}", flush=True)
    threading.Thread(target=_read_system_prompts, args=(server,), daemon=True).start()
    signal.sigwait(stop)


def _read_system_prompts(server: Any) -> None:
    """Have each in two of the server's slots: every answer begins with one, 2 s to read anew.

    In two, because a slot whose request was given up is busy for a moment, as the next comes.
    """

    def read(language: Language) -> None:
        messages = [{"role": "system", "content": load_prompt("support", language)}]
        server.handle_chat_completions({"messages": messages, "max_tokens": 1})

    with ThreadPoolExecutor(max_workers=2) as both:
        for language in LANGUAGES:
            list(both.map(read, [language, language]))


def main() -> None:
    """Serve with the settings of the environment."""
    try:
        serve(Settings())
    except LiukeError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
