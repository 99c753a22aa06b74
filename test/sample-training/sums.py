"""Small arithmetic with the way to the answer in whole sentences. The two numbers are the key of the split."""

import random

from grammar import say, typed
from names import PEOPLE, invented

_NAMES = list(PEOPLE)
_THINGS = """apples|pears|marbles|books|cookies|shells|stamps|pencils|eggs|nuts|flowers|stones|cards|coins|plums|carrots|buttons|stickers|cups|candles|balloons|toy cars|tomatoes|feathers
|pens|letters|tickets|bottles|keys|spoons|plates|chairs|photos|songs|games|dolls|robots|kites|ribbons|beads|leaves|acorns|cherries|grapes|lemons|bananas|oranges|potatoes|onions|cakes|pies|rolls
|sandwiches|pizzas|muffins|chocolates|sweets|biscuits|jars|ropes|nails|screws|bricks|boards|lamps|clocks|maps|posters|magazines|notebooks|rulers|brushes|crayons|paints|hats|socks|gloves
|scarves|shirts|shoes|tents|bikes|boats|trains|planes|trucks|wheels|bells|drums|flutes|puzzles|dice|bones|fish|ducks|hens|sheep|cows|rabbits|kittens|puppies|goldfish|roses|tulips|seeds|trees|euros
|dollars|points|tokens|blocks|weights|files|models|messages|pages|questions|steps""".replace("\n", "").split("|")


def _ask(forms: list[str], rng: random.Random) -> str:
    before = rng.choice(["", "", "", "", "", "hi, ", "please ", "hey, ", "ok, ", "can you tell me ", "quick question: ", "and ", "now ", "so "])
    after = rng.choice(["", "", "", "", "", " please", ", please", " thanks"])
    return typed(before + rng.choice(forms) + after, rng)


def _infix(x: int, op: str, y: int, words: list[str]) -> list[str]:
    s = f"{x} {op} {y}"
    return [f"what is {s}", f"what is {s}", s, s, f"{x}{op}{y}", f"{s} =", f"{x}{op}{y}=", f"how much is {s}", f"calculate {s}", f"compute {s}", f"solve {s}",
            f"what does {s} make", f"what is the result of {s}", *[f"what is {x} {w} {y}" for w in words], *[f"{x} {w} {y}" for w in words],
            *[f"how much is {x} {w} {y}" for w in words]]


def add(x: int, y: int, rng: random.Random) -> str:
    total = x + y
    if x < 10 and y < 10 or x % 10 == 0 and y % 10 == 0:
        return say(f"[{x} + {y} = {total}.|{x} plus {y} is {total}.|The sum of {x} and {y} is {total}.]", rng)
    tx, ty, ox, oy = x // 10 * 10, y // 10 * 10, x % 10, y % 10
    if x >= 100 or y >= 100:
        return say(f"[{x} + {y} = {total}.|{x} plus {y} is {total}.]", rng)
    if not ty or not tx:
        return say(f"{x} + {y} = {total}[|, so the answer is {total}].", rng)
    return say(f"[The tens|Adding the tens], {tx} + {ty}, make {tx + ty}. The ones, {ox} + {oy}, make {ox + oy}. {tx + ty} + {ox + oy} = {total}, so {x} + {y} is {total}.", rng)


def subtract(x: int, y: int, rng: random.Random) -> str:
    rest = x - y
    if rest < 0:
        return say(f"{y} is more than {x}, so the result is below zero: {x} - {y} = {rest}.", rng)
    if y < 10 or x < 20 or y % 10 == 0:
        return say(f"[{x} - {y} = {rest}.|{x} minus {y} is {rest}.|If you take {y} from {x}, {rest} is left.]", rng)
    t, o = y // 10 * 10, y % 10
    return say(f"First take away {t}: {x} - {t} = {x - t}. Then take away {o}: {x - t} - {o} = {rest}. So {x} - {y} is {rest}.", rng)


def times(x: int, y: int, rng: random.Random) -> str:
    if x <= 10 and y <= 10:
        return say(f"[{x} x {y} = {x * y}.|{x} times {y} is {x * y}.]", rng)
    x, y = max(x, y), min(x, y)
    t, o = x // 10 * 10, x % 10
    if not o:
        return say(f"{x} x {y} = {x * y}.", rng)
    return say(f"{t} x {y} = {t * y} and {o} x {y} = {o * y}. Together that is {t * y} + {o * y} = {x * y}, so {x} x {y} is {x * y}.", rng)


def _add(rng):
    top = rng.choice([9, 20, 50, 99, 99])
    x, y = rng.randint(0, top), rng.randint(1, top)
    if rng.random() < 0.12:
        step = rng.choice([10, 50, 100, 100, 1000])
        x, y = rng.randint(1, 9 if step >= 100 else 20) * step, rng.randint(1, 9 if step >= 100 else 20) * rng.choice([step, 10])
    forms = [*_infix(x, "+", y, ["plus", "and"]), f"add {x} and {y}", f"add {x} to {y}", f"the sum of {x} and {y}", f"what is the sum of {x} and {y}", f"what do {x} and {y} make together"]
    return f"{x}+{y}", _ask(forms, rng), add(x, y, rng), x + y


def _sub(rng):
    top = rng.choice([10, 20, 50, 99, 99])
    x, y = rng.randint(1, top), rng.randint(1, top)
    if x < y and rng.random() < 0.93:
        x, y = y, x
    forms = [*_infix(x, "-", y, ["minus"]), f"subtract {y} from {x}", f"take {y} away from {x}", f"what is left if I take {y} from {x}", f"what is the difference between {x} and {y}"][: None if x >= y else -1]
    return f"{x}-{y}", _ask(forms, rng), subtract(x, y, rng), x - y


def _mul(rng):
    x, y = (rng.randint(1, 10), rng.randint(1, 10)) if rng.random() < 0.6 else (rng.randint(11, 30), rng.randint(2, 9))
    if rng.random() < 0.3:
        x, y = y, x
    op = rng.choice(["x", "*", "x"])
    return f"{x}x{y}", _ask([*_infix(x, op, y, ["times", "multiplied by"]), f"multiply {x} by {y}", f"multiply {x} and {y}"], rng), times(x, y, rng), x * y


def _div(rng):
    y, z = rng.randint(2, 10), rng.randint(1, 12)
    x = y * z
    forms = [*_infix(x, "/", y, ["divided by"]), f"divide {x} by {y}", f"how often does {y} go into {x}"]
    return f"{x}/{y}", _ask(forms, rng), say(f"[{x} / {y} = {z}|{x} divided by {y} is {z}], because {z} x {y} = {x}.", rng), z


def _three(rng):
    x, y, z = (rng.randint(1, 20) for _ in range(3))
    forms = [f"what is {x} + {y} + {z}", f"{x} + {y} + {z}", f"add {x}, {y} and {z}", f"{x} plus {y} plus {z}", f"how much is {x} + {y} + {z}", f"{x}+{y}+{z}"]
    return f"{x}+{y}+{z}", _ask(forms, rng), f"{x} + {y} = {x + y}, and {x + y} + {z} = {x + y + z}.", x + y + z


def _number(rng):
    ask = rng.randrange(8)
    x, y = rng.randint(1, 99), rng.randint(1, 99)
    if x == y:
        y += 1
    if ask == 0:
        word = rng.choice(["larger", "bigger", "more", "greater", "smaller", "less"])
        big, small = max(x, y), min(x, y)
        forms = [f"which is {word}, {x} or {y}", f"what is {word}, {x} or {y}", f"which number is {word}, {x} or {y}"]
        ans = f"{small} is smaller than {big}." if word in ("smaller", "less") else f"{big} is larger than {small}."
        return f"cmp{x},{y}", _ask(forms, rng), ans, big
    if ask == 1:
        return f"double{x}", _ask([f"what is double {x}", f"double {x}", f"what is twice {x}", f"what is two times {x}"], rng), f"Double {x} is {2 * x}, because {x} + {x} = {2 * x}.", 2 * x
    if ask == 2:
        return f"half{x}", _ask([f"what is half of {2 * x}", f"half of {2 * x}", f"what is the half of {2 * x}"], rng), f"Half of {2 * x} is {x}, because {x} + {x} = {2 * x}.", x
    if ask == 3:
        forms = [f"what number comes after {x}", f"which number comes after {x}", f"what comes after {x}", f"what is the next number after {x}"]
        return f"next{x}", _ask(forms, rng), f"{x + 1} comes after {x}.", x + 1
    if ask == 4:
        forms = [f"what number comes before {x}", f"which number comes before {x}", f"what comes before {x}"]
        return f"prev{x}", _ask(forms, rng), f"{x - 1} comes before {x}.", x - 1
    if ask == 5:
        word = rng.choice(["even", "odd"])
        is_even = x % 2 == 0
        forms = [f"is {x} even or odd", f"is {x} an even number", f"is {x} odd", f"is {x} {word}", f"is the number {x} even"]
        q = rng.choice(forms)
        want = "odd" if q.endswith("odd") and "even or" not in q else "even"
        what = "even" if is_even else "odd"
        head = "" if "or odd" in q else ("Yes, " if want == what else "No, ")
        return f"even{x}", _ask([q], rng), f"{head}{x} is an {what} number, because it ends in {x % 10}.", x
    if ask == 6:
        start, step = rng.randint(1, 20), rng.choice([1, 2, 2, 3, 5, 10])
        row = [start + step * i for i in range(5)]
        shown = ", ".join(map(str, row[:4]))
        forms = [f"what comes next: {shown}", f"continue the row {shown}", f"which number comes next: {shown}", f"{shown}, what is next", f"continue {shown}"]
        return f"row{shown}", _ask(forms, rng), f"Each number is {step} more than the one before, so the next number is {row[4]}.", row[4]
    numbers = rng.sample(range(1, 60), rng.choice([3, 3, 4]))
    shown = ", ".join(map(str, numbers))
    which = rng.choice(["largest", "smallest", "sort"])
    if which == "sort":
        forms = [f"sort {shown}", f"put these numbers in order: {shown}", f"order the numbers {shown}", f"sort these numbers: {shown}"]
        return f"sort{shown}", _ask(forms, rng), f"In order they are {', '.join(map(str, sorted(numbers)))}.", 0
    best = max(numbers) if which == "largest" else min(numbers)
    return f"{which}{shown}", _ask([f"which is the {which} of {shown}", f"what is the {which} number: {shown}", f"which number is the {which}: {shown}"], rng), f"The {which} of these numbers is {best}.", best


def _word_problem(rng):
    n, m = rng.sample(_NAMES, 2)
    he, thing = ("he" if PEOPLE[n] == "m" else "she"), rng.choice(_THINGS)
    if rng.random() < 0.2:
        n = invented(rng)
    He = he.capitalize()
    x, y = rng.randint(2, 30), rng.randint(1, 20)
    kind = rng.randrange(8)
    if kind == 6:
        q = say(f"[If I have|I have] {x} {thing} and [get|buy|find] {y} more, how many [{thing}|] do I have[| now| then]?", rng)
        return f"i+{x},{y},{thing}", typed(q, rng), f"You have {x} {thing} and get {y} more. {x} + {y} = {x + y}, so you have {x + y} {thing} then.", x + y
    if kind == 7:
        x, y = max(x, y) + 1, min(x, y)
        verb = rng.choice(["lose", "break", "sell", "eat", "give away", "use"])
        q = say(f"[If I have|I have] {x} {thing} and {verb} {y}[| of them], how many [{thing} are left|do I have| are left|do I have left]?", rng)
        return f"i-{x},{y},{thing}", typed(q, rng), f"You have {x} {thing} and {verb} {y}. {x} - {y} = {x - y}, so {x - y} {thing} are left.", x - y
    if kind == 0:
        q = say(f"{n} has {x} {thing}. [{m} gives {('him' if he == 'he' else 'her')} {y} more|{He} [finds|buys|gets] {y} more]. How many {thing} does {n} have [now|in the end|]?", rng)
        return f"w+{x},{y},{thing}", q, say(f"{n} [starts with|has] {x} {thing} and gets {y} more. {x} + {y} = {x + y}, so {n} has {x + y} {thing} now.", rng), x + y
    if kind == 1:
        x, y = max(x, y) + 1, min(x, y)
        verb = rng.choice(["gives away", "loses", "sells", f"gives {m}"])
        q = say(f"{n} has {x} {thing} and {verb} {y} of them. How many {thing} [are left|does {n} have left|does {he} have now]?", rng)
        return f"w-{x},{y},{thing}", q, say(f"{n} has {x} {thing} and {verb} {y}. {x} - {y} = {x - y}, so {x - y} {thing} are left.", rng), x - y
    if kind == 2:
        x, y = rng.randint(2, 9), rng.randint(2, 9)
        box = rng.choice(["boxes", "bags", "baskets", "rows"])
        q = say(f"[There are|{n} has] {x} {box} with {y} {thing} [in each|each|in every one]. How many {thing} [are there|are that|does {n} have] [in all|together|altogether|]?", rng)
        return f"wx{x},{y},{thing}", q, f"Each of the {x} {box} has {y} {thing}. {x} x {y} = {x * y}, so there are {x * y} {thing}.", x * y
    if kind == 3:
        y, z = rng.randint(2, 6), rng.randint(2, 9)
        q = say(f"{n} [shares|divides] {y * z} {thing} equally among {y} friends. How many does each [friend|] get?", rng)
        return f"w/{y * z},{y},{thing}", q, f"{y * z} {thing} are shared among {y} friends. {y * z} / {y} = {z}, so each friend gets {z} {thing}.", z
    if kind == 4:
        q = say(f"{n} has {x} {thing} and {m} has {y}. How many {thing} do they have together?", rng)
        return f"wt{x},{y},{thing}", q, f"{n} has {x} and {m} has {y}. {x} + {y} = {x + y}, so together they have {x + y} {thing}.", x + y
    x, y = rng.randint(6, 14), rng.randint(2, 6)
    q = say(f"{n} is {x} years old and {m} is {y} years [older|older than {n}]. How old is {m}?", rng)
    return f"wa{x},{y},{n}", q, f"{m} is {y} years older than {n}, who is {x}. {x} + {y} = {x + y}, so {m} is {x + y} years old.", x + y


def _bits(rng):
    n, bits = rng.choice([8, 16, 32, 64, 100, 128, 200, 256, 512, 1000]), rng.choice([4, 8, 16])
    ask = rng.randrange(3)
    if ask == 0:
        forms = [f"how many bytes are {n} weights with {bits} bits", f"how many bytes do {n} weights take with {bits} bits each", f"how large are {n} weights in {bits} bit", f"how much space do {n} weights need at {bits} bits"]
        return f"bytes{n},{bits}", _ask(forms, rng), f"{n} x {bits} = {n * bits} bits. A byte has 8 bits, so that is {n * bits // 8} bytes.", n * bits // 8
    if ask == 1:
        block = rng.choice([32, 64, 128])
        blocks = rng.choice([1, 2, 3, 4, 5, 8, 10])
        w = block * blocks
        forms = [f"how many blocks of {block} are in {w} weights", f"how many scales do {w} weights need with block size {block}", f"with block size {block}, how many blocks are {w} weights"]
        return f"blocks{w},{block}", _ask(forms, rng), say(f"{w} / {block} = {blocks}, so there are {blocks} [block|block] and as many scales.".replace(" 1 [block|block] and as many scales", " 1 block and 1 scale").replace("[block|block]", "blocks").replace("there are 1 block", "there is 1 block"), rng), blocks
    b = rng.randint(1, 8)
    forms = [f"how many values can {b} bits hold", f"how many different values do {b} bits have", f"how many levels are there with {b} bits", f"what is 2 to the power of {b}"]
    return f"levels{b}", _ask(forms, rng), f"Each bit doubles the number of values, so {b} bit{'s' if b > 1 else ''} can hold {2 ** b} values.", 2 ** b


SUMS = [(_add, 8), (_sub, 6), (_mul, 5), (_div, 2), (_three, 2), (_number, 4), (_word_problem, 7), (_bits, 2)]


def sum_question(rng: random.Random) -> tuple[str, str, str, int]:
    """(key, question, answer, result)."""
    return rng.choices([s for s, _ in SUMS], [w for _, w in SUMS])[0](rng)
