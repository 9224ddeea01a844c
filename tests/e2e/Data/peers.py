"""What other programs do with hostile archives: peers.py FOLDER CONTENT ENTRIES TOOL...

Each FOLDER/NNN.tar.zst is extracted by each tool into an empty folder, as root, as a person would type it; one line comes out for each:
NNN, tool, what became of it. CONTENT (bytes) and ENTRIES are what the archive was allowed: a peer has no such limit, and more is named a bomb.

Run it with `unshare --mount`: here all that can be written to is a file system of this process's own, so that nothing that gets out harms the machine.
"""

import ctypes
import os
import resource
import shutil
import stat
import subprocess
import sys

SCRATCH = "/mnt"  # any empty folder; the file system of this process is mounted over it
LIMIT = 60  # seconds for one archive
READ_ONLY, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 32, 4096, 16384, 1 << 18


def mount(source, target, kind, flags=0, options=""):
    libc = ctypes.CDLL(None, use_errno=True)
    words = [w.encode() if w else None for w in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), options.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount of {target}")


def wall_in(folder):
    """A scratch file system, with the cases in it, over /mnt, /tmp, /run and /dev/shm; the rest of the machine read-only."""
    mount(None, "/", None, RECURSIVE | PRIVATE)
    cases = {name.split(".")[0]: open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder)) if name.endswith(".tar.zst")}
    mount("scratch", SCRATCH, "tmpfs", 0, "mode=0755,size=6g")
    for name, over in (("tmp", "/tmp"), ("run", "/run"), ("shm", "/dev/shm")):
        os.mkdir(f"{SCRATCH}/{name}")
        mount(f"{SCRATCH}/{name}", over, None, BIND)
    os.mkdir(f"{SCRATCH}/cases")
    for name, content in cases.items():
        with open(f"{SCRATCH}/cases/{name}.tar.zst", "wb") as file:
            file.write(content)
    for line in open("/proc/self/mounts").read().splitlines():
        target = line.split()[1].encode().decode("unicode_escape")
        if target == "/":
            mount(None, "/", None, REMOUNT | BIND | READ_ONLY)
    return sorted(cases)


def run(*words):
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LIMIT, cwd=SCRATCH)
        return done.returncode
    except subprocess.TimeoutExpired:
        return None


PODMAN = ("podman", "--root", f"{SCRATCH}/podman/root", "--runroot", f"{SCRATCH}/podman/run", "--tmpdir", f"{SCRATCH}/podman/tmp", "--network-config-dir", f"{SCRATCH}/podman/net", "--storage-driver", "vfs")


def bench_of(tool, name):
    """The folder that is extracted into, empty, and the one around it."""
    if tool != "podman":
        around = f"{SCRATCH}/bench/{name}"
        os.makedirs(f"{around}/target")
        return f"{around}/target", around
    if run(*PODMAN, "volume", "create", f"case-{name}") != 0:
        raise SystemExit("podman volume create failed")
    around = f"{SCRATCH}/podman/root/volumes/case-{name}"
    return f"{around}/_data", around


def extract(tool, archive, target, name):
    return {
        "tar": lambda: run("tar", "--zstd", "-xpf", archive, "-C", target),
        "bsdtar": lambda: run("bsdtar", "-xpf", archive, "-C", target),
        "podman": lambda: run(*PODMAN, "volume", "import", f"case-{name}", archive),
    }[tool]()


def outside(around, target):
    """All that must stay as it is: names beside the target and above, what the neighbour is, and the machine's /tmp."""
    neighbour = os.lstat(f"{around}/neighbour")
    return (
        sorted(os.listdir(around)), sorted(os.listdir(os.path.dirname(around))), sorted(os.listdir("/tmp")),
        open(f"{around}/neighbour").read(), neighbour.st_mode, neighbour.st_nlink, neighbour.st_mtime_ns, os.lstat(target).st_uid,
    )


def leads_out(target, folder, link):
    at = os.path.join(folder, link)
    real = os.path.realpath(os.path.join(folder, os.readlink(at)))
    return not (real + b"/").startswith(os.path.realpath(target).encode() + b"/")


def harm(target, content, entries):
    """What is in the target that should not be."""
    found, size, count = set(), 0, 0
    for folder, folders, files in os.walk(os.fsencode(target)):
        for name in folders + files:
            count += 1
            if len(os.path.join(folder, name)) > 4000:
                continue  # longer than a path may be: it was made step by step, and counts
            status = os.lstat(os.path.join(folder, name))
            if stat.S_ISLNK(status.st_mode):
                if leads_out(target, folder, name):
                    found.add("link that leads out")
                continue
            if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
                found.add("device or FIFO")
            elif status.st_mode & 0o6000:
                found.add("set-id")
            if stat.S_ISREG(status.st_mode):
                size += status.st_size
            if any(not a.startswith("user.") for a in os.listxattr(os.path.join(folder, name), follow_symlinks=False)):
                found.add("foreign attribute")
    if os.lstat(target).st_mode & 0o6000:
        found.add("set-id")
    if size > content or count > entries:
        found.add("bomb")
    return sorted(found), count


def judge(tool, name, content, entries):
    target, around = bench_of(tool, name)
    with open(f"{around}/neighbour", "w") as file:
        file.write("untouched")
    before = outside(around, target)
    code = extract(tool, f"{SCRATCH}/cases/{name}.tar.zst", target, name)
    found, count = harm(target, content, entries)
    escaped = outside(around, target) != before
    if tool == "podman":
        run(*PODMAN, "volume", "rm", "-f", f"case-{name}")
    shutil.rmtree(os.fsencode(around), ignore_errors=True)
    for left in os.listdir("/tmp"):
        path = os.path.join("/tmp", left)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    with_harm = f": {', '.join(found)}" if found else ""
    if escaped:
        return "ESCAPED" + with_harm
    if code is None:
        return "hung" + with_harm
    # podman's own 125 is a refusal; a signal is a crash.
    if code < 0 or code in (134, 139):
        return "crashed" + with_harm
    if code != 0:
        return f"wrote before refusing{with_harm}" if count else "refused"
    return f"taken{with_harm}"


def main():
    sys.setrecursionlimit(100_000)  # os.walk and rmtree go down as deep as what was made
    folder, content, entries, *tools = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in wall_in(folder):
        for tool in tools:
            print(name, tool, judge(tool, name, int(content), int(entries)), sep="\t", flush=True)


main()
