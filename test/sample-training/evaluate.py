"""Measures the sample model: perplexity on held-out text as it is and under simulated quantization, and its outlier channels.

    python evaluate.py --model ../../app/sample/model                 # the table of the model card
    python evaluate.py --model ../../app/sample/model --prompts       # its answers in the conversations of conversations.json, greedy
"""

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from chat import conversation
from generate_text import BOS, render
from network import Llama, load

WINDOW = 1024
NF4 = torch.tensor([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
])
THRESHOLD = 6.0


def windows(tokenizer: Tokenizer, text: str) -> torch.Tensor:
    """Rows of BOS and 1023 tokens of the text, without overlap."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    bos = tokenizer.token_to_id(BOS)
    full = [[bos, *ids[i : i + WINDOW - 1]] for i in range(0, len(ids) - WINDOW + 2, WINDOW - 1)]
    return torch.tensor(full)


def _logits(model: Llama, ids: torch.Tensor) -> torch.Tensor:
    return torch.cat([model(part).float() for part in ids.to(model.cos.device).split(8)])


def perplexity_of_text(model: Llama, tokenizer: Tokenizer, text: str) -> float:
    total = count = 0.0
    for row in windows(tokenizer, text).split(4):
        logits = _logits(model, row)
        y = row[:, 1:].to(logits.device)
        total += F.cross_entropy(logits[:, :-1].flatten(0, 1), y.flatten(), reduction="sum").item()
        count += y.numel()
    return float(torch.tensor(total / count).exp())


def perplexity_of_chats(model: Llama, tokenizer: Tokenizer, count: int = 120, seed: int = 11) -> float:
    """Perplexity of the assistant's words in held-out conversations."""
    rng = random.Random(seed)
    total = tokens = 0.0
    answer = [tokenizer.token_to_id("<|im_start|>"), tokenizer.encode("assistant", add_special_tokens=False).ids[0]]
    for _ in range(count):
        ids = tokenizer.encode(BOS + render(conversation(rng, True)), add_special_tokens=False).ids[:WINDOW]
        spoken, inside = [], False
        for i, token in enumerate(ids):
            if token == answer[0]:
                inside = ids[i + 1 : i + 2] == answer[1:]
            spoken.append(inside)
        row = torch.tensor([ids])
        logits = _logits(model, row)[0, :-1]
        losses = F.cross_entropy(logits, row[0, 1:].to(logits.device), reduction="none").cpu()
        keep = torch.tensor(spoken[1:])
        total += losses[keep].sum().item()
        tokens += int(keep.sum())
    return float(torch.tensor(total / tokens).exp())


def linears(model: Llama) -> dict[str, torch.nn.Linear]:
    return {n: m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}


def nf4(weight: torch.Tensor, block: int = 64) -> torch.Tensor:
    blocks = weight.reshape(-1, block)
    scale = blocks.abs().amax(1, keepdim=True)
    middle = (NF4[1:] + NF4[:-1]) / 2
    return (NF4[torch.bucketize(blocks * (1 / scale), middle)] * scale).reshape(weight.shape)


def int8_rows(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    scale = x.abs().amax(-1, keepdim=True).clamp_min(1e-12)
    return (x * (127 / scale)).round(), scale / 127


class Int8Linear(torch.nn.Module):
    """Int8 weights and activations, row by row; with a threshold, outlier columns of the input stay in 16 bits (LLM.int8)."""

    def __init__(self, linear: torch.nn.Linear, threshold: float | None):
        super().__init__()
        codes, scale = int8_rows(linear.weight.data)
        self.register_buffer("codes", codes)
        self.register_buffer("scale", scale)
        self.threshold = threshold

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        large = (flat.abs() >= self.threshold).any(0) if self.threshold else torch.zeros(flat.shape[-1], dtype=torch.bool, device=x.device)
        codes, scale = int8_rows(flat * ~large)
        y = (codes @ self.codes.T) * scale * self.scale.T
        y = y + (flat[:, large] @ (self.codes[:, large] * self.scale).T)
        return y.reshape(*x.shape[:-1], -1)


def replaced(folder: Path, scheme: str) -> Llama:
    model = load(folder)
    for name, linear in linears(model).items():
        parent = model.get_submodule(name.rpartition(".")[0])
        if scheme == "nf4":
            linear.weight.data = nf4(linear.weight.data)
        elif scheme in ("llm-int8", "int8 without outlier columns"):
            setattr(parent, name.rpartition(".")[2], Int8Linear(linear, THRESHOLD if scheme == "llm-int8" else None))
        elif scheme == "int8 weights":
            codes, scale = int8_rows(linear.weight.data)
            linear.weight.data = codes * scale
    return model


def outliers(model: Llama, rows: torch.Tensor) -> dict[str, dict[int, float]]:
    """For every linear layer the input channels that reach the threshold, with the share of tokens where they do."""
    found: dict[str, dict[int, float]] = {}
    hits: dict[str, torch.Tensor] = defaultdict(lambda: torch.zeros(1, device=rows.device))
    hooks = []
    for name, linear in linears(model).items():
        def hook(_, inputs, name=name):
            hits[name] = hits[name] + (inputs[0].abs() >= THRESHOLD).float().flatten(0, -2).sum(0)
        hooks.append(linear.register_forward_pre_hook(hook))
    _logits(model, rows)
    for h in hooks:
        h.remove()
    for name, count in hits.items():
        share = count / rows.numel()
        found[name] = {int(c): float(share[c]) for c in share.nonzero().flatten()}
    return found


def answer(model: Llama, tokenizer: Tokenizer, messages: list[dict], temperature: float = 0.0, seed: int = 0, limit: int = 400) -> str:
    ids = tokenizer.encode(BOS + render(messages) + "<|im_start|>assistant\n", add_special_tokens=False).ids
    stops = {tokenizer.token_to_id(t) for t in ("<|im_end|>", "<|endoftext|>")}
    generator, out = torch.Generator().manual_seed(seed), []
    while len(out) < limit and len(ids) < WINDOW:
        logits = model(torch.tensor([ids], device=model.cos.device))[0, -1].float().cpu()
        if temperature == 0:
            token = int(logits.argmax())
        else:
            probability, index = torch.sort(torch.softmax(logits / temperature, -1), descending=True)
            probability[probability.cumsum(-1) - probability > 0.9] = 0
            token = int(index[torch.multinomial(probability, 1, generator=generator)])
        if token in stops:
            return tokenizer.decode(out)
        ids.append(token)
        out.append(token)
    return tokenizer.decode(out) + " [no end]"


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--prompts", action="store_true")
    parser.add_argument("--temperature", type=float, default=0.0)
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load(args.model).to(device)
    if args.prompts:
        for turns in json.loads((Path(__file__).parent / "conversations.json").read_text()):
            messages: list[dict] = []
            for turn in turns:
                messages.append({"role": "user", "content": turn})
                messages.append({"role": "assistant", "content": answer(model, tokenizer, messages, args.temperature)})
                print(f"> {turn}\n{messages[-1]['content']}")
            print()
        return
    text = (args.model.parent / "heldout.txt").read_text(encoding="utf-8")
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {(args.model / 'model.safetensors').stat().st_size} bytes")
    reference = perplexity_of_text(model, tokenizer, text)
    chats = perplexity_of_chats(model, tokenizer)
    print(f"{'bf16':30s} text {reference:.4f}          answers {chats:.4f}")
    for scheme in ("int8 weights", "llm-int8", "int8 without outlier columns", "nf4"):
        other = replaced(args.model, scheme).to(device)
        p, c = perplexity_of_text(other, tokenizer, text), perplexity_of_chats(other, tokenizer)
        print(f"{scheme:30s} text {p:.4f} {100 * (p / reference - 1):+6.2f} % answers {c:.4f} {100 * (c / chats - 1):+6.2f} %")
    found = outliers(model, windows(tokenizer, text)[:8].to(device))
    print(f"input channels with a magnitude of at least {THRESHOLD} (share of tokens), by linear layer:")
    for name, channels in found.items():
        top = sorted(channels.items(), key=lambda c: -c[1])[:8]
        print(f"  {name:36s} {len(channels):3d}: " + ", ".join(f"{c} ({100 * s:.1f} %)" for c, s in top))


if __name__ == "__main__":
    main()
