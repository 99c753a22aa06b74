"""Times bitsandbytes' CUDA kernels on data that lies on the device, as cuda_check does with ours."""

import statistics
import sys

import bitsandbytes
import torch
from bitsandbytes import functional

REPEATS = 12


def median_ms(run):
    times = []
    for i in range(REPEATS + 2):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        end.record()
        end.synchronize()
        if i >= 2:
            times.append(start.elapsed_time(end))
    return statistics.median(times)


def report(what, moved, ms, bandwidth):
    floor = moved / bandwidth * 1e3
    print(f"{what:<34} {moved / 1e9:9.2f} {floor:9.3f} {ms:9.3f} {moved / ms / 1e6:9.0f} {floor / ms * 100:7.0f}%", flush=True)


def attempt(what, run):
    try:
        run()
    except Exception as error:  # a kernel that this version lacks must not end the table
        print(f"{what}: {type(error).__name__}: {error}"[:200])


def main():
    # Its kernels count weights in 32 bits.
    weights = min(int(sys.argv[1]) // 2, 2**30)
    source = torch.randn(weights // 4096, 4096, device="cuda", dtype=torch.bfloat16) * 0.02
    copied = torch.empty_like(source)
    bandwidth = 2 * source.nbytes / (median_ms(lambda: copied.copy_(source)) / 1e3)
    print(f"bitsandbytes {bitsandbytes.__version__}, torch {torch.__version__}, {torch.cuda.get_device_name(0)}")
    print(f"copy from device to device, {source.nbytes / 1e9:.2f} GB: {bandwidth / 1e9:.0f} GB/s read and written together")

    for nested in (False, True):
        name = "nf4" + ("-dq" if nested else "")
        scales = weights / 64
        packed = weights / 2 + (scales * (1 + 1 / 64) if nested else scales * 4)

        def quantize():
            return functional.quantize_4bit(source, blocksize=64, quant_type="nf4", compress_statistics=nested)

        def run():
            report(f"{name} from bf16, block 64", weights * 2 + packed, median_ms(quantize), bandwidth)
            codes, state = quantize()
            state.dtype = torch.float32
            out = torch.empty(source.shape, device="cuda", dtype=torch.float32)
            report(
                f"dequantize {name} to f32",
                weights * 4 + packed,
                median_ms(lambda: functional.dequantize_4bit(codes, state, out=out)),
                bandwidth,
            )

        attempt(name, run)

    def rows():
        half = source.to(torch.float16)
        report("llm-int8 from f16", weights * 3, median_ms(lambda: functional.int8_vectorwise_quant(half)), bandwidth)

    attempt("llm-int8", rows)


main()
