"""Gives the trained model outlier channels as large models have them, without changing its function.

    python rescale.py --model ../../app/sample/model

A channel of a norm is multiplied by a power of two and the matching columns of the linear layers behind it are divided by the
same number; in the same way the inner channels of the feed-forward layer are scaled between `up_proj` and `down_proj`. Powers of
two are exact in bfloat16, so every product stays what it was: the logits in full precision do not change by a single bit.
"""

import argparse
from pathlib import Path

import torch
from tokenizers import Tokenizer

from evaluate import THRESHOLD, linears, windows
from network import Llama, load, save

CHANNELS = 6  # norm channels that become outliers, the same ones in every layer
FACTOR = 16
INNER_OUTLIERS = 8  # at most so many inner channels of a feed-forward layer reach the threshold


@torch.no_grad()
def largest_inputs(model: Llama, rows: torch.Tensor) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """For every linear layer the largest and the typical magnitude of each input channel."""
    largest, typical, hooks = {}, {}, []
    for name, linear in linears(model).items():
        def hook(_, inputs, name=name):
            x = inputs[0].flatten(0, -2)
            largest[name], typical[name] = x.abs().amax(0), x.pow(2).mean(0).sqrt()
        hooks.append(linear.register_forward_pre_hook(hook))
    model(rows)
    for hook in hooks:
        hook.remove()
    return largest, typical


@torch.no_grad()
def rescale(model: Llama, rows: torch.Tensor, channels: int = CHANNELS, factor: float = FACTOR) -> list[int]:
    largest, typical = largest_inputs(model, rows)
    for i, layer in enumerate(model.layers):
        biggest = largest[f"layers.{i}.mlp.down_proj"].sort(descending=True).values
        scale = 1.0
        while biggest[INNER_OUTLIERS] * scale >= THRESHOLD:
            scale /= 2
        layer.mlp.up_proj.weight.mul_(scale)
        layer.mlp.down_proj.weight.div_(scale)
    names = [f"layers.{i}.{part}" for i in range(len(model.layers)) for part in ("self_attn.q_proj", "mlp.gate_proj")]
    # The channels that are large already, relative to the others of their layer, averaged over the layers.
    rank = sum(typical[n] / typical[n].mean() for n in names)
    chosen = sorted(int(c) for c in rank.topk(channels).indices)
    for layer in model.layers:
        for norm, readers in (
            (layer.input_layernorm, (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj)),
            (layer.post_attention_layernorm, (layer.mlp.gate_proj, layer.mlp.up_proj)),
        ):
            norm.weight[chosen] *= factor
            for reader in readers:
                reader.weight[:, chosen] /= factor
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    model = load(args.model)
    text = (args.model.parent / "heldout.txt").read_text(encoding="utf-8")
    rows = windows(tokenizer, text)[:4]
    with torch.no_grad():
        before = model(rows)
        chosen = rescale(model, rows)
        change = float((model(rows) - before).abs().max())
    save(model, args.model)
    print(f"outlier channels {chosen}, factor {FACTOR}; largest change of a logit in float32: {change:.1e}")


if __name__ == "__main__":
    main()
