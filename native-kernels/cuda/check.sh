#!/usr/bin/env bash
# Builds, checks and times the CUDA kernels on a machine with nvcc, CMake and an NVIDIA device. No network, no Node.
#
#   check.sh [FOLDER]     FOLDER (default: native-kernels/build-cuda-check) takes the build and the synthetic checkpoint
#
# NIBBLE_CHECK_WEIGHTS, NIBBLE_CHECK_BYTES, NIBBLE_CHECK_LAYERS change how much is checked and timed; the defaults are a
# thousand million weights per scheme, 4 GiB of data on the device, and the 32 layers of an 8 B model. NIBBLE_CHECK_ONLY
# names the steps to run (build small memcheck racecheck equal many time bitsandbytes file decoder chat baseline).
# NIBBLE_CHECK_BASELINE names a folder with llama.cpp's libraries, such as node-llama-cpp's
# @node-llama-cpp/linux-x64-vulkan/bins/linux-x64-vulkan: our decoder and llama.cpp are then timed in turns, in
# NIBBLE_CHECK_ROUNDS rounds (5) and the shapes of check/shapes.cpp that NIBBLE_CHECK_SHAPES names (1b).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../build-cuda-check}
weights=${NIBBLE_CHECK_WEIGHTS:-1000000000}
bytes=${NIBBLE_CHECK_BYTES:-4294967296}
layers=${NIBBLE_CHECK_LAYERS:-32}
steps=${NIBBLE_CHECK_ONLY:-build small memcheck racecheck equal many time bitsandbytes file decoder chat baseline}
program=$build/cuda_check

# The kernels for the card at hand alone: what is checked here are bits and times, not the packaging.
architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)

step() { case " $steps " in *" $1 "*) printf '\n== %s (%s s)\n' "$1" "$SECONDS"; return 0 ;; esac; return 1; }

if step build; then
  cmake -S "$here/.." -B "$build" -DCMAKE_BUILD_TYPE=Release -DNIBBLE_CUDA_ARCHITECTURES="$architecture" >"$build.log"
  cmake --build "$build" --target cuda_check --parallel >>"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
fi
if step small; then "$program" small; fi
for tool in memcheck racecheck; do
  if step $tool; then
    if command -v compute-sanitizer >/dev/null; then
      compute-sanitizer --tool $tool --error-exitcode 1 "$program" small | tail -5
    else
      echo "skipped: compute-sanitizer is not installed"
    fi
  fi
done
if step memcheck && command -v compute-sanitizer >/dev/null; then
  compute-sanitizer --tool memcheck --error-exitcode 1 "$program" small-decoder="$build/decoder" | tail -3
fi
if step equal; then "$program" equal; fi
if step many; then "$program" many="$weights"; fi
if step time; then "$program" time="$bytes"; fi
if step bitsandbytes; then
  if python3 -c 'import torch, bitsandbytes; assert torch.cuda.is_available()' 2>/dev/null; then
    python3 "$here/check/bitsandbytes_baseline.py" "$bytes"
  else
    echo "skipped: python3 with torch and bitsandbytes is not installed"
  fi
fi
if step file; then "$program" file="$build/checkpoint:$layers"; fi
if step decoder; then "$program" decoder="$build/decoder"; fi
if step chat; then for format in nf4-dq llm-int8; do "$program" chat="$build/decoder:$format"; done; fi
if step baseline; then
  if [ -n "${NIBBLE_CHECK_BASELINE:-}" ]; then
    baseline=$here/../../test/bench/llama-baseline
    cmake -S "$baseline" -B "$build/llama-baseline" -DCMAKE_BUILD_TYPE=Release >>"$build.log"
    cmake --build "$build/llama-baseline" >>"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
    mkdir -p "$build/decoder"
    for round in $(seq "${NIBBLE_CHECK_ROUNDS:-5}"); do
      echo "round $round"
      for shape in ${NIBBLE_CHECK_SHAPES:-1b}; do
        for format in nf4-dq llm-int8; do "$program" chat="$build/decoder:$format:$shape"; done
        for types in 'q4_0 q8_0' 'q4_0 q6_k' 'q8_0 q8_0'; do
          # shellcheck disable=SC2086  # two arguments
          "$build/llama-baseline/llama_baseline" "$NIBBLE_CHECK_BASELINE" "$build/decoder/$shape-${types/ /-}.gguf" $types "$shape"
        done
      done
    done | tee "$build/baseline.txt"
    rm -f "$build"/decoder/*.gguf
    echo
    awk -f "$baseline/medians.awk" "$build/baseline.txt"
  else
    echo "skipped: NIBBLE_CHECK_BASELINE names no folder with llama.cpp's libraries"
  fi
fi
printf '\ndone (%s s)\n' "$SECONDS"
