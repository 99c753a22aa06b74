"""Rate of bitsandbytes on the processor: bfloat16 weights in memory to codes and scales; prints one line of JSON.

Arguments: rows, columns, threads.
"""
import json
import sys
import time

import bitsandbytes
import torch

rows, columns, threads = map(int, sys.argv[1:4])
torch.set_num_threads(threads)
torch.manual_seed(0)
weights = (torch.randn(rows, columns) * 0.02).to(torch.bfloat16)
half = weights.to(torch.float16)
functional = bitsandbytes.functional


def four_bit(double):
    return lambda: functional.quantize_4bit(
        weights, blocksize=64, compress_statistics=double, quant_type="nf4"
    )


def rate(quantize):
    quantize()
    started = time.perf_counter()
    quantize()
    return weights.numel() / (time.perf_counter() - started)


print(
    json.dumps(
        {
            "version": bitsandbytes.__version__,
            "rates": {
                "nf4": rate(four_bit(False)),
                "nf4-dq": rate(four_bit(True)),
                "llm-int8": rate(lambda: functional.int8_vectorwise_quant(half)),
            },
        }
    )
)
