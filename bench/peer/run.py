# SPDX-License-Identifier: MIT
"""One training step of mellow and of PyTorch, side by side.

    MELLOW_PYTHON=venv/bin/python python3 bench/peer/run.py --program build/bench/bench/mellow_peer_step

Each case starts mellow and every variant of PyTorch as processes of their own, from the same weights and data,
and compares their first losses. Then they take turns (mellow, eager, channels-last, mellow, …), one idle while
another works; the ratio of a variant is the median over the rounds of its time by mellow's time of the round.
One thread is measured by CPU time, which other work on the machine disturbs least; more threads, and CUDA, by
the clock. Of several trainings at once (--at-once) the time of a step is the clock's by the steps of all.
Memory is the peak of the process, for PyTorch less what it held after its imports; on CUDA what is in use there.

Exit code 0: done; 1: answers differ; 2: unusable input.
"""

import argparse
import datetime
import itertools
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
CUDA_VARIANTS = ["eager", "channels-last", "bf16", "compile", "graph", "graph-bf16"]
ANSWER_TOLERANCES = [1e-4, 1e-4, 1e-2, 5e-2]  # loss in evaluation; before the first, second, third update
SETTINGS = ["MELLOW_ISA", "ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS",
            "OMP_WAIT_POLICY", "MELLOW_CONV"]  # of the environment, that change what is measured
ROUNDED_TOLERANCES = [5e-3, 5e-3, 2e-2, 1e-1]  # tf32 and bf16
TS2VEC_STEPS = 200  # of all rounds: mellow writes 256 crops


def cpu_facts() -> tuple[str, set[str]]:
    text = Path("/proc/cpuinfo").read_text()
    lines = dict((key.strip(), value.strip()) for key, _, value in
                 (line.partition(":") for line in text.splitlines()))
    return lines.get("model name", platform.machine()), set(lines.get("flags", "").split())


class Side:
    """A process that runs steps when told to."""

    def __init__(self, name: str, command: list[str], **environment: str):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=os.environ | environment)
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
    rounded = theirs.name.endswith("bf16") or precision in ("bf16", "tf32")
    tolerances = ROUNDED_TOLERANCES if rounded else ANSWER_TOLERANCES
    for mine, other, allowed in zip(ours.first["answers"], theirs.first["answers"], tolerances):
        if not abs(mine - other) <= allowed * max(1, abs(other)):
            raise ValueError(f"{theirs.name}: loss {other}, mellow {mine}: no speed is worth comparing")


def steps_of_a_round(ours: Side, options: argparse.Namespace, model: str) -> int:
    """As many steps, in whole epochs, as mellow does in about options.seconds."""
    ours.run(options.epoch)  # settles memory, plans and graphs
    steps = max(1, round(options.seconds * options.epoch / ours.run(options.epoch)["wall"]))
    if model == "ts2vec":
        return min(steps, TS2VEC_STEPS // options.rounds)
    return max(1, steps // options.epoch) * options.epoch


def measure(options: argparse.Namespace, model: str, length: int, threads: int, at_once: int) -> list[dict]:
    clock = "cpu" if (options.device, threads, at_once) == ("cpu", 1, 1) else "wall"
    variants = [v for v in options.variants if model != "ts2vec" or not v.startswith("graph")]
    epoch = str(options.epoch)
    with tempfile.TemporaryDirectory() as folder:
        start = str(Path(folder) / "start.safetensors")
        sides = []
        try:
            ours = Side("mellow", [options.program, model, str(length), str(options.batch), epoch,
                                   options.precision, str(at_once), start],
                        MELLOW_DEVICE=options.device, MELLOW_THREADS=str(threads))
            sides.append(ours)
            for variant in variants:
                sides.append(Side(variant, [options.python, str(HERE / "torch_step.py"), model, options.device,
                                            str(threads), epoch, options.precision, variant, start]))
                compare_answers(ours, sides[-1], options.precision)
            steps = steps_of_a_round(ours, options, model)
            for side in sides[1:]:
                side.run(2 * options.epoch)
            for _ in range(options.rounds):
                for side in sides:
                    side.rounds.append(side.run(steps))
        finally:
            for side in sides:
                side.close()
    return [row_of(options, side, ours, steps, clock, at_once)
            | {"model": model, "length": length, "batch": options.batch, "threads": threads} for side in sides]


def row_of(options: argparse.Namespace, side: Side, ours: Side, steps: int, clock: str, at_once: int) -> dict:
    last = side.rounds[-1]
    trainings = at_once if side is ours else 1

    def milliseconds(of: str) -> float:
        return 1e3 * statistics.median(r[of] for r in side.rounds) / steps / trainings

    row = {"side": side.name, "device": options.device, "trainings": trainings, "clock": clock,
           "steps": steps * options.rounds, "ms": milliseconds(clock), "wall_ms": milliseconds("wall"),
           "cpu_ms": milliseconds("cpu"), "memory_mb": last["peak_mb"] - last["baseline_mb"]}
    if side is not ours:
        ratios = [at_once * theirs[clock] / mine[clock] for theirs, mine in zip(side.rounds, ours.rounds)]
        row |= {"ratio": statistics.median(ratios), "ratios": ratios, "torch": side.first["torch"]}
    return row


def print_rows(rows: list[dict]) -> None:
    ours = rows[0]
    for row in rows:
        ratio, share = "", ""
        if row is not ours:
            ratio = f"{row['ratio']:.2f}"
            share = f"{row['memory_mb'] / ours['memory_mb']:.1f}"
        print(f"| {row['model']} | {row['length']} | {row['threads']} | {ours['trainings']} | {row['side']} "
              f"| {row['ms']:.2f} | {ratio} | {row['memory_mb']:.0f} | {share} |", flush=True)


def parse(flags: set[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True, help="the built mellow_peer_step")
    parser.add_argument("--python", default=os.environ.get("MELLOW_PYTHON", "python3"),
                        help="a Python with torch and safetensors (default $MELLOW_PYTHON)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--lengths", nargs="+", type=int, default=[150, 512])
    parser.add_argument("--threads", nargs="+", type=int, help="of the CPU (default 1 2; on cuda 1)")
    parser.add_argument("--at-once", nargs="+", type=int, default=[1],
                        help="mellow's trainings at once, in one process; PyTorch has one")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epoch", type=int,
                        help="batches between two readings of the loss (default 1; on cuda 16)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1, help="about how long mellow works per round")
    parser.add_argument("--precision", help="of mellow: fp32 (default), bf16x3, bf16; on cuda fp32, "
                        "tf32 (default, as PyTorch's convolutions), bf16")
    parser.add_argument("--variants", nargs="+", help="of PyTorch: eager, channels-last, bf16, compile; on cuda "
                        "also graph, graph-bf16 (default: all of cuda; on the cpu eager, channels-last and, where "
                        "the processor has it, bf16)")
    parser.add_argument("--out", help="a JSON file to write, after each case")
    options = parser.parse_args()
    cuda = options.device == "cuda"
    bf16 = ["bf16"] if flags & {"amx_bf16", "avx512_bf16"} else []
    options.threads = options.threads or ([1] if cuda else [1, 2])
    options.epoch = options.epoch or (16 if cuda else 1)
    options.precision = options.precision or ("tf32" if cuda else "fp32")
    options.variants = options.variants or (CUDA_VARIANTS if cuda else ["eager", "channels-last", *bf16])
    return options


def gpu() -> str:
    """Name and driver of the first GPU, or nothing."""
    try:
        said = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
                              capture_output=True, text=True).stdout
    except OSError:
        return ""
    return said.partition("\n")[0]


def main() -> int:
    cpu, flags = cpu_facts()
    options = parse(flags)
    facts = {"date": datetime.date.today().isoformat(), "cpu": cpu, "cores": len(os.sched_getaffinity(0)),
             "instructions": sorted(flags & {"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"}),
             "gpu": gpu(), "system": platform.platform(), "precision": options.precision, "epoch": options.epoch,
             "commit": subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True,
                                      text=True, cwd=HERE).stdout.strip(), "load": os.getloadavg()[0],
             "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ}}
    print("| model | length | threads | at once | side | ms per step | times mellow | MB | times mellow |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    rows = []
    try:
        for case in itertools.product(options.models, options.lengths, options.threads, options.at_once):
            measured = measure(options, *case)
            print_rows(measured)
            rows += measured
            facts["torch"] = measured[-1].get("torch")
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
