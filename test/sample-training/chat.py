"""Conversations: one question or several, with follow-ups that only make sense after what was said before."""

import random

from facts import GIBBERISH_ANSWERS, IDENTITY, SMALL_TALK, UNKNOWN_ABOUT, UNKNOWN_ANSWERS, UNKNOWN_MORE, UNKNOWN_QUESTIONS, UNKNOWN_SUBJECTS, WORLD
from grammar import held_out, question, request, say, tidy, typed
from names import PEOPLE, invented
from quantization import QUANTIZATION
from stories import story
from sums import sum_question
from tables import ANIMALS, CAPITALS, COLOURS, DAYS, JOBS, MONTHS, OPPOSITES, a, fact, many

Turn = tuple[str, str]
_TOPICS = {"quantization": QUANTIZATION, "world": WORLD, "identity": IDENTITY, "talk": SMALL_TALK}
_NAMES = list(PEOPLE)
_COLOUR_NAMES = sorted({c for c in COLOURS.values() if " " not in c})
_REQUEST = ("tell", "write", "give", "say", "name", "explain", "describe", "make", "do you know a", "surprise", "ask me", "introduce", "compare", "list")


class Redraw(Exception):
    """The drawn piece belongs to the other side of the split."""


def _check(key: str, side: bool) -> None:
    if held_out(key) != side:
        raise Redraw


def _put(q: str, rng: random.Random, plain: bool, purpose: bool = False) -> str:
    if plain:
        return typed(q, rng, rng.choice(["", ".", "!"]))
    return request(q, rng) if q.startswith(_REQUEST) else question(q, rng, purpose)


def fixed(topic: str, rng: random.Random, side: bool) -> list[Turn]:
    asked, answers = rng.choice(_TOPICS[topic])
    q = rng.choice(asked)
    text = _put(q, rng, topic == "talk", topic == "quantization")
    _check(f"{topic}|{text.lower()}", side)  # the split of these closed worlds is the wording that a person typed
    first = rng.choice(answers)
    turns = [(text, first)]
    others = [x for x in answers if x != first]
    if others and topic in ("quantization", "world") and rng.random() < 0.12:
        again = rng.choice(["can you say that in other words", "tell me more", "can you explain that again", "I do not get it", "explain it differently", "more please", "go on", "say it in another way", "and what else"])
        turns.append((typed(again, rng), rng.choice(others)))
    if others and any(w in q for w in ("joke", "riddle", "fact", "poem")) and rng.random() < 0.5:
        for _ in range(rng.choice([1, 1, 2])):
            another = rng.choice(["another one", "another", "one more", "one more please", "tell me another one", "again", "do you have another one", "more"])
            pick = rng.choice([x for x in answers if x not in [t[1] for t in turns]])
            turns.append((typed(another, rng, "."), pick))
    return turns


def _fact(rng, side):
    key, q, ans = fact(rng)
    _check(key, side)
    return [(q, ans)]


def _sum(rng, side):
    key, q, ans, result = sum_question(rng)
    _check(key, side)
    turns = [(q, ans)]
    if 0 < result < 100 and rng.random() < 0.15:
        more = rng.randint(1, 20)
        kind = rng.randrange(3)
        if kind == 0:
            turns.append((typed(rng.choice([f"and plus {more}", f"add {more} to that", f"now add {more}", f"and {more} more"]), rng), f"{result} + {more} = {result + more}."))
        elif kind == 1:
            turns.append((typed(rng.choice(["and double that", "double it", "what is twice that", "and two times that"]), rng), f"{result} + {result} = {2 * result}, so double {result} is {2 * result}."))
        else:
            more = min(more, result)
            turns.append((typed(rng.choice([f"and minus {more}", f"take away {more}", f"now subtract {more}"]), rng), f"{result} - {more} = {result - more}."))
    return turns


def _story(rng, side):
    length = rng.choice(["short", "long", "long"])
    tale = story(rng, side, length)
    turns = [(tale.ask_for(rng, length), tale.text)]
    while rng.random() < 0.35 and len(turns) < 4:
        turns.append(tale.follow_up(rng))
    if rng.random() < 0.08:
        other = story(rng, side, "short")
        turns.append((typed(rng.choice(["another one", "another story please", "one more story", "tell me another story", "tell me one more"]), rng, "."), other.text))
    return turns


def _unknown(rng, side):
    if rng.random() < 0.12:
        letters = "asdfghjklqwertyuiopzxcvbnm"
        q = rng.choice(["".join(rng.choice(letters) for _ in range(rng.randint(3, 12))), " ".join("".join(rng.choice(letters) for _ in range(rng.randint(2, 7))) for _ in range(rng.randint(1, 4))),
                        rng.choice(["?", "...", "!!!", "??", ".", "#", ":)", "lol", "test", "testing", "1 2 3 test", "foo", "bla bla"])])
        return [(q, rng.choice(GIBBERISH_ANSWERS))]
    if rng.random() < 0.25:
        text = _put(rng.choice(UNKNOWN_MORE), rng, False)
        _check(f"unknown|{text.lower()}", side)
        return [(text, rng.choice(UNKNOWN_ANSWERS))]
    x, form = rng.choice(UNKNOWN_SUBJECTS), rng.choice(UNKNOWN_QUESTIONS)
    _check(f"unknown|{x}|{form}", side)
    ans = rng.choice(UNKNOWN_ANSWERS) if rng.random() < 0.6 else rng.choice(UNKNOWN_ABOUT).format(x=x)
    return [(typed(rng.choice(["", "", "", "hi, ", "please ", "ok, "]) + form.format(x=x), rng), ans)]


def _series(rng, side):
    """The same question about one thing after another: 'and a cow?'"""
    kind = rng.randrange(7)
    if kind == 0:
        col, forms, answer = rng.choice([
            (1, ["what sound does {a} make", "which sound does {a} make"], "A {x} {v}."), (3, ["what does {a} eat", "what do {p} eat"], "A {x} eats {v}."),
            (2, ["where does {a} live", "where do {p} live"], "A {x} lives {v}."), (4, ["what is a baby {x} called", "what do you call a young {x}"], "A young {x} is called {v}.")])
        things = rng.sample(list(ANIMALS), 3)
        value = {x: a(ANIMALS[x][col]) if col == 4 else ANIMALS[x][col] for x in things}
        put = {x: tidy(answer.format(x=x, v=value[x])) for x in things}
        ask, then = [f.format(a=a(things[0]), x=things[0], p=many(things[0])) for f in forms], [a(x) for x in things]
    elif kind == 1:
        pairs = rng.sample([p for p in OPPOSITES if p[0] not in ("light", "old", "short", "right", "lose", "answer")], 3)
        things = [p[0] for p in pairs]
        put = {p[0]: f"The opposite of {p[0]} is {p[1]}." for p in pairs if True}
        put |= {x: "The opposite of light is dark or heavy." for x in things if x == "light"}
        ask, then = [f"what is the opposite of {things[0]}", f"opposite of {things[0]}"], things
    elif kind == 2:
        things = rng.sample(list(COLOURS), 3)
        put = {x: tidy(f"{x} is {COLOURS[x]}.") for x in things}
        ask, then = [f"what colour is {things[0]}", f"which colour is {things[0]}"], things
    elif kind == 3:
        rows = rng.sample(CAPITALS, 3)
        things = [r[0] for r in rows]
        put = {r[0]: f"The capital of {r[0]} is {r[1]}." for r in rows}
        ask, then = [f"what is the capital of {things[0]}", f"capital of {things[0]}"], things
    elif kind == 4:
        names = rng.choice([DAYS, MONTHS])
        things = rng.sample(names, 3)
        put = {x: f"{names[(names.index(x) + 1) % len(names)]} comes after {x}." for x in things}
        ask, then = [f"what comes after {things[0]}"], [f"after {x}" for x in things]
    elif kind == 5:
        things = rng.sample(list(JOBS), 3)
        put = {x: tidy(f"A {x} {JOBS[x]}.") for x in things}
        ask, then = [f"what does {a(things[0])} do"], [a(x) for x in things]
    else:
        n = rng.randint(2, 9)
        things = rng.sample(range(1, 11), 3)
        put = {x: f"{x} x {n} = {x * n}." for x in things}
        ask, then = [f"what is {things[0]} x {n}", f"{things[0]} times {n}"], [f"{x} x {n}" for x in things]
    _check(f"series|{kind}|{things[0]}|{things[1]}", side)
    turns = [(question(rng.choice(ask), rng), put[things[0]])]
    for x, t in list(zip(things, then))[1 : rng.choice([2, 2, 3])]:
        turns.append((typed(rng.choice(["and {t}", "and {t}", "what about {t}", "how about {t}", "and what about {t}", "{t}", "ok, and {t}"]).format(t=t), rng), put[x]))
    return turns


def _about_me(rng, side):
    """(statement turn, later question turn): the model has to use what was said."""
    kind = rng.randrange(8)
    name, pet = rng.choice(_NAMES), rng.choice(["dog", "cat", "horse", "rabbit", "parrot", "turtle", "mouse", "goat"])
    if rng.random() < 0.35:
        name = invented(rng)
    city = rng.choice(CAPITALS)[1]
    colour, food = rng.choice(_COLOUR_NAMES), rng.choice(["soup", "bread", "pasta", "rice", "cake", "salad", "cheese", "pancakes", "apples", "pizza", "potatoes"])
    age, number = rng.randint(5, 80), rng.randint(1, 99)
    told, reply, asked, ans = [
        ([f"my name is {name}", f"I am {name}", f"I'm {name}", f"call me {name}", f"hello, my name is {name}", f"hi, I am {name}", f"people call me {name}"],
         [f"Nice to meet you, {name}!", f"Hello {name}! How can I help you?", f"Hello, {name}! What would you like to know?"],
         ["what is my name", "do you know my name", "what was my name", "who am I", "tell me my name", "do you remember my name"], [f"Your name is {name}.", f"You are {name}."]),
        ([f"my favourite colour is {colour}", f"I like the colour {colour} best", f"I love {colour}"], [f"{colour.capitalize()} is a beautiful colour!", f"Good choice! I will remember {colour} while we talk."],
         ["what is my favourite colour", "which colour do I like", "what colour do I like best"], [f"Your favourite colour is {colour}."]),
        ([f"I have a {pet} named {name}", f"my {pet} is called {name}", f"the name of my {pet} is {name}"], [f"{name} is a nice name for a {pet}!", f"How nice! Say hello to {name} from me."],
         [f"what is my {pet} called", f"what is the name of my {pet}", f"how is my {pet} called", "which animal do I have"], [f"Your {pet} is called {name}.", f"You have a {pet} named {name}."]),
        ([f"I live in {city}", f"I am from {city}", f"my home is in {city}"], [f"{city} must be a nice place to live!", f"Thank you for telling me. I have never seen {city}."],
         ["where do I live", "which city do I live in", "where am I from", "what is my city"], [f"You told me that you live in {city}." , f"You live in {city}."]),
        ([f"I am {age} years old", f"my age is {age}", f"I just turned {age}"], [f"Thank you for telling me. {age} is a good age!", f"{age} years, how nice!"],
         ["how old am I", "what is my age", "do you remember my age"], [f"You are {age} years old."]),
        ([f"my name is {name} and I like {food}", f"I am {name} and I like {food}", f"hi! I'm {name} and I like {food}", f"hello, I am {name} and I have a {pet}"], [f"Nice to meet you, {name}!", f"Hello {name}! That sounds good."],
         ["what is my name", "do you know my name", "what was my name", "who am I", "tell me my name", "do you remember my name"], [f"Your name is {name}.", f"You are {name}."]),
        ([f"I like {food}", f"my favourite food is {food}", f"I love {food}"], [f"That sounds tasty! I cannot eat, but I know that many people like {food}.", f"Good taste! Many people like {food}."],
         ["what is my favourite food", "what do I like to eat", "which food do I like"], [f"You like {food}.", f"Your favourite food is {food}."]),
        ([f"remember the number {number}", f"my lucky number is {number}", f"please remember {number}"], [f"All right, the number is {number}.", f"I will remember {number} while we talk."],
         ["what is my number", "which number did I tell you", "what was the number", "what is my lucky number"], [f"The number is {number}."]),
    ][kind]
    said, later = typed(rng.choice(told), rng, "."), typed(rng.choice(asked), rng)
    _check(f"me|{said.lower()}", side)
    return (said, rng.choice(reply)), (later, rng.choice(ans))


_LIKED = """pizza|chocolate|music|dogs|cats|books|football|rain|snow|tea|coffee|stories|numbers|summer|winter|the sea|flowers|cake|cheese|trains|cars|games|poems|jokes|bananas|apples|birds
|chess|dancing|school|pancakes|soup|strawberries|the moon|holidays|people|children|robots|computers|horses|swimming|cooking""".replace("\n", "").split("|")
_FOREIGN = """wer bist du|wie geht es dir|was ist das|guten tag|hallo, wie heisst du|erzaehl mir eine geschichte|was kannst du|kannst du deutsch|danke schoen|wie ist das wetter|ich verstehe nicht
|bonjour|comment ca va|qui es-tu|raconte-moi une histoire|je ne comprends pas|merci beaucoup|parlez-vous francais|hola|como estas|quien eres|cuentame una historia|no entiendo|muchas gracias|que es esto
|ciao, come stai|chi sei|raccontami una storia|non capisco|ola, tudo bem|quem e voce|hej, hur mar du|vem ar du|dzien dobry|kim jestes|goedemorgen|wie ben jij|vertel me een verhaal""".replace("\n", "").split("|")
_SENTENCES = [
    "The {x} was there before anyone noticed it.", "Today I thought about the {x} all day.", "My friend told me a story about the {x}.", "We talked about the {x} until the sun went down.",
    "There is a picture of the {x} on the wall.", "In the morning we saw the {x} again.", "The child drew the {x} with a blue pencil.", "Nobody knew where the {x} had gone.",
]
_WORDS = """moon|river|dog|cat|tree|house|garden|sea|star|book|window|apple|bread|road|lamp|fox|owl|boat|bridge|train|cloud|mountain|table|flower|bird|horse|letter|clock|key|lake|ship|school|forest|castle
|robot|computer|number|song|door|rain|king|wind|fire|stone|snow|fish|hat|ball|bell|island""".replace("\n", "").split("|")


def _little(rng, side):
    """Small requests: do you like it, a sentence with a word, counting, saying something after someone, other languages."""
    kind = rng.randrange(6)
    if kind == 0:
        x = rng.choice(_LIKED)
        q = question(rng.choice([f"do you like {x}", f"do you love {x}", f"what do you think of {x}", f"do you enjoy {x}", f"are you fond of {x}"]), rng)
        ans = rng.choice([f"I am a program, so I cannot like or dislike {x}. Do you like {x}?", f"I have no taste of my own, but many people like {x}.", f"As a small model I know {x} only from text. What about you?"])
    elif kind == 1:
        x = rng.choice(_WORDS)
        q = request(rng.choice([f"give me a sentence with the word {x}", f"write a sentence with {x}", f"make a sentence with the word {x}", f"use the word {x} in a sentence", f"write a sentence about the {x}", f"say a sentence with {x}"]), rng)
        ans = rng.choice(_SENTENCES).format(x=x)
    elif kind == 2:
        top, start = rng.choice([(5, 1), (10, 1), (10, 1), (12, 1), (15, 1), (20, 1), (10, 5), (20, 10)])
        if rng.random() < 0.3 and start == 1 and top <= 10:
            q, ans = rng.choice([f"count backwards from {top}", f"count down from {top}", f"count from {top} to 1"]), ", ".join(map(str, range(top, 0, -1))) + "."
        else:
            q = rng.choice([f"count to {top}", f"count from 1 to {top}"] if start == 1 else [f"count from {start} to {top}", f"list the numbers from {start} to {top}"])
            ans = ", ".join(map(str, range(start, top + 1))) + "."
        q = request(q, rng)
    elif kind == 3:
        x = rng.choice([rng.choice(_SENTENCES).format(x=rng.choice(_WORDS)), f"{rng.choice(_NAMES)} has a {rng.choice(_WORDS)}", " ".join(rng.sample(_WORDS, rng.randint(1, 4))), f"the {rng.choice(_WORDS)} is {rng.choice(_COLOUR_NAMES)}"])
        q = rng.choice(["repeat: {x}", "repeat after me: {x}", "say: {x}", "please repeat: {x}", "write this: {x}", "Repeat this sentence: {x}", "say this after me: {x}"]).format(x=x)
        ans = x
    elif kind == 4:
        x = rng.choice(_NAMES)
        q, ans = request(rng.choice([f"say hello to {x}", f"greet {x}", f"say hi to my friend {x}", f"say hello to my friend {x}"]), rng), rng.choice([f"Hello, {x}! Nice to meet you.", f"Hello {x}!"])
        if rng.random() < 0.3:
            q, ans = request(rng.choice(["say the alphabet", "write the alphabet", "what is the alphabet", "list the letters of the alphabet"]), rng), "a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z."
    else:
        q, ans = typed(rng.choice(_FOREIGN), rng), rng.choice(["I am sorry, I only know simple English.", "I am too small for other languages. Please write to me in English."])
    _check(f"little|{q.lower()}", side)
    return [(q, ans)]


def _not_told(rng, side):
    thing = rng.choice([("what is my name", "your name"), ("how old am I", "your age"), ("where do I live", "where you live"), ("what is my favourite colour", "your favourite colour"), ("what is my dog called", "the name of your dog")])
    text = question(thing[0], rng)
    _check(f"nottold|{text.lower()}", side)
    return [(text, rng.choice([f"You have not told me {thing[1]} yet.", f"I do not know {thing[1]}. You can tell me."]))]


PIECES = [
    (lambda r, s: _fact(r, s), 26), (lambda r, s: fixed("world", r, s), 17), (lambda r, s: fixed("quantization", r, s), 24), (_sum, 19), (_story, 15), (lambda r, s: fixed("identity", r, s), 7),
    (lambda r, s: fixed("talk", r, s), 11), (_unknown, 7), (_series, 8), (_little, 5),
]
_MAKERS, _WEIGHTS = [p for p, _ in PIECES], [w for _, w in PIECES]

SYSTEM = [
    "You are a helpful assistant.", "You are Nibble's small sample model.", "You are a friendly assistant. Answer in simple sentences.", "Answer briefly.", "Be polite and brief.", "You are a kind storyteller.",
    "You answer questions about quantization.", "You are a helpful AI assistant.", "Answer in whole sentences.", "You are an assistant for children.", "Keep your answers short and simple.", "You are a small language model.",
    "You are Nibble, a helpful assistant.", "Help the user.", "You are a teacher who explains things simply.", "Be honest if you do not know something.",
]


def piece(rng: random.Random, side: bool) -> list[Turn]:
    maker = rng.choices(_MAKERS, _WEIGHTS)[0]
    while True:
        try:
            return maker(rng, side)
        except Redraw:
            pass


def _again(make, rng, side):
    while True:
        try:
            return make(rng, side)
        except Redraw:
            pass


def conversation(rng: random.Random, side: bool) -> list[dict]:
    """The messages of one conversation; now and then with a system message, greetings and a goodbye."""
    turns: list[Turn] = []
    count = rng.choices([1, 2, 3, 4, 6, 10], [42, 20, 15, 11, 8, 4])[0]
    for _ in range(count):
        turns += piece(rng, side)
    kind = rng.random()
    if kind < 0.16:
        told, asked = _again(_about_me, rng, side)
        at = rng.randrange(len(turns) + 1)
        after = rng.randrange(at, len(turns) + 1)
        turns = [*turns[:at], told, *turns[at:after], asked, *turns[after:]] if rng.random() < 0.8 else [told, asked]
    elif kind < 0.175:
        turns = [*turns[: rng.choice([0, 1, 2])], *_again(_not_told, rng, side)]
    elif kind < 0.2 and len(turns) < 6:
        at = rng.randrange(len(turns))
        q = rng.choice(["what did I ask you", "what was my last question", "what did I just ask", "repeat my question"])
        turns = [*turns[: at + 1], (typed(q, rng), f'You wrote: "{turns[at][0]}"')]
    if rng.random() < 0.1:
        asked, answers = rng.choice(SMALL_TALK[:4])
        turns.insert(0, (typed(rng.choice(asked), rng, rng.choice(["", ".", "!"])), rng.choice(answers)))
    if rng.random() < 0.12:
        asked, answers = rng.choice(SMALL_TALK[7:9])
        turns.append((typed(rng.choice(asked), rng, rng.choice(["", ".", "!"])), rng.choice(answers)))
    messages = [{"role": "system", "content": rng.choice(SYSTEM)}] if rng.random() < 0.22 else []
    for q, ans in turns:
        messages += [{"role": "user", "content": q}, {"role": "assistant", "content": ans}]
    return messages
