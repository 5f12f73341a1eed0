#!/usr/bin/env python3
"""Runs fitout and other implementations in turn, verifies what they did, and prints Markdown. `make bench` calls it.

Everything else on the machine slows all of them down, so what counts is CPU time and the ratio of two runs that follow each other.
"""
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS, STATIC = os.environ["PEERS"], os.environ["STATIC"]
# Both can be left out.
GNU, ENGINE = os.environ.get("GNU"), os.environ.get("ENGINE")
RUNS = int(os.environ.get("RUNS") or 7)
LARGE = bool(os.environ.get("LARGE"))
# From this size on, only fitout runs: the others need gigabytes and minutes.
ALONE = 100_000
SIZES = [5, 100, 1_000, 10_000] + ([ALONE] if LARGE else [])

class Run:
    """One run of a command: seconds of CPU and wall time, and the peak memory in MB."""

    def __init__(self, words):
        self.cpu, self.wall, self.memory = float(words[0]), float(words[1]), int(words[2]) / 1000


class Program:
    """`input` is what it reads, by the number of objects; `prepare` what precedes each run; `codes` what it may exit with."""

    def __init__(self, name, command, input, codes=(0,), largest=10_000, prepare=None, variables=None):
        self.name, self.command, self.input, self.codes = name, command, input, codes
        self.largest, self.prepare, self.runs, self.output = largest, prepare, {}, {}
        # Not set by `env`, whose start would count.
        self.variables = {**os.environ, **(variables or {})}

    def run(self, work, size):
        if self.prepare:
            self.prepare(size)
        output = os.path.join(work, re.sub(r"\W+", "-", self.name) + f"-{size}")
        command = [argument.replace("SIZE", str(size)) for argument in self.command]
        ran = subprocess.run([f"{PEERS}/measure", self.input(size), output, *command], capture_output=True, text=True, check=True,
                             env=self.variables)
        words = ran.stdout.split()
        if int(words[3]) not in self.codes:
            sys.exit(f"{self.name} with {size} objects: exit code {words[3]}\n{ran.stderr[-2000:]}")
        self.output[size] = output
        self.runs.setdefault(size, []).append(Run(words))

    def median(self, size, what):
        return statistics.median(getattr(run, what) for run in self.runs[size])

    def times(self, reference, size, what):
        """How many times the reference it takes, as the median of pairs of runs."""
        pairs = zip(self.runs[size], reference.runs[size])
        return statistics.median(getattr(a, what) / getattr(b, what) for a, b in pairs)

    def growth(self):
        """The exponent of CPU time between the sizes from 100 on: 1 is linear."""
        sizes = sorted(size for size in self.runs if size >= 100)
        if len(sizes) < 2:
            return ""
        first, last = sizes[0], sizes[-1]
        exponent = math.log(self.median(last, "cpu") / self.median(first, "cpu")) / math.log(last / first)
        return f"{exponent:.2f}"


def seconds(value):
    return f"{value:.4f}" if value < 0.1 else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def count(size):
    return max(1, RUNS if size <= 1_000 else RUNS // 2 if size < ALONE else 1)


def scenario(work, title, text, programs, sizes, megabytes, verify=lambda program, size: ()):
    """Runs the programs in turn and prints a table. The first program is the one that the others are compared with."""
    reference = programs[0]
    print(f"\n## {title}\n\n{text}\n", flush=True)
    head = ["objects", "MB", "", "CPU s", "wall s", "memory MB", "CPU", "wall", *VERIFIED.get(verify, ())]
    print("| " + " | ".join(head) + " |\n|" + "".join(" --- |" if not name else " ---: |" for name in head), flush=True)
    for size in sizes:
        running = [program for program in programs if size <= program.largest]
        for _ in range(count(size)):
            for program in running:
                program.run(work, size)
        for program in running:
            cells = [f"{size:,}", f"{megabytes(size):.2f}", program.name,
                     seconds(program.median(size, "cpu")), seconds(program.median(size, "wall")),
                     f"{program.median(size, 'memory'):.0f}"]
            cells += ["", ""] if program is reference else [
                f"{program.times(reference, size, what):.1f}×" for what in ("cpu", "wall")]
            print("| " + " | ".join([*cells, *verify(program, size)]) + " |", flush=True)
    grown = [f"{program.name} {program.growth()}" for program in programs if program.growth()]
    if grown:
        print(f"\nGrowth of the CPU time from 100 objects on, as an exponent: {', '.join(grown)}.", flush=True)


def megabytes_of(path):
    return lambda size: os.path.getsize(path(size)) / 1e6


def instructions(work, binaries, cases):
    """What `valgrind` counts: unlike time, it is the same on every run."""
    print("\n## Instructions\n\nMillions, 1,000 objects.\n")
    print("| | " + " | ".join(name for name, _ in binaries) + " |\n| --- |" + " ---: |" * len(binaries))
    for name, arguments, variables, input in cases:
        cells = []
        for _, binary in binaries:
            log = os.path.join(work, "valgrind")
            with open(input, "rb") as standard_input:
                command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
                           f"--log-file={log}", binary, *arguments]
                ran = subprocess.run(command, stdin=standard_input, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     env=variables, check=False)
            # A check that finds something ends with 1.
            assert ran.returncode in (0, 1), arguments
            with open(log, encoding="utf-8") as lines:
                refs = re.search(r"I *refs: *([\d,]+)", lines.read())
            cells.append(f"{int(refs[1].replace(',', '')) / 1e6:.0f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def parse(lists, engine):
    """The rates that `benches/engine.rs` measures inside of the process."""
    print("\n## To read\n\nFrom bytes to a tree, in one process, built for glibc.\n\n| objects | MB | CPU ms | MB/s |\n| ---: | ---: | ---: | ---: |")
    for size in (100, 1_000, 10_000):
        row = subprocess.run([engine, lists(size)], capture_output=True, text=True, check=True).stdout.split()
        print(f"| {size:,} | {row[0]} | {row[1]} | {row[2]} |", flush=True)


def chart(path, panels):
    """Curves of CPU time against the number of objects, both in powers of ten."""
    width, height, left, top, plot = 910, 330, 64, 60, (330, 240)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
           'font-family="system-ui, sans-serif" font-size="12" fill="#24292f" role="img">',
           f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>']
    colors = ["#0969da", "#cf222e", "#bf8700", "#8250df", "#1a7f37"]
    for at, (title, programs) in enumerate(panels):
        x0, y0 = left + at * 430, top + plot[1]
        points = [(size, p.median(size, "cpu")) for p in programs for size in p.runs if size >= 100]
        low, high = (math.floor(math.log10(min(y for _, y in points))), math.ceil(math.log10(max(y for _, y in points))))
        last = math.ceil(math.log10(max(x for x, _ in points)))
        def place(x, y):
            return (x0 + (math.log10(x) - 2) / max(1, last - 2) * plot[0] * 0.72,
                    y0 - (math.log10(y) - low) / (high - low) * plot[1])
        out.append(f'<text x="{x0}" y="28" font-size="15" font-weight="600">{title}</text>')
        for power in range(low, high + 1):
            _, y = place(100, 10 ** power)
            label = f"{10 ** power:g} s" if power >= 0 else f"{10 ** (power + 3):g} ms"
            out.append(f'<path d="M{x0} {y:.1f}h{plot[0] * 0.72:.1f}" stroke="#d0d7de"/>'
                       f'<text x="{x0 - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#57606a">{label}</text>')
        for power in range(2, last + 1):
            x, _ = place(10 ** power, 10 ** low)
            out.append(f'<text x="{x:.1f}" y="{y0 + 20}" text-anchor="middle" fill="#57606a">{10 ** power:,}</text>')
        out.append(f'<text x="{x0}" y="46" fill="#57606a">CPU time by number of objects</text>')
        for program, color in zip(programs, colors):
            curve = [place(size, program.median(size, "cpu")) for size in sorted(program.runs) if size >= 100]
            out.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in curve)}" fill="none" stroke="{color}" '
                       'stroke-width="2.5"/>')
            out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in curve]
            x, y = curve[-1]
            out.append(f'<text x="{x + 10:.1f}" y="{y + 4:.1f}" fill="{color}" font-weight="600">{program.name}</text>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n</svg>\n")


def split(stream, folder):
    """Writes each document of a stream into a file of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(stream, encoding="utf-8") as file:
        for index, document in enumerate(file.read().split("---\n")):
            with open(f"{folder}/{index:06}.yaml", "w", encoding="utf-8") as out:
                out.write(document)


def reasons_of_evaluator(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            name, _, detail = line.strip().partition(": ")
            for reason in re.sub(r" \(.*?\)(?=, |$)", "", detail).split(", "):
                yield name, reason


def reasons_of_fitout(command, path):
    with open(path, "rb") as manifests:
        report = subprocess.run(command, stdin=manifests, capture_output=True, check=True).stdout
    for result in json.loads(report)["results"]:
        reason = (result.get("tags") or {}).get("psa")
        if reason:
            yield f'{result["resourceRef"]["kind"]} {result["resourceRef"]["name"]}', reason.partition(" (")[0]


# The columns that a function for verification adds.
VERIFIED = {}


def main():
    temporary = "/dev/shm" if os.path.isdir("/dev/shm") else None
    work = tempfile.mkdtemp(prefix="fitout-bench-", dir=temporary)
    try:
        measure(work)
    finally:
        shutil.rmtree(work)


def measure(work):
    config = f"{HERE}/fitout.yaml"
    lists, streams = (lambda size: f"{work}/{size}.list.yaml"), (lambda size: f"{work}/{size}.yaml")
    for size in SIZES:
        for path, arguments in ((lists(size), [config]), (streams(size), [])):
            with open(path, "wb") as file:
                subprocess.run([f"{HERE}/manifests.py", str(size), *arguments], stdout=file, check=True)
    load = os.getloadavg()[0]
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    print(f"{model[1] if model else 'unknown processor'}, {os.cpu_count()} cores, load {load:.1f} at the start; "
          f"medians of {RUNS} runs up to 1,000 objects and of {max(1, RUNS // 2)} above, in turn, files on tmpfs. Static binary: "
          f"{os.path.getsize(STATIC):,} bytes. `×` is the ratio of two runs that follow each other, against the first row.")

    none = {"FITOUT_OUTPUT": "none"}
    small = 10 * ALONE
    function = [Program("fitout, static", [STATIC], lists, largest=small, variables=none),
                Program("fitout, with findings", [STATIC], lists, largest=small, variables={"FITOUT_OUTPUT": "stderr"}),
                *([Program("fitout, glibc", [GNU], lists, largest=small, variables=none)] if GNU else []),
                Program("function with kyaml", [f"{PEERS}/function"], lists)]

    def did(program, size):
        reference = function[0]
        if size > program.largest or size > 10_000:
            return "", "", "", ""
        original = program.input(size) if program.input(size) != "/dev/null" else streams(size)
        compared = subprocess.run([f"{PEERS}/compare", original, reference.output[size], program.output[size]],
                                  capture_output=True, text=True, check=True).stdout.split()
        job, done, other, lines, comments = compared
        share = int(done) / int(job)
        # Where one container of a pod must be root, fitout says for each of the others that it is not.
        if share < 0.99 and program.name not in PARTIAL:
            sys.exit(f"{program.name} with {size} objects: does {done} of {job} values")
        return f"{share:.1%}", other, f"{float(lines):.0f} %", f"{float(comments):.0f} %"

    VERIFIED[did] = ("of the job", "other values", "lines kept", "comments kept")
    scenario(work, "The job as a function",
             "Requests and limits, the restricted security context, scrape annotations and storage classes, where they are missing, in a "
             "ResourceList. The columns on the right compare the values of the outputs as Kubernetes reads them.",
             function, SIZES, megabytes_of(lists), did)

    stream = [Program("fitout apply", [STATIC, "apply", "-q", "-f", "-", "-c", config], streams, largest=small),
              Program("yq", [f"{PEERS}/yq", "--from-file", f"{HERE}/peers/fit.yq"], streams, largest=1_000)]
    for size in SIZES:
        if size <= 1_000:
            shutil.copytree(f"{HERE}/peers/kustomize", f"{work}/kustomize-{size}")
            shutil.copy(streams(size), f"{work}/kustomize-{size}/manifests.yaml")
    stream.append(Program("kustomize patches", [f"{PEERS}/kustomize", "build", f"{work}/kustomize-SIZE"], lambda _: "/dev/null", largest=1_000))
    scenario(work, "The job on a stream of manifests", "As above. Patches of a kustomization reach only the first container, and overwrite.",
             stream, SIZES[1:], megabytes_of(streams), did)

    restricted = [Program("fitout check", [STATIC, "check", "-f", "-", "-c", f"{HERE}/restricted.yaml"], streams, largest=small),
                  *([Program("fitout check, glibc", [GNU, "check", "-f", "-", "-c", f"{HERE}/restricted.yaml"], streams, largest=small)]
                    if GNU else []),
                  Program("upstream's evaluator", [f"{PEERS}/restricted"], streams)]

    def agrees(program, size):
        if size > 10_000 or program is not restricted[-1]:
            return ("",)
        found = set(reasons_of_evaluator(program.output[size]))
        ours = set(reasons_of_fitout([*restricted[0].command, "-o", "json"], streams(size)))
        if found != ours:
            sys.exit(f"{size} objects: the evaluator and fitout disagree: {sorted(found ^ ours)[:5]}")
        return (f"{len(found):,}",)

    VERIFIED[agrees] = ("same violations",)
    scenario(work, "Pod Security Standards: restricted", "Only this level, with every violation reported. Both report the same ones: an object "
             "that breaks a control in several containers counts once.", restricted, SIZES[1:], megabytes_of(streams), agrees)

    everything = f"{work}/everything.yaml"
    with open(everything, "w", encoding="utf-8") as file:
        file.write("apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: all}\n"
                   "spec: {environment: production, checks: {failOn: Never}}\n")
    checks = [Program("fitout check", [STATIC, "check", "-f", "-", "-c", everything], streams, largest=small),
              Program("kube-score", [f"{PEERS}/kube-score", "score", "-o", "ci", "-"], streams, codes=(0, 1), largest=1_000),
              Program("kubeconform, no schemas", [f"{PEERS}/kubeconform", "-schema-location", f"{work}/none.json", "-ignore-missing-schemas"],
                      streams, largest=1_000)]
    scenario(work, "Every check", "fitout with the schemas and the validation of Kubernetes. The checks of kube-score are others. kubeconform only "
             "parses here, because its schemas come from the network.", checks, SIZES[1:], megabytes_of(streams))

    folder = f"{work}/tree"
    tree = [Program("fitout apply -i", [STATIC, "apply", "-q", "-i", "-f", folder, "-c", config], lambda _: "/dev/null",
                    prepare=lambda size: split(streams(size), folder))]
    scenario(work, "A tree in place", "A file for each object.", tree, [1_000, 10_000], megabytes_of(streams))
    share = tree[0].median(10_000, "wall") / tree[0].median(10_000, "cpu")
    print(f"\nWall time is {share:.2f} of the CPU time with 10,000 files.")

    if ENGINE:
        parse(lists, ENGINE)
    if shutil.which("valgrind"):
        cases = [("function, with results", [], {"FITOUT_OUTPUT": "results"}, lists(1_000)),
                 ("function, without results", [], {"FITOUT_OUTPUT": "none"}, lists(1_000)),
                 ("check of the level restricted", ["check", "-f", "-", "-c", f"{HERE}/restricted.yaml"], {}, streams(1_000))]
        instructions(work, [("static", STATIC), *([("glibc", GNU)] if GNU else [])], cases)
    if os.environ.get("SVG"):
        chart(os.environ["SVG"], [("The job as a function", [function[0], function[-1]]),
                                  ("Pod Security Standards: restricted", [restricted[0], restricted[-1]])])


# These cannot do the whole job.
PARTIAL = ("kustomize patches",)

if __name__ == "__main__":
    main()
