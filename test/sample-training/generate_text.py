"""Writes the text that the sample model learns from. Seeded: the same seed gives the same text, on any machine.

    python generate_text.py --side train --documents 5 --seed 1          # look at some documents
    python generate_text.py --side heldout --plain-bytes 110000 --seed 7 --out ../../app/sample/heldout.txt

A document is a conversation (written with the chat template) or plain text: a story, questions and answers, a page of facts.
"""

import argparse
import random
import sys

from chat import QUANTIZATION, WORLD, conversation, piece
from grammar import held_out, tidy
from names import PEOPLE
from stories import story
from tables import ANIMALS, a

BOS, EOS, START, END, PAD = "<|bos|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"


def render(messages: list[dict]) -> str:
    """What the chat template makes of a conversation (after the BOS)."""
    return "".join(f"{START}{m['role']}\n{m['content'].strip()}{END}\n" for m in messages)


def _questions(rng: random.Random, side: bool) -> str:
    """Questions and answers as plain text."""
    names = rng.sample(list(PEOPLE), 2)
    ask, reply = rng.choice([("Q", "A"), ("Question", "Answer"), (names[0], names[1])])
    lines = []
    while len(lines) < rng.choice([2, 4, 6, 8]):
        turns = piece(rng, side)
        if len(turns[0][1]) < 300:
            lines += [f"{ask}: {q}\n{reply}: {ans}" for q, ans in turns]
    return "\n".join(lines)


def _page(rng: random.Random, side: bool) -> str:
    """A page about an animal, about quantization or about the world."""
    kind = rng.random()
    while True:
        if kind < 0.3:
            name = rng.choice(list(ANIMALS))
            k, _, lives, eats, young, _, colour, _, can, remark = ANIMALS[name]
            said = [f"It lives {lives}.", f"It eats {eats}.", f"A young {name} is called {a(young)}.", f"It can {can}.", f"{remark}.", f"Most are {colour}."]
            rng.shuffle(said)
            page = tidy(f"A {name} is {a(k)}. " + " ".join(said[: rng.randint(3, 6)]))
            if held_out("page|" + page) == side:
                return page
            continue
        entries = rng.sample(QUANTIZATION if kind < 0.75 else WORLD, rng.randint(3, 6))
        answers = [rng.choice(e[1]) for e in entries]
        if held_out("page|" + answers[0] + answers[1]) == side:
            return "\n".join(answers) if rng.random() < 0.3 else " ".join(answers)


def plain(rng: random.Random, side: bool) -> str:
    kind = rng.random()
    if kind < 0.55:
        tale = story(rng, side, rng.choice(["short", "long", "long", "long"]))
        return f"{tale.title}\n\n{tale.text}" if rng.random() < 0.3 else tale.text
    return _questions(rng, side) if kind < 0.82 else _page(rng, side)


def plain_text(rng: random.Random, side: bool, size: int) -> str:
    """Plain documents one after another, as they stand in a text file."""
    parts, length = [], 0
    while length < size:
        parts.append(plain(rng, side))
        length += len(parts[-1]) + 2
    return "\n\n".join(parts) + "\n"


def document(rng: random.Random, side: bool) -> str:
    """One training document with its special tokens: mostly conversations, some single plain texts."""
    if rng.random() < 0.9:
        return BOS + render(conversation(rng, side))
    return BOS + plain(rng, side) + EOS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=["train", "heldout"], default="train")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int, default=5)
    parser.add_argument("--plain-bytes", type=int, help="write plain text of about this size instead of single documents")
    parser.add_argument("--out", help="file to write (default: standard output)")
    args = parser.parse_args()
    rng, side = random.Random(args.seed), args.side == "heldout"
    text = plain_text(rng, side, args.plain_bytes) if args.plain_bytes else "\n".join(document(rng, side) for _ in range(args.documents)) + "\n"
    if args.out:
        with open(args.out, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
