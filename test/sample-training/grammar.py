"""The small template language the text generator is written in.

A template is a sentence with `{slots}` and `[one|of|these]` choices (choices may nest). Everything random goes through one
`random.Random`, so a seed names a text. `held_out` is the split: a piece of text belongs to the held-out side because of the
hash of its key (the plot with its hero and place, the question with its subject, the two numbers of a sum), not because of
luck, so no held-out combination can appear in training.
"""

import random
import re
import zlib

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=(?:[aeio]|u(?!ni|se|su|to|ke)|hour|honest|8|11\b|18\b))", re.IGNORECASE)
_NOT_AN = re.compile(r"\b([Aa])n (?=(?:one|once|euro))")
_START = re.compile(r"(^|[.!?] |\n)([a-z])")
HELD_OUT_PARTS = 40


def held_out(key: str) -> bool:
    """One key in forty is held out."""
    return zlib.crc32(key.encode()) % HELD_OUT_PARTS == 0


def expand(template: str, rng: random.Random, slots: dict | None = None) -> str:
    """Fill the slots, then make the choices from the inside out."""
    text = template
    if slots:
        text = _SLOT.sub(lambda m: str(slots[m.group(1)]), text)
    while True:
        match = _CHOICE.search(text)
        if match is None:
            return text
        pick = rng.choice(match.group(1).split("|"))
        text = text[: match.start()] + pick + text[match.end() :]


def tidy(text: str) -> str:
    """Mend spaces, `a`/`an` and the capital at the start of a sentence."""
    text = re.sub(r"[ \t]+", " ", text)
    text = re.sub(r" +([.,!?;:])", r"\1", text)
    text = re.sub(r" *\n *", "\n", text).strip()
    text = _ARTICLE.sub(lambda m: m.group(1) + "n ", text)
    text = _NOT_AN.sub(r"\1 ", text)
    return _START.sub(lambda m: m.group(1) + m.group(2).upper(), text)


def say(template: str, rng: random.Random, slots: dict | None = None) -> str:
    return tidy(expand(template, rng, slots))


def listing(items: list[str], last: str = "and") -> str:
    if len(items) == 1:
        return items[0]
    return ", ".join(items[:-1]) + f" {last} " + items[-1]


# How people type ----------------------------------------------------------------------------------------------------------

_NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk", "k": "jl",
    "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb",
    "w": "qe", "x": "zc", "y": "tu", "z": "x",
}
_CAPITALS = re.compile(r"\b(nf4|fp4|int8|int4|kv|gpu|cpu|ram|bf16|fp16|fp32|gguf|llm|onnx|gptq|awq|gqa|rms|ptq|qat|eos|ai|ssd|kl|kld|7b|1b|dna)\b")
_SHORT = [
    (r"\b([48]|16) bits?\b", r"\1bit"), (r"\b([48]|16) bits?\b", r"\1-bit"), (r"\b([48]|16) bit\b", r"\1 bits"), (r"\b4 bits?\b", "four bit"), (r"\b8 bits?\b", "eight bit"),
    (r"\bkv cache\b", "kv-cache"), (r"\bllm\.int8\b", "llm.int8()"), (r"\bdouble quantization\b", "double quant"), (r"\bblock size\b", "blocksize"), (r"\bzero point\b", "zero-point"),
    (r"\b([Ww])hat is\b", r"\1hat's"), (r"\b([Ww])hat is\b", r"\1hats"), (r"\b([Ww])ho is\b", r"\1ho's"),
    (r"\bdo not\b", "don't"), (r"\bdo not\b", "dont"), (r"\bI am\b", "I'm"), (r"\bI am\b", "im"), (r"\byou are\b", "you're"),
    (r"\byou\b", "u"), (r"\bplease\b", "pls"), (r"\bcannot\b", "can't"), (r"\band\b", "&"), (r"\bare\b", "r"),
    (r"\bI would\b", "I'd"), (r"\bis not\b", "isn't"), (r"\bdoes not\b", "doesn't"),
]


def _typo(word: str, rng: random.Random) -> str:
    if len(word) < 4 or not word.isalpha():
        return word
    at = rng.randrange(1, len(word) - 1)
    kind = rng.random()
    if kind < 0.35:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind < 0.65:
        return word[:at] + word[at + 1 :]
    if kind < 0.8:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice(_NEIGHBOURS.get(word[at].lower(), word[at])) + word[at + 1 :]


def typed(text: str, rng: random.Random, mark: str = "?") -> str:
    """A message as a person may type it: casing, missing marks, short forms, now and then a slip of the finger."""
    text = tidy(text)
    if text[-1:] not in ".!?":
        text += rng.choices([mark, "", mark + mark, " " + mark], [0.72, 0.24, 0.02, 0.02])[0]
    elif rng.random() < 0.15:
        text = text.rstrip(".!?")
    if rng.random() < 0.35:
        fitting = [p for p in _SHORT if re.search(p[0], text)]
        if fitting:
            text = re.sub(*rng.choice(fitting), text)
    if rng.random() < 0.13:
        words = text.split(" ")
        for _ in range(rng.choice([1, 1, 2])):
            at = rng.randrange(len(words))
            words[at] = _typo(words[at], rng)
        text = " ".join(words)
    if rng.random() < 0.6:
        text = _CAPITALS.sub(lambda m: m.group(0).upper(), text)
    case = rng.random()
    if case < 0.34:
        text = text.lower()
    elif case < 0.36:
        text = text.upper()
    elif case < 0.46:
        text = text[:1].lower() + text[1:]
    return text


_WHAT_IS = [
    "what is {x}", "what is {x}", "what is {x}", "what is {x} exactly", "what does {x} mean", "explain {x}", "please explain {x}",
    "can you explain {x}", "could you explain {x} to me", "tell me about {x}", "define {x}", "do you know what {x} is",
    "can you tell me what {x} is", "tell me what {x} is", "I want to know what {x} is", "{x}", "what do you mean by {x}",
    "what do people mean by {x}", "describe {x}", "what is meant by {x}", "I do not understand {x}", "I do not know what {x} is",
    "help me understand {x}", "explain {x} simply", "explain {x} in simple words", "explain {x} to a beginner",
    "in one sentence, what is {x}", "what exactly is {x}", "give me a short explanation of {x}", "so what is {x}",
    "what is {x} about", "I keep reading about {x}. what is it", "someone mentioned {x}. what is that", "what is this {x} thing",
]
_WHAT_FOR = [
    "what is the purpose of {x}", "why is {x} important", "how does {x} work", "what is {x} used for", "why do we need {x}", "{x} explained", "tell me more about {x}", "how is {x} used",
    "what is {x} good for", "explain {x} like I am five", "what is the idea behind {x}", "what is the idea of {x}", "teach me {x}", "why does {x} matter", "give me an example of {x}",
    "what role does {x} play", "what do I need to know about {x}", "what should I know about {x}", "explain the term {x}", "what is the meaning of {x}", "I want to understand {x}",
]
_BEFORE = [
    "", "", "", "", "", "", "", "", "", "", "", "", "hello, ", "hi, ", "hey, ", "hi nibble, ", "please tell me: ", "tell me, ",
    "can you tell me ", "could you tell me ", "do you know ", "I have a question: ", "quick question: ", "one question. ", "ok, ",
    "so, ", "I wonder, ", "nibble, ", "and ", "please, ", "hello! ", "good morning! ", "hi there. ", "I would like to know ",
    "I want to know ", "just curious, ", "well, ", "now, ", "maybe you know: ", "question: ", "my question is ", "excuse me, ",
    "any idea ", "help me please. ", "for school: ", "my son asks ", "my daughter wants to know ",
]
_AFTER = [
    "", "", "", "", "", "", "", "", "", "", "", " please", " please", ", please", " thanks", ", thank you", " in short",
    " in simple words", " in one sentence", " exactly", ", do you know", ", can you tell me", " briefly", ", nibble",
]


def question(text: str, rng: random.Random, purpose: bool = False) -> str:
    """Put a question in one of the many ways in which people put it; `what is X` has more of them."""
    match = re.fullmatch(r"what (?:is|are) (.+)", text)
    if match and not re.search(r"[?.,]| \b(of|the|my|made|called|used|it|like|good|for|after|before)\b", " " + match.group(1)):
        if rng.random() < 0.6:
            form = rng.choice(_WHAT_FOR if purpose and rng.random() < 0.3 else _WHAT_IS)
            if text.startswith("what are"):
                form = form.replace(" is {x}", " are {x}").replace("{x} is", "{x} are").replace("does {x}", "do {x}")
                form = form.replace("what is this {x} thing", "what are {x}").replace("what is it", "what are they")
            return typed(form.format(x=match.group(1)), rng)
    return typed(rng.choice(_BEFORE) + text + rng.choice(_AFTER), rng)


def request(text: str, rng: random.Random) -> str:
    """The same for a request ('tell me a joke')."""
    before = rng.choice([
        "", "", "", "", "", "please ", "please ", "can you ", "could you ", "could you please ", "would you ", "can you please ",
        "hi, ", "hey, ", "hi! please ", "hello, can you ", "I would like you to ", "I want you to ", "now ", "nibble, ", "ok, ",
    ])
    after = rng.choice(["", "", "", "", "", "", " please", ", please", " thanks", " for me", ", thank you", " now"])
    return typed(before + text + after, rng, mark="?" if re.search(r"\b(can|could|would) you", before) else ".")


def parse_pairs(block: str) -> list[tuple[list[str], list[str]]]:
    """`Q a | b` and `A text` lines, entries parted by empty lines, into (questions, answers)."""
    entries = []
    for part in block.strip().split("\n\n"):
        asked, answers = [], []
        for line in part.strip().split("\n"):
            if line.startswith("Q "):
                asked += [q.strip() for q in line[2:].split(" | ")]
            elif line.startswith("A "):
                answers.append(line[2:].strip().replace("\\n", "\n"))
            elif line.strip():
                raise ValueError(f"not a Q or A line: {line!r}")
        if not asked or not answers:
            raise ValueError(f"incomplete entry: {part!r}")
        entries.append((asked, answers))
    return entries
