"""The child process that serves one bundled model: `python -m annotators.llm.local.serve`.

Standard input carries one line of JSON (`ServeOrder`) and then stays open for as long as the parent lives; standard
output carries one line, the address the server listens on. The process ends when its parent does, however that ends:
the kernel kills it (Linux), and everywhere the closed pipe tells it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from typing import TypedDict

PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ServeOrder(TypedDict):
    """What the parent wants served: `parent` is its process id; `key` is what requests must carry; `prompts` is a
    folder into which the server writes each prompt it is asked, or an empty string; `slots` one for saved states."""

    parent: int
    weights: str
    template: str
    key: str
    prompts: str
    slots: str
    n_parallel: int
    n_threads: int
    n_ctx: int
    swa_full: bool
    cache_ram_mib: int


def die_with_parent(parent: int) -> None:
    """Arrange that the kernel kills this process when its parent ends; end now if the parent has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def end_when_input_closes() -> None:
    """Wait for the end of standard input, which comes when the parent stops us or is gone, and leave at once."""
    while os.read(0, 4096):
        pass
    os._exit(0)  # not sys.exit: nothing here needs tidying, and a server thread must not hold us back


def serve(order: ServeOrder) -> None:
    """Load the model, listen on a free port of 127.0.0.1, print the address, and stay until standard input closes."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = order["weights"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [order["key"]]
    params.ui = False
    params.n_parallel = order["n_parallel"]
    params.n_ctx = order["n_ctx"]
    params.swa_full = order["swa_full"]
    params.cache_ram_mib = order["cache_ram_mib"]
    params.use_jinja = True
    params.chat_template = order["template"]
    params.verbosity = 3  # one block of lines for every request served
    params.slot_save_path = order["slots"] + os.sep
    if order["prompts"]:
        params.path_prompts_log_dir = order["prompts"]
    for pool in (params.cpuparams, params.cpuparams_batch):
        pool.n_threads = order["n_threads"]
        pool.poll = 0
    server = xllamacpp.Server(params)  # returns once the model is loaded and the port is open
    print(json.dumps({"address": server.listening_address}), flush=True)
    end_when_input_closes()


def main() -> None:
    line = b""
    while not line.endswith(b"\n"):
        block = os.read(0, 1)  # by single bytes: what follows the line belongs to end_when_input_closes
        if not block:
            os._exit(1)
        line += block
    order: ServeOrder = json.loads(line)
    die_with_parent(order["parent"])
    watcher = threading.Thread(target=end_when_input_closes, daemon=True)
    watcher.start()  # before the model is loaded, so that a parent killed meanwhile is noticed too
    serve(order)


if __name__ == "__main__":
    main()
