#!/usr/bin/env bash
# Installs the frameworks that bench/frameworks.lua compares with, newest versions, in a virtual environment in build/.
#   bench/peers/setup.sh [DIR]     with another DIR, set MOONBOW_PEERS=DIR/bin/python
# Needs python3 with venv, and a C++ compiler for torch.compile. Takes some gigabytes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../../build/peers}
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --upgrade pip
"$folder/bin/python" -m pip install --quiet --upgrade --requirement "$here/requirements.txt"
"$folder/bin/python" -m pip list 2>/dev/null | grep -iE '^(torch|tensorflow|onnx)'
