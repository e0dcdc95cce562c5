# SPDX-License-Identifier: MIT
"""One training step of mellow and of PyTorch, side by side.

    MELLOW_PYTHON=venv/bin/python python3 bench/peer/run.py --program build/bench/bench/mellow_peer_step

Each case starts mellow and every variant of PyTorch as processes of their own, from the same weights and data,
and compares their first losses. Then they take turns (mellow, eager, channels-last, mellow, …), one idle while
another works; the ratio of a variant is the median over the rounds of its time by mellow's time of the round.
One thread is measured by CPU time, which other work on the machine disturbs least; more threads by the clock.
Memory is the peak of the process, for PyTorch less what it held after its imports.

Exit code 0: done; 1: answers differ; 2: unusable input.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
MODELS = ["inception-time", "inception-time-3", "inception-time-1", "resnet18", "lstm-fcn", "ts2vec"]
ANSWER_TOLERANCES = [1e-4, 1e-4, 1e-2, 5e-2]  # loss in evaluation; before the first, second, third update
BF16_TOLERANCES = [5e-3, 5e-3, 2e-2, 1e-1]


def cpu_facts() -> tuple[str, set[str]]:
    text = Path("/proc/cpuinfo").read_text()
    lines = dict((key.strip(), value.strip()) for key, _, value in
                 (line.partition(":") for line in text.splitlines()))
    return lines.get("model name", platform.machine()), set(lines.get("flags", "").split())


class Side:
    """A process that runs steps when told to."""

    def __init__(self, name: str, command: list[str]):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.read()
        self.rounds: list[dict] = []

    def read(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}")
        return json.loads(line)

    def run(self, steps: int) -> dict:
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self.read()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def compare_answers(ours: Side, theirs: Side, precision: str) -> None:
    tolerances = BF16_TOLERANCES if "bf16" in (theirs.name, precision) else ANSWER_TOLERANCES
    for mine, other, allowed in zip(ours.first["answers"], theirs.first["answers"], tolerances):
        if not abs(mine - other) <= allowed * max(1, abs(other)):
            raise ValueError(f"{theirs.name}: loss {other}, mellow {mine}: no speed is worth comparing")


def measure(options: argparse.Namespace, model: str, length: int, threads: int) -> list[dict]:
    clock = "cpu" if threads == 1 else "wall"
    with tempfile.TemporaryDirectory() as folder:
        start = str(Path(folder) / "start.safetensors")
        sides = []
        try:
            ours = Side("mellow", [options.program, model, str(length), str(options.batch), str(threads),
                                   options.precision, start])
            sides.append(ours)
            for variant in options.variants:
                sides.append(Side(variant, [options.python, str(HERE / "torch_step.py"), model, str(threads),
                                            variant, start]))
                compare_answers(ours, sides[-1], options.precision)
            steps = max(1, round(2 * options.seconds / ours.run(2)["cpu"]))
            steps = min(steps, 200 // options.rounds) if model == "ts2vec" else steps  # as many crops there are
            for side in sides[1:]:
                side.run(2)
            for _ in range(options.rounds):
                for side in sides:
                    side.rounds.append(side.run(steps))
        finally:
            for side in sides:
                side.close()
    rows = []
    for side in sides:
        last = side.rounds[-1]
        row = {"model": model, "length": length, "batch": options.batch, "threads": threads, "side": side.name,
               "clock": clock, "steps": steps * options.rounds,
               "ms": 1e3 * statistics.median(r[clock] for r in side.rounds) / steps,
               "wall_ms": 1e3 * statistics.median(r["wall"] for r in side.rounds) / steps,
               "cpu_ms": 1e3 * statistics.median(r["cpu"] for r in side.rounds) / steps,
               "memory_mb": last["peak_mb"] - last["baseline_mb"]}
        if side is not ours:
            ratios = [theirs[clock] / mine[clock] for theirs, mine in zip(side.rounds, ours.rounds)]
            row |= {"ratio": statistics.median(ratios), "ratios": ratios, "torch": side.first["torch"]}
        rows.append(row)
    return rows


def print_rows(rows: list[dict]) -> None:
    ours = rows[0]
    for row in rows:
        ratio, share = "", ""
        if row is not ours:
            ratio = f"{row['ratio']:.2f}"
            share = f"{row['memory_mb'] / ours['memory_mb']:.1f}"
        print(f"| {row['model']} | {row['length']} | {row['threads']} | {row['side']} | {row['ms']:.1f} "
              f"| {ratio} | {row['memory_mb']:.0f} | {share} |", flush=True)


def parse(flags: set[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True, help="the built mellow_peer_step")
    parser.add_argument("--python", default=os.environ.get("MELLOW_PYTHON", "python3"),
                        help="a Python with torch and safetensors (default $MELLOW_PYTHON)")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--lengths", nargs="+", type=int, default=[150, 512])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1, help="about how long mellow works per round")
    parser.add_argument("--precision", default="fp32", help="of mellow: fp32, bf16x3, bf16")
    bf16 = ["bf16"] if flags & {"amx_bf16", "avx512_bf16"} else []
    parser.add_argument("--variants", nargs="+", default=["eager", "channels-last", *bf16],
                        help="of PyTorch: eager, channels-last, bf16, compile")
    parser.add_argument("--out", help="a JSON file to write, after each case")
    return parser.parse_args()


def main() -> int:
    cpu, flags = cpu_facts()
    options = parse(flags)
    facts = {"date": datetime.date.today().isoformat(), "cpu": cpu, "cores": len(os.sched_getaffinity(0)),
             "instructions": sorted(flags & {"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"}),
             "system": platform.platform(), "precision": options.precision,
             "commit": subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True,
                                      text=True, cwd=HERE).stdout.strip(), "load": os.getloadavg()[0]}
    print("| model | length | threads | side | ms per step | times mellow | MB | times mellow |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- |")
    rows = []
    try:
        for model in options.models:
            for length in options.lengths:
                for threads in options.threads:
                    rows += measure(options, model, length, threads)
                    print_rows(rows[-len(options.variants) - 1:])
                    facts["torch"] = rows[1]["torch"]
                    if options.out:
                        Path(options.out).write_text(json.dumps({"machine": facts, "rows": rows}, indent=1) + "\n")
    except ValueError as error:
        print(f"answers differ: {error}", file=sys.stderr)
        return 1
    except (OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
