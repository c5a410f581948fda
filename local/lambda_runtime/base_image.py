"""Lambda's Python base image, made from this machine's own Python 3.13.

`sam local` runs functions in `public.ecr.aws/lambda/python:3.13-…`. This makes a stand-in without
fetching anything: a static busybox for the shell that SAM's generated Dockerfile needs, CPython
below /var/lang, AWS's runtime client below /var/runtime and its emulator, and the shared libraries
that these need. Linux only; run it again for another Python.

    python -m local.lambda_runtime.base_image
"""

import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from local.tools import ARCHITECTURE, RUNTIME_PYTHON, emulator_binary, need

NAME = f"public.ecr.aws/lambda/python:3.13-{ARCHITECTURE}"
BUSYBOX = Path("/bin/busybox")

_BOOTSTRAP = """\
#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python3.13
exec /var/lang/bin/python3.13 /var/runtime/bootstrap.py
"""
# The search path as Lambda documents it: the function, the layers, the runtime's own packages.
_BOOTSTRAP_PY = """\
import os, sys
sys.path[:1] = [os.environ["LAMBDA_TASK_ROOT"], "/opt/python"]
sys.path.append("/var/runtime")
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
bootstrap.run(os.environ["_HANDLER"], LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"]))
"""
_ENTRYPOINT = """\
#!/bin/sh
export _HANDLER="$1"
if [ -n "$AWS_LAMBDA_RUNTIME_API" ]; then exec /var/runtime/bootstrap; fi
exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
"""
_SETTINGS = [
    "ENV LANG=en_US.UTF-8",
    "ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
    "ENV LD_LIBRARY_PATH=/var/lang/lib:/var/runtime:/var/task:/opt/lib",
    "ENV LAMBDA_TASK_ROOT=/var/task",
    "ENV LAMBDA_RUNTIME_DIR=/var/runtime",
    "WORKDIR /var/task",
    'ENTRYPOINT ["/lambda-entrypoint.sh"]',
]
# What a function never uses, and what Lambda does not have.
_LEFT_OUT = shutil.ignore_patterns(
    "site-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "config-3*", "*.a"
)


class CannotBuild(Exception):
    """Something that the image is made of is missing."""


def build() -> str:
    """Make the image and give it to the container engine. Its name."""
    need(RUNTIME_PYTHON)
    if not BUSYBOX.exists() or _libraries([BUSYBOX]):
        raise CannotBuild(f"{BUSYBOX} is no static busybox: install Debian's busybox-static.")
    with tempfile.TemporaryDirectory(prefix="base-image-") as name:
        root = Path(name)
        _fill(root)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(root, arcname=".")
        command = ["docker", "import"]
        for setting in _SETTINGS:
            command += ["--change", setting]
        subprocess.run([*command, "-", NAME], input=archive.getvalue(), check=True)
    return NAME


def _fill(root: Path) -> None:
    for folder in ("bin", "tmp", "opt", "proc", "sys", "dev", "etc", "var/task", "usr/local/bin"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    _put(BUSYBOX, root / "bin/busybox")
    for applet in _said(BUSYBOX, "--list").split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "usr/bin").symlink_to("/bin")

    prefix = Path(_said(RUNTIME_PYTHON, "-c", "import sys; print(sys.base_prefix)").strip())
    _put(prefix / "bin/python3.13", root / "var/lang/bin/python3.13")
    for library in prefix.glob("lib/libpython3*"):
        _put(library, root / "var/lang/lib" / library.name)
    standard = "lib/python3.13"
    shutil.copytree(prefix / standard, root / "var/lang" / standard, ignore=_LEFT_OUT)
    packages = RUNTIME_PYTHON.parents[1] / standard / "site-packages"
    shutil.copytree(packages, root / "var/runtime", ignore=shutil.ignore_patterns("pip*"))
    _write(root / "var/runtime/bootstrap", _BOOTSTRAP)
    _write(root / "var/runtime/bootstrap.py", _BOOTSTRAP_PY)
    _write(root / "lambda-entrypoint.sh", _ENTRYPOINT)
    _put(emulator_binary(), root / "usr/local/bin/aws-lambda-rie")

    binaries = [root / "var/lang/bin/python3.13", *root.rglob("*.so"), *root.rglob("*.so.*")]
    for found in _libraries(binaries):
        _put(found, root / found.relative_to("/"))
    _put(Path("/etc/ssl/certs/ca-certificates.crt"), root / "etc/ssl/certs/ca-certificates.crt")
    _write(root / "etc/passwd", "root:x:0:0::/root:/bin/sh\n")
    _write(root / "etc/nsswitch.conf", "hosts: files dns\n")


def _libraries(binaries: Iterable[Path]) -> set[Path]:
    """What the dynamic linker would load for them, and the linker itself."""
    done = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False)
    found = {Path(each) for each in re.findall(r"(/\S+\.so\S*) \(0x", done.stdout)}
    # Loaded by name at run time, to find hosts.
    by_name = ("libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2")
    folders = {path.parent for path in found if path.name.startswith("libc.so")}
    found |= {folder / name for folder in folders for name in by_name if (folder / name).exists()}
    return {path for path in found if "python3" not in path.name}


def _said(*command: Path | str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy(source, target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


if __name__ == "__main__":
    try:
        print(build())
    except CannotBuild as problem:
        sys.exit(str(problem))
