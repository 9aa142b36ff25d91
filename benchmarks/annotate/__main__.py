"""Every bar of the annotation engine in one run, against one kind of server on this machine.

    python -m benchmarks.annotate --quick
    python -m benchmarks.annotate --only speed,faults --rows 20000 --json bars.json

Prints `bar: value (limit) PASS` or FAIL, a line each; what was annotated is checked before its figure counts. Ends with
1 if a bar is missed. Run it on a machine that does nothing else. It takes about an hour, with --quick two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.annotate import faulty, memory, resumed, rivals, speed
from benchmarks.annotate.bars import Results

PARTS = ("speed", "start", "faults", "memory", "resume", "curator", "distilabel")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: a look whether all of it works")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--turns", type=int, default=3, help="how often each is run, in turns")
    parser.add_argument("--peer-rows", type=int, default=5_000)
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers"), help="where the peers' environments are")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    options = parser.parse_args()
    only = options.only.split(",")
    unknown = set(only) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there is {', '.join(PARTS)}")
    rows, turns, times = (1_000, 1, 1) if options.quick else (options.rows, options.turns, 5)
    large, stored = (2_000, 2_000) if options.quick else (10 * rows, 1_000_000)
    peer_rows = 300 if options.quick else options.peer_rows
    results = Results()
    load = os.getloadavg()
    results.details |= {"load": load, "cores": os.cpu_count(), "python": platform.python_version(), "rows": rows}
    results.say(f"{os.cpu_count()} cores, load {load[0]:.1f}, Python {platform.python_version()}")
    todo: dict[str, Callable[[], object]] = {
        "speed": lambda: speed.compare(results, rows, turns),
        "start": lambda: speed.start_up(results, times),
        "faults": lambda: faulty.compare(results, rows),
        "memory": lambda: memory.compare(results, rows, large),
        "resume": lambda: resumed.compare(results, stored),
        "curator": lambda: rivals.compare(results, peer_rows, min(turns, 2), options.peers, ["curator"]),
        "distilabel": lambda: rivals.compare(results, peer_rows, min(turns, 2), options.peers, ["distilabel"]),
    }
    for part in only:
        todo[part]()
    if options.json is not None:
        options.json.write_text(json.dumps(results.json(), indent=1), encoding="utf-8")
    failed = results.failed
    results.say(f"{len(results.bars) - len(failed)} of {len(results.bars)} kept, load {os.getloadavg()[0]:.1f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
