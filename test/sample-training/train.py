"""Trains the sample model: generates the text on all cores, packs it into rows of 1024 tokens, and fits the network.

    python train.py --model ../../app/sample/model --minutes 7      # one GPU; the length of the training follows from the time
    python train.py --model ../../app/sample/model --steps 9000     # the same, with a fixed number of steps

The text is a function of the seed alone. Only the text of the training side of the split is used (see grammar.held_out).
"""

import argparse
import math
import os
import random
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from evaluate import perplexity_of_chats, perplexity_of_text
from generate_text import BOS, document, plain
from network import Llama, Shape, save

ROW = 1024
CHUNK_ROWS = 200
USER_WEIGHT = 0.1  # how much the tokens of user and system messages count in the loss


def message_weights(ids: np.ndarray, start: int, roles: dict[int, float]) -> np.ndarray:
    """Full weight for what the assistant says and for plain text, little for what a user may type."""
    weights = np.ones(len(ids), np.float32)
    opened = np.flatnonzero(ids == start)
    for a, b in zip(opened, [*opened[1:], len(ids)]):
        if a + 1 < len(ids) and int(ids[a + 1]) in roles:
            weights[a:b] = roles[int(ids[a + 1])]
    return weights


def rows(job: tuple[str, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """One chunk of packed rows with the weight of every token."""
    path, seed, chunk = job
    tokenizer = Tokenizer.from_file(path)
    rng = random.Random(f"{seed}-{chunk}")
    start = tokenizer.token_to_id("<|im_start|>")
    roles = {tokenizer.encode(r, add_special_tokens=False).ids[0]: USER_WEIGHT for r in ("user", "system")}
    out_ids, out_weights = [], []
    for _ in range(CHUNK_ROWS):
        ids: list[int] = []
        weights: list[np.ndarray] = []
        if rng.random() < 0.25:  # a text file: plain texts one after another
            text = BOS
            while len(ids) <= ROW:
                text += "\n\n".join(plain(rng, False) for _ in range(5)) + "\n\n"
                ids = tokenizer.encode(text, add_special_tokens=False).ids
            weights.append(np.ones(len(ids), np.float32))
        while len(ids) <= ROW:
            part = tokenizer.encode(document(rng, False), add_special_tokens=False).ids
            weights.append(message_weights(np.array(part), start, roles))
            ids += part
        out_ids.append(np.array(ids[: ROW + 1], np.uint16))
        out_weights.append((np.concatenate(weights)[: ROW + 1] * 10).astype(np.uint8))
    return np.stack(out_ids), np.stack(out_weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder with tokenizer.json; the weights are written there")
    parser.add_argument("--minutes", type=float, default=7)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"

    begin = time.time()
    path = str(args.model / "tokenizer.json")
    chunks = math.ceil(args.rows / CHUNK_ROWS)
    with get_context("fork").Pool(args.workers) as pool:
        parts = pool.map(rows, [(path, args.seed, c) for c in range(chunks)], chunksize=1)
    ids = torch.from_numpy(np.concatenate([p[0] for p in parts]).astype(np.int16)).to(device)
    weights = torch.from_numpy(np.concatenate([p[1] for p in parts])).to(device)
    print(f"{len(ids)} rows, {ids.numel() / 1e6:.1f} M tokens in {time.time() - begin:.0f} s", flush=True)

    torch.set_float32_matmul_precision("high")
    model = Llama(Shape())
    model.initialise(args.seed)
    model.to(device)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=args.rate, betas=(0.9, 0.95), fused=device == "cuda")

    def loss_of(x, y, w):
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            logits = model(x)
        losses = F.cross_entropy(logits.float().flatten(0, 1), y.flatten(), reduction="none")
        return (losses * w.flatten()).sum() / w.sum()

    step_loss = torch.compile(loss_of) if device == "cuda" else loss_of

    order_rng = torch.Generator().manual_seed(args.seed)
    order, at = torch.randperm(len(ids), generator=order_rng), 0
    steps, step, started = args.steps, 0, time.time()
    probe = (60, 260)  # steps whose time gives the speed, when the length of the training follows from the time
    while not steps or step < steps:
        if step == probe[0]:
            if device == "cuda":
                torch.cuda.synchronize()
            t0 = time.time()
        if step == probe[1] and not args.steps:
            torch.cuda.synchronize()
            each = (time.time() - t0) / (probe[1] - probe[0])
            steps = int((args.minutes * 60 - (time.time() - started)) / each) + step
            print(f"{each * 1e3:.1f} ms a step, {args.batch * ROW / each / 1e6:.2f} M tokens a second: {steps} steps", flush=True)
        if at + args.batch > len(order):
            order, at = torch.randperm(len(ids), generator=order_rng), 0
        pick = order[at : at + args.batch].to(device)
        at += args.batch
        batch = ids[pick].long()
        w = weights[pick, 1:].float() / 10
        done = step / steps if steps else 0.0
        rate = args.rate * min(1.0, (step + 1) / 200) * (1.0 if done < 0.2 else 0.5 * (1 + math.cos(math.pi * (done - 0.2) / 0.8)) + 1e-3)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = step_loss(batch[:, :-1], batch[:, 1:], w)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        if step % 500 == 0 or step == steps:
            print(f"step {step} loss {loss.item():.4f} rate {rate:.5f} {time.time() - begin:.0f} s", flush=True)
            if step % 2500 == 0:
                save(model, args.model)
    save(model, args.model)
    tokens = steps * args.batch * ROW
    print(f"trained {steps} steps, {tokens / 1e6:.0f} M tokens, {tokens / ids.numel():.1f} passes, {time.time() - begin:.0f} s in all", flush=True)

    model.eval()
    tokenizer = Tokenizer.from_file(path)
    with torch.no_grad():
        text = (args.model.parent / "heldout.txt").read_text(encoding="utf-8")
        print(f"held-out text: perplexity {perplexity_of_text(model, tokenizer, text):.4f}")
        print(f"held-out chats: perplexity of the answers {perplexity_of_chats(model, tokenizer):.4f}")


if __name__ == "__main__":
    main()
