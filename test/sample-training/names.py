"""Names of the people and animals in the texts, and invented ones, so that the model learns to copy a name it has never seen."""

import random

_F = """Anna Mia Lily Emma Clara Rosa Nora Ella Ida Maya Zoe Lena Sara Ruby Ivy Hazel Alice Edith Flora Greta Hanna Iris Julia Kira Luna Mara Nina Olga Paula
Rita Sofia Tilda Una Vera Wilma Yara Amira Bella Dora Elsa Fatima Gina Hilda Ines Jana Karin Leila Marta Nadia Petra Salma Tara Ursula Violet Wanda Amina Lotte Pearl Olive Daisy Penny Sunny Willow"""
_M = """Tom Ben Max Leo Finn Otto Hugo Paul Emil Noah Sam Oscar Theo Jack Adam Bruno Carl David Erik Felix Georg Henry Ivan Jonas Karl Lukas Martin Nils Oliver
Peter Robin Simon Tim Victor Walter Yusuf Ali Bernd Colin Dario Elias Fred Gus Hans Igor Jim Kurt Liam Milo Ned Omar Piet Ralf Sven Toby Udo Vito Will Amir Basil Rufus Pip Bobo Barnaby Chester Digby"""
PEOPLE = {**{n: "f" for n in _F.split()}, **{n: "m" for n in _M.split()}}

_STARTS, _VOWELS, _MIDDLES = "b br c ch d dr f fr g gr h j k kl l m n p pr qu r s sh st t tr v w y z".split(), "a e i o u ia ea".split(), "b d f g k l ll m n nd nn r rr rt s ss t v z".split()
_ENDS = ["", "", "", "n", "s", "l", "r", "k", "x", "th"]


def invented(rng: random.Random) -> str:
    name = rng.choice(_STARTS) + rng.choice(_VOWELS) + rng.choice(_MIDDLES) + rng.choice("aeiouy") + rng.choice(_ENDS)
    return name.capitalize()
