"""Answers as sbatch, squeue and scancel of Slurm 22.05 do, as far as `apex alloc` and workers ask: for machines without
Slurm. An allocation starts at once and is a process of its own."""
import os, re, signal, subprocess, sys, time

root, command, words = sys.argv[1], sys.argv[2], sys.argv[3:]
jobs = os.path.join(root, "jobs")
os.makedirs(jobs, exist_ok=True)


def option(name, default=""):
    for at, word in enumerate(words):
        if word.startswith(name + "="):
            return word[len(name) + 1:]
        if word == name and at + 1 < len(words):
            return words[at + 1]
    return default


def facts(job):
    with open(os.path.join(jobs, job)) as file:
        name, pid, end = file.read().split()
    try:
        with open(f"/proc/{pid}/stat") as file:
            alive = file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        alive = False
    return name, int(pid), float(end), alive


if command == "sbatch":
    script = sys.stdin.read()
    settings = dict(re.findall(r"^#SBATCH --([a-z-]+)=(.*)$", script, re.M))
    if "--test-only" in words:
        print("sbatch: Job 1 to start at 2026-01-01T00:00:00 using 1 processors on nodes here in partition main", file=sys.stderr)
        sys.exit(0)
    if option("--partition") == "nowhere":
        print("sbatch: error: invalid partition specified: nowhere\nsbatch: error: Batch job submission failed: Invalid partition name specified", file=sys.stderr)
        sys.exit(1)
    number = len(os.listdir(jobs)) + 1
    minutes = float(option("-t", "60"))
    end = time.time() + minutes * 60
    log = open(settings["output"].replace("%j", str(number)), "w")
    environment = dict(os.environ, SLURM_JOB_ID=str(number))
    path = os.path.join(root, f"script.{number}")
    open(path, "w").write(script)
    process = subprocess.Popen(["sh", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True)
    open(os.path.join(jobs, str(number)), "w").write(f"{settings['job-name']} {process.pid} {end}")
    print(number)
    # Somebody has to wait for it; the first process ends now.
    if os.fork() == 0:
        for stream in range(3):
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        process.wait()
elif command == "squeue":
    for job in sorted(os.listdir(jobs), key=int):
        name, pid, end, alive = facts(job)
        if not alive or option("--jobs", job) != job or option("--name", name) != name:
            continue
        left = max(0, int(end - time.time()))
        print({"%L": f"{left // 60}:{left % 60:02}", "%i %T": f"{job} RUNNING"}[option("--format")])
elif command == "scancel":
    job = words[-1]
    name, pid, end, alive = facts(job)
    if alive:
        os.kill(pid, getattr(signal, "SIG" + option("--signal", "TERM")))
