"""Short stories with a person or an animal, a wish or a trouble, what follows from it, and an ending.

A plot is a list of beats; each beat is a list of wordings. Beats marked with `~` are left out of short stories and now and
then out of long ones. The slots of a story (hero, helper, place, things) are drawn once, so pronouns and names stay coherent,
and the questions a reader may ask afterwards have one right answer.
"""

import random

from grammar import expand, held_out, request, say, tidy, typed
from names import PEOPLE, invented

HERO_KINDS = """fox|rabbit|mouse|bear|hedgehog|squirrel|duck|cat|dog|frog|owl|badger|beaver|goat|pony|lamb|piglet|sparrow|crow|turtle|snail|otter|deer|wolf|lion|elephant
|monkey|penguin|robot|dragon|donkey|mole|goose|hen|raccoon|camel|tiger|kitten|puppy|swan
|pirate|princess|prince|knight|wizard|fairy|astronaut|dinosaur|unicorn|whale|horse|cow|sheep|parrot|king|queen|giant|snowman|ghost|spider|bee|pig|zebra|giraffe|kangaroo|seal
|cloud|teapot|tree|train|car|snowflake|pencil|leaf|clock|spoon|pumpkin|candle|computer|doll|ant|butterfly|crocodile|shark|dolphin|hippo|eagle|bat|crab|witch|farmer|doctor|cook|clown""".replace("\n", "").split("|")
CHILD_KINDS = ["girl", "boy"]
_ALIVE = HERO_KINDS[: HERO_KINDS.index("cloud")]
_SEX = {"girl": "f", "boy": "m", "princess": "f", "prince": "m", "queen": "f", "king": "m", "fairy": "f", "snowman": "m", "grandmother": "f", "grandfather": "m", "fisherman": "m"}
ADJECTIVES = ["little", "young", "small", "curious", "cheerful", "shy", "brave", "clever", "quiet", "kind", "lively", "dreamy", "careful", "friendly"]
HELPER_KINDS = """owl|toad|heron|badger|turtle|goat|crow|bear|mole|stork|donkey|cat|horse|goose|hedgehog|beaver|baker|fisherman|gardener|shepherd|miller|clockmaker|librarian
|carpenter|sailor|grandmother|grandfather|teacher|painter|neighbour""".replace("\n", "").split("|")
HELPER_KINDS += [k for k in _ALIVE if k not in HELPER_KINDS]
HELPER_ADJECTIVES = ["old", "wise", "kind", "patient", "friendly", "grey", "gentle", "quiet", "cheerful", "tall", "round"]
PLACES = """in a small village|by the sea|at the edge of a forest|in a green valley|on a quiet farm|near a wide river|on a little island|in an old town|at the foot of a mountain
|beside a deep lake|in a house with a blue door|at the end of a long road|in a sunny meadow|behind the old mill|under the roots of a great oak|in a busy harbour
|on top of a windy hill|in a garden full of flowers|next to the railway station|in a snowy land in the north|in an old castle|on a sailing ship|on the moon|at the edge of a desert|in a big city|in a cave by the sea""".replace("\n", "").split("|")
SPOTS = """the old mill|the stone bridge|the apple tree|the well|the market square|the river bank|the barn|the garden gate|the hollow tree|the pond|the bakery|the hill
|the beach|the school yard|the library|the fountain|the old wall|the path in the woods|the hen house|the harbour""".replace("\n", "").split("|")
TREASURES = """red ball|silver bell|blue scarf|golden key|wooden flute|small mirror|green kite|old map|music box|brass compass|straw hat|little drum|glass marble|picture book
|warm mitten|paper boat|shiny button|white shell|toy train|yellow umbrella|pocket watch|feather pen|ball|pencil|spoon|hat|book|violin|doll|bicycle|clock|lamp|balloon|shoe|coin|ring|guitar|sword|diamond|teddy bear|cup|backpack""".replace("\n", "").split("|")
FOODS = "apple cake|warm bread|honey cookie|pear|basket of berries|bowl of soup|cheese roll|bag of nuts|plum pie|big pancake|ripe melon|jar of jam|pizza|sandwich|birthday cake|apple|banana|piece of cheese|carrot|bar of chocolate".split("|")
FEELINGS = ["happy", "proud", "glad", "very happy", "full of joy"]


def _person(kind: str, adjective: str, name: str) -> dict:
    f = PEOPLE[name] == "f"
    return {"N": name, "he": "she" if f else "he", "him": "her" if f else "him", "his": "her" if f else "his", "He": "She" if f else "He", "His": "Her" if f else "His",
            "self": "herself" if f else "himself", "kind": kind, "the": f"the {adjective} {kind}" if adjective == "little" else f"the {kind}", "adj": adjective}


def cast(rng: random.Random) -> dict:
    kind = rng.choice(CHILD_KINDS) if rng.random() < 0.4 else rng.choice(HERO_KINDS)
    sex = _SEX.get(kind)
    names = [n for n, s in PEOPLE.items() if sex is None or s == sex]
    name = rng.choice(names)
    slots = _person(kind, rng.choice(ADJECTIVES), name)
    if rng.random() < 0.1:
        slots["N"] = invented(rng)
    other = rng.choice([k for k in HELPER_KINDS if k != kind])
    sex = _SEX.get(other)
    helper = _person(other, rng.choice(HELPER_ADJECTIVES), rng.choice([n for n, s in PEOPLE.items() if n not in (name, slots["N"]) and (sex is None or s == sex)]))
    slots |= {"M": helper["N"], **{"m" + k: helper[k] for k in ("he", "him", "his", "kind", "adj")}, "MHe": helper["He"], "MHis": helper["His"], "mthe": f"the {other}"}
    spots = rng.sample(SPOTS, 4)
    slots |= {"place": rng.choice(PLACES), "spot": spots[0], "spot2": spots[1], "spot3": spots[2], "spot4": spots[3], "thing": rng.choice(TREASURES), "thing2": rng.choice(TREASURES),
              "food": rng.choice(FOODS), "glad": rng.choice(FEELINGS), "season": rng.choice(["spring", "summer", "autumn", "winter"]), "day": rng.choice(["morning", "afternoon", "day", "evening"]),
              "n": rng.choice(["two", "three", "four", "five", "seven"])}
    while slots["thing2"] == slots["thing"]:
        slots["thing2"] = rng.choice(TREASURES)
    return slots


OPEN = [
    "[Once upon a time|Long ago|Once], {place}, there lived a {adj} {kind} named {N}.",
    "[Once upon a time|Once] there was a {adj} {kind} named {N}, who lived {place}.",
    "There once was a {kind} named {N}. {He} lived {place}, and everyone knew {him} as a {adj} {kind}.",
    "{N} was a {adj} {kind} who lived {place}.",
    "A {adj} {kind} named {N} lived {place}.",
]

PLOTS: dict[str, dict] = {}


def plot(name: str, about: list[str], summary: list[str], moral: list[str], asks: list[tuple[str, str]], *beats: list[str]) -> None:
    PLOTS[name] = {"about": about, "summary": summary, "moral": moral, "asks": asks, "beats": [OPEN, *beats]}


plot("lost", ["a {kind} who loses a {thing}", "a lost {thing}", "losing something", "a {kind} and a {thing}"],
     ["{N} lost {his} {thing}, looked for it everywhere, and found it {where} with the help of {M} the {mkind}."],
     ["It is easier to find something with a friend.", "Think before you search."],
     [("what did {N} lose", "{N} lost {his} {thing}."), ("where was the {thing}", "The {thing} was {where}."), ("who helped {N}", "{M} the {mkind} helped {him}.")],
     ["[More than anything|Of all things] {he} loved {his} {thing}[, which had been a present from {his} grandmother|, and {he} took it along everywhere|, because it always made {him} smile].",
      "{He} had a {thing} that {he} [carried everywhere|never lent to anyone|was very proud of]."],
     ["One {day} the {thing} was gone.", "But one {day} {he} [woke up|came home] and could not find the {thing}.", "One {day} {he} reached for the {thing}, and it was not there."],
     ["~{His} heart [sank|beat fast]. \"Where can it be?\" {he} [cried|asked|whispered].", "~{N} was so sad that {he} could not [eat|sleep|play]."],
     ["{He} looked [near|behind|beside] {spot}, but there was nothing. {He} looked [near|behind|beside] {spot2}, but there was only [an old leaf|a bit of dust|a sleepy beetle].",
      "{N} searched at {spot} and at {spot2}, but {he} found nothing at all."],
     ["Then {he} met {M}, a {madj} {mkind}. \"[Why are you so sad|What are you looking for|Can I help you]?\" asked {mthe}.",
      "On the way {he} met a {madj} {mkind} named {M}, who [saw the tears in {his} eyes|asked what had happened]."],
     ["\"[I lost my|I cannot find my] {thing},\" said {N}. \"Then let us think,\" said {M}. \"Where did you have it last?\"",
      "{N} told {mhim} everything. \"Close your eyes,\" said {M}, \"and think of the last time you held it.\""],
     ["{N} thought [hard|for a while]. Then {he} remembered [the game of yesterday|the walk of the day before|that {he} had been very tired last night].",
      "~Slowly the day before came back to {N}, step by step."],
     ["They went back together, and there it was, {where}!", "{He} ran home as fast as {he} could. And there, {where}, lay the {thing}."],
     ["\"Thank you, {M}!\" {N} called. [From that day on {he} always put the {thing} in the same place.|And because {he} was so {glad}, {he} let {M} hold it for a whole day.]",
      "{N} [laughed and danced|jumped for joy]. {He} thanked {M}, and the two became [good|the best of] friends."])

plot("bird", ["a {kind} who helps a hurt bird", "helping a bird", "a hurt bird", "being kind to animals"],
     ["{N} found a bird with a hurt wing, took care of it for {n} days, and later the bird helped {him} find the way home."],
     ["Kindness comes back to you.", "Who helps others is not alone."],
     [("what was wrong with the bird", "It had a hurt wing."), ("how did the bird thank {N}", "It showed {N} the way home in the fog."), ("where did {N} find the bird", "{N} found it near {spot}.")],
     ["One {day}, near {spot}, {he} heard a soft sound.", "One {day} {he} was walking past {spot} when something [moved|cried] in the grass."],
     ["It was a small bird. Its wing was hurt, and it could not fly.", "A little bird sat on the ground and could not lift its wing."],
     ["\"Do not be afraid,\" said {N}. {He} [carried it home|picked it up very gently] and made a bed for it [out of moss|in an old hat|from soft wool].",
      "{N} knelt down. \"I will help you,\" {he} said, and [wrapped the bird in {his} scarf|took the bird home in both hands]."],
     ["~Every day {he} brought it water and seeds, and every evening {he} sang a quiet song.", "~{He} fed the bird with crumbs and kept it warm at night."],
     ["After {n} days the wing was well again.", "When {n} days had passed, the bird could move its wing again."],
     ["It was hard to say goodbye, but {N} opened the window. The bird flew one circle and was gone.", "{N} took it outside. The bird looked back once and flew up into the sky."],
     ["In {season} {N} got lost in a thick fog. {He} could not see the path, and {he} began to [worry|shiver].", "Some weeks later {N} lost the way in the fog and did not know where to go."],
     ["Then {he} heard a song that {he} knew. It was the bird! It hopped from branch to branch and showed {him} the way home.",
      "All at once there was a flutter above {him}. The little bird had come, and it flew ahead until {N} saw {his} own door."],
     ["\"Now you have helped me too,\" said {N}[, and {he} was {glad}|, and {he} smiled]. The bird came back every {season} after that.", "From then on there were always seeds on the window sill of {N}."])

plot("learn", ["a {kind} who learns to {skill}", "learning to {skill}", "never giving up", "a {kind} who wants to {skill}"],
     ["{N} wanted to learn to {skill}, failed many times, and succeeded in the end because {he} kept practising."],
     ["Practice makes a master.", "You learn by trying again."],
     [("what did {N} want to learn", "{N} wanted to learn to {skill}."), ("who helped {N}", "{M} the {mkind} helped {him}."), ("why did {N} succeed", "{N} succeeded because {he} kept practising.")],
     ["There was one thing that {he} wanted very much: {he} wanted to {skill}.", "All {his} friends could {skill}, but {N} could not.", "Every night {he} dreamed that {he} could {skill}."],
     ["{He} tried it on [Monday|a sunny day|the first warm day], and it went wrong. {He} tried it again, and it went wrong again.", "The first time {he} [fell into the mud|ended up on {his} nose]. The second time was no better."],
     ["~Some of the others laughed. \"You will never learn it,\" they said.", "~\"I am just not good at it,\" {N} thought, and a tear ran down {his} cheek."],
     ["{M}, a {madj} {mkind}, had watched {him}. \"Do you know how often I [fell|failed] when I learned it?\" {mhe} asked. \"A hundred times.\"",
      "A {madj} {mkind} named {M} sat down next to {him}. \"Nobody can do it on the first day,\" said {M}. \"Take small steps.\""],
     ["So {N} practised a little every day. [On the third day it went better.|Each day it went a little better.]", "From then on {N} practised every {day} near {spot}, first very slowly and then a bit faster."],
     ["~When {he} was tired, {he} rested. When {he} failed, {he} laughed and began again.", "~Some days were good and some were bad, but {he} did not stop."],
     ["And one {day}, all of a sudden, {N} could {skill}!", "At the end of {season} it happened: {N} could {skill}, all by {self}."],
     ["\"You did it!\" called {M}. {N} was so {glad} that {he} did it {n} times more.", "{He} ran to {M} to show it. \"I knew it,\" said {mthe} and smiled."],
     ["~Later, when a smaller {kind} wanted to learn it too, {N} said, \"Take small steps. I will help you.\""])

plot("share", ["a {kind} who shares a {food}", "sharing", "a {kind} and a hungry stranger", "a {food}"],
     ["{N} shared a {food} with {M}, a hungry {mkind}, and later {M} helped {him} in the rain."],
     ["What you share comes back to you.", "A shared meal tastes best."],
     [("what did {N} share", "{N} shared a {food}."), ("with whom did {N} share", "{N} shared it with {M} the {mkind}."), ("how did {M} thank {N}", "{M} gave {him} shelter from the rain.")],
     ["One {day} {N} got a {food}. It smelled so good that {he} wanted to eat it at once.", "One {day} {he} was on the way to {spot} with a {food} in {his} bag."],
     ["{He} sat down near {spot2} [to enjoy it|to have a rest]. Then a {madj} {mkind} came along.", "Near {spot2} {he} met {M}, a {madj} {mkind}, who looked very tired."],
     ["\"I have walked all day,\" said {M} the {mkind}, \"and I have had nothing to eat.\"", "\"Good day,\" said {M}. \"That smells wonderful. I have not eaten since yesterday.\""],
     ["~{N} looked at the {food}. It was not very big, and {he} was hungry too.", "~For a moment {N} wanted to hide it. Then {he} saw how thin {M} was."],
     ["But then {he} made two parts and gave one of them to {M}. \"[Let us eat together|Half is enough for me|Please sit down with me],\" {he} said.", "\"Then we will share it,\" said {N}, and {he} gave {M} the larger half."],
     ["They ate and [talked|laughed] until the sun went down.", "~It tasted better than anything {he} had ever eaten alone."],
     ["A week later {N} was far from home when it began to rain hard. {He} was cold and wet.", "In {season} a storm caught {N} on the way, and there was no roof near and far."],
     ["Then a door opened. \"Come in!\" called a voice that {he} knew. It was {M}.", "Suddenly somebody waved from a small hut. It was {M}, who had a warm fire."],
     ["{M} gave {him} a dry blanket and hot tea. \"You shared with me,\" {mhe} said, \"and now I share with you.\"", "\"Sit by the fire,\" said {M}. \"Today I am the one who has something to share.\" And {N} was {glad}."])

plot("build", ["a {kind} who builds a {build}", "building a {build}", "a {kind} with an idea", "a {build}"],
     ["{N} built a {build}, which broke at first, and with a better idea and the help of {M} it worked."],
     ["A mistake shows you how to do it better.", "Two heads think better than one."],
     [("what did {N} build", "{N} built a {build}."), ("why did the {build} break", "It broke because {flaw}."), ("who helped {N}", "{M} the {mkind} helped {him}.")],
     ["One {day} {he} had an idea. \"I will build a {build}!\" {he} said.", "{N} had wanted a {build} for a long time, and one {day} {he} decided to build one."],
     ["{He} gathered [wood, string and nails|boards and rope|everything that {he} could find at {spot}] and worked until evening.", "For {n} days {he} sawed, tied and hammered near {spot}."],
     ["But when {he} tried it, it broke at once, because {flaw}.", "Then came the great moment. It made a loud crack, and the {build} broke, because {flaw}."],
     ["~{N} sat down among the pieces and wanted to give up.", "~\"All that work for nothing,\" {N} sighed."],
     ["{M}, a {madj} {mkind}, came by and looked at it. \"This is not bad,\" {mhe} said. \"Now you know what must be better.\"", "A {madj} {mkind} named {M} picked up one of the pieces. \"Shall we find out why it broke?\" {mhe} asked."],
     ["Together they made a drawing. Then they built it again, and this time {fix}.", "They talked about it for a long time. The next day they began again, and now {fix}."],
     ["~When it was finished, they painted it [red|blue|green|yellow] with white dots."],
     ["This time the {build} held. It worked even better than {N} had dreamed.", "And it worked! The {build} did not break, not even in the wind."],
     ["\"I am glad that the first one broke,\" said {N}, \"for now I know how to build a good one.\"", "Everyone came to see it, and {N} said, \"{M} and I built it together.\" {He} was {glad}."])

plot("dark", ["a {kind} who is afraid of the dark", "a strange noise at night", "being afraid at night", "a {kind} who hears a noise"],
     ["{N} was afraid of a noise at night, but it was only {noise}."],
     ["Look closely, and fear gets smaller.", "Being brave means doing it although you are afraid."],
     [("what was the noise", "It was only {noise}."), ("what was {N} afraid of", "{N} was afraid of a noise in the dark."), ("what did {N} take along", "{N} took a lamp along.")],
     ["{N} was not afraid of [rain or wind|big dogs or deep water], but {he} was afraid of the dark.", "By day {N} was brave. At night, when the lamp was out, {he} was not."],
     ["One night {he} heard a noise: [tap, tap, tap|scratch, scratch|a long soft moan|rustle, rustle]. It came from {spot}.", "One night a strange noise woke {him}. It came from outside, from {spot}."],
     ["{He} pulled the blanket over {his} head. \"Perhaps it is a [monster|ghost|giant],\" {he} thought.", "~{His} heart beat like a drum, and {he} did not dare to breathe."],
     ["The noise did not stop. After a while {N} thought, \"If I do not look, I will never know.\"", "Then {he} remembered what {M} the {mkind} had once said: \"Most things look smaller in the light.\""],
     ["So {he} lit a lamp, took a deep breath and went to see. Step by step {he} came closer.", "{He} took {his} lamp and went out on tiptoe."],
     ["And what did {he} see? It was only {noise}!", "{He} held up the lamp, and there it was: {noise}. Nothing more."],
     ["{N} had to laugh. \"So you are my monster,\" {he} said.", "~{N} sat down and laughed until {his} tummy hurt."],
     ["{He} went back to bed and slept until morning. [And after that night the dark was only dark.|From then on {he} was not afraid of noises any more.]", "After that {N} kept the lamp beside {his} bed, but {he} hardly ever needed it."])

plot("map", ["a {kind} who finds a treasure map", "a treasure", "an old map", "an adventure"],
     ["{N} followed an old map with {M} and found no gold, but {prize}."],
     ["The best treasure is not always gold.", "The way can be better than the goal."],
     [("what did {N} find", "{N} found {prize}."), ("who went along with {N}", "{M} the {mkind} went along."), ("where did {N} find the map", "{N} found the map in an old book.")],
     ["One rainy {day} {he} found a map in an old book. A red cross marked a place [behind|near] {spot}.", "One {day} an old map fell out of a book. \"A treasure map!\" cried {N}."],
     ["{He} showed it to {his} friend {M}, a {madj} {mkind}. \"Let us go and find it,\" said {M}.", "\"Will you come along?\" {he} asked {M}, {mthe}. Of course {M} would."],
     ["They packed [bread and water|a rope and a lamp|a spade and a {food}] and set out at sunrise.", "~The next morning they set out with a spade, a rope and a {food}."],
     ["First they crossed {cross}. Then they climbed over rocks until their legs were tired.", "The way led past {spot2}, over {cross} and through thick bushes."],
     ["~Once they got lost, but {M} [turned the map around|looked at the sun] and found the way again.", "~\"Are we nearly there?\" asked {M}. \"Only a little further,\" said {N}."],
     ["At last they stood at the place with the cross. They dug and dug, and then the spade hit something hard.", "Where the cross was, they began to dig. After a long time they found a wooden box."],
     ["They opened the box. There was no gold in it, but {prize}.", "\"Open it!\" said {M}. Inside lay no gold and no silver, but {prize}."],
     ["~At first {N} was disappointed. Then {he} began to smile."],
     ["\"I like this better than gold,\" said {N}. And they had had the best day of the whole {season}.", "They laughed and shared the {food}. \"The real treasure was the way,\" said {M}, and {N} nodded."])

plot("quarrel", ["two friends who quarrel", "a quarrel", "saying sorry", "a {kind} and a {mkind} who quarrel about a {thing}"],
     ["{N} and {M} quarrelled about a {thing}, missed each other, and made up again."],
     ["A friend is worth more than a thing.", "It is good to say sorry."],
     [("what did they quarrel about", "They quarrelled about a {thing}."), ("who said sorry first", "{N} said sorry first."), ("did they make up", "Yes, they made up and shared the {thing}.")],
     ["{His} best friend was {M}, a {mkind}. They did everything together.", "Next door lived {M}, a {madj} {mkind}, and the two were best friends."],
     ["One {day} they found a {thing} near {spot}. \"I saw it first!\" said {N}. \"No, I did!\" said {M}.", "One {day} both of them wanted to have the same {thing}. \"It is mine!\" they cried at the same time."],
     ["They pulled and they shouted, and in the end each went home angry.", "Each of them said something that was not kind. Then they went home and slammed the door."],
     ["The next day {N} played alone. It was no fun at all. [The {thing} lay in the grass, and nobody wanted it.|Even the {thing} looked dull.]", "~{N} had the {thing} now, but {he} had nobody to play with."],
     ["~At the same time {M} sat at home and thought of {N}."],
     ["\"I was wrong,\" thought {N}. {He} [took the {thing}|picked some flowers] and went to {M}.", "In the evening {N} could not stand it any longer. {He} went over and knocked."],
     ["\"I am sorry,\" {he} said. \"You are more important to me than a {thing}.\"", "\"I am sorry that I shouted,\" said {N}."],
     ["\"I am sorry too,\" said {M}, and they hugged.", "{M} was silent for a moment. Then {mhe} smiled. \"I am sorry too. I missed you.\""],
     ["From then on they shared the {thing}: one day it was with {N}, and the next day with {M}.", "They put the {thing} at {spot2}, so that everyone could play with it. And they were friends again."])

plot("birthday", ["a birthday", "a surprise", "a {kind} whose birthday is forgotten", "a birthday party"],
     ["{N} thought that everyone had forgotten {his} birthday, but {his} friends had prepared a surprise near {spot3}."],
     ["Friends do not forget you.", "Some surprises need a secret."],
     [("why was {N} sad", "{N} thought that everyone had forgotten {his} birthday."), ("what did {N} get", "{N} got a {thing}."), ("where was the party", "The party was near {spot3}.")],
     ["Today was {his} birthday. {N} got up early and waited.", "When {N} woke up, the sun was shining. It was {his} birthday!"],
     ["But nobody came. {He} went to {M} the {mkind}, but {M} was [in a hurry|very busy] and said only hello.", "{He} met {M}, {mthe}, near {spot}. \"Good morning,\" said {M}, and hurried on."],
     ["At {spot2} it was the same. Nobody said a word about the birthday.", "~{He} asked at {spot2} whether there was any news. \"No news,\" they said, and looked away."],
     ["\"They have all forgotten me,\" thought {N}, and {his} eyes filled with tears.", "{N} walked home slowly. {He} had never felt so alone."],
     ["In the afternoon a note was on the door. \"Please come to {spot3},\" it said, and nothing more.", "Then there was a knock. \"Quick, I need your help at {spot3},\" said {M}."],
     ["{N} went there, and it was very quiet. Then, all at once, everyone jumped out. \"Happy birthday!\" they shouted.", "When {he} got there, lamps lit up everywhere, and all {his} friends began to sing."],
     ["~There was a {food}, there was music, and there were paper stars in the trees."],
     ["{M} gave {him} a {thing}. \"We had to keep it secret,\" {mhe} said.", "And there was a present too: a {thing}."],
     ["\"And I thought you had forgotten me,\" said {N}, and now {he} laughed. It was the best birthday of all.", "{N} was so {glad} that {he} could not say a word. {He} just hugged them one by one."])

plot("garden", ["a {kind} who plants a seed", "a garden", "patience", "a seed"],
     ["{N} planted a seed, learned to wait, and in the end {grown} grew from it."],
     ["Good things take time.", "Patience is a kind of care."],
     [("what did {N} plant", "{N} planted a seed."), ("what grew from the seed", "{grown} grew from it."), ("what did {N} learn", "{N} learned to be patient.")],
     ["In spring {M}, a {madj} {mkind}, gave {him} a seed. \"Plant it and take care of it,\" said {M}.", "One {day} {he} found a strange seed near {spot}. \"What will it become?\" {he} wondered."],
     ["{N} dug a hole, put the seed into it and gave it some water. Then {he} sat down and waited.", "{He} planted it near {spot2}, poured water over it, and sat down beside it."],
     ["Nothing happened. {He} waited all day, and nothing happened.", "After an hour {he} was already impatient. \"Grow!\" {he} said. But the seed did not grow."],
     ["~The next day {he} wanted to dig it up again to see if it was still there."],
     ["\"Leave it alone,\" said {M} the {mkind}. \"A seed works in the dark, where you cannot see it.\"", "{M} the {mkind} laughed softly. \"You cannot pull a plant out of the ground. You can only give it water and time.\""],
     ["So {N} came every {day} with a can of water. {He} told the seed stories and pulled out the weeds.", "{N} learned to wait. {He} watered the place each day and did other things in between."],
     ["After {n} weeks a green tip came out of the ground. It grew and grew.", "Then, one morning, there was a tiny green leaf. And every day it was a little taller."],
     ["At the end of summer {grown} stood there, and everyone came to look.", "And when summer was over, there it was: {grown}."],
     ["\"It was worth waiting for,\" said {N}. {He} kept {n} seeds for the next year.", "{N} was {glad}, and {he} gave a new seed to a small child. \"Now you must be patient,\" {he} said."])

plot("race", ["a race", "a {kind} who takes part in a race", "a {kind} who is slow", "winning and helping"],
     ["{N} took part in a race, stopped to help {M}, and everyone cheered although {he} did not win."],
     ["Helping is more than winning.", "A good heart wins in its own way."],
     [("did {N} win the race", "No, {N} did not win, but everyone cheered for {him}."), ("why did {N} stop", "{N} stopped to help {M}."), ("where did the race end", "The race ended at {spot2}.")],
     ["Every {season} there was a great race from {spot} to {spot2}. This year {N} wanted to take part.", "One {day} a race was announced. It went from {spot} to {spot2}, and the prize was a {thing}."],
     ["~{He} trained for {n} weeks, early in the morning, when everyone was asleep."],
     ["The bell rang, and all of them ran. At first {N} was the last, but {he} kept going.", "\"Ready, steady, go!\" {N} ran as fast as {he} could, and soon {he} was far ahead."],
     ["Half way {he} saw {M}, a {mkind}, at the side of the road. {M} had hurt {mhis} foot.", "Then {he} heard a cry. {M}, a {madj} {mkind}, had fallen into a ditch."],
     ["The others ran past. {N} looked at the goal, and {he} looked at {M}.", "~\"Run on,\" said {M}, \"or you will lose.\""],
     ["Then {he} stopped. \"Lean on me,\" {he} said. \"We will go together.\"", "\"A race comes every year,\" said {N}, and helped {mhim} up."],
     ["So they came to {spot2} as the very last, arm in arm.", "Slowly they walked on. When they reached {spot2}, the race had long been over."],
     ["But everyone stood there and cheered, louder than for the winner.", "The winner saw them and began to clap, and then everyone clapped."],
     ["\"You did not win,\" said {M}, \"but you are the one I will remember.\" And {N} was {glad}.", "{N} got no prize that day. But {he} had a new friend, and that was more."])

plot("star", ["a {kind} who finds a fallen star", "a star", "the moon", "a star that falls from the sky"],
     ["{N} found a fallen star and, with the help of {M}, brought it back to the sky."],
     ["What you love, you must sometimes let go.", "Nobody is too small to do something great."],
     [("what did {N} find", "{N} found a small star that had fallen from the sky."), ("how did the star get home", "{how}."), ("who helped {N}", "{M} the {mkind} helped {him}.")],
     ["One night something bright fell from the sky and landed near {spot}.", "One clear night {he} saw a light fall down, right behind {spot}."],
     ["{N} ran there and found a star. It was no larger than an apple, and it was crying.", "In the grass lay a little star. It glowed only weakly."],
     ["\"I leaned out too far,\" said the star, \"and now I cannot get home.\"", "\"I wanted to see the sea,\" whispered the star. \"Now it is too far to go back.\""],
     ["~For one night {N} kept it beside {his} bed, and the room was full of silver light.", "~{N} would have liked to keep it. But the star became paler every hour."],
     ["\"I will bring you back,\" {N} promised. {He} went to {M}, a {madj} {mkind}, to ask for advice.", "{N} carried it to {M}, a {madj} {mkind}, who knew a lot about the sky."],
     ["\"Stars can fly if they are happy,\" said {M}, \"but they need a high place to start.\"", "\"We need a high place,\" said {M}, \"and a good wind.\""],
     ["So they climbed [the highest hill|the old tower|the tallest tree] together. {how}.", "Together they went up to the top of the mountain. {how}."],
     ["High above, a new light began to shine, and it twinkled {n} times.", "~They looked up for a long time, until they found it among the others."],
     ["Since then one star has shone a little brighter over the home of {N}.", "\"Good night, little star,\" said {N}. And every night {he} waves to it before {he} goes to bed."])

plot("fog", ["a lighthouse", "a lighthouse keeper", "a ship in the fog", "a {kind} who saves a ship"],
     ["The lamp of the lighthouse went out in the fog, and {N} saved a ship {signal}."],
     ["Even a small signal can save many.", "In trouble, use what you have."],
     [("why was the ship in danger", "The lamp of the lighthouse had gone out in the fog."), ("how did {N} save the ship", "{N} saved it {signal}."), ("who was the keeper", "{M} the {mkind} was the keeper of the lighthouse.")],
     ["{N} often visited the lighthouse, where {M}, a {madj} {mkind}, kept the lamp.", "{His} friend {M}, a {madj} {mkind}, was the keeper of the lighthouse."],
     ["Every evening they climbed the {n} hundred steps and lit the great lamp.", "~\"A lamp is a promise,\" {M} liked to say. \"The ships believe in it.\""],
     ["One {season} night a thick fog came in from the sea, and just then the lamp went out.", "Then came a night with fog so thick that nobody could see the path. And in that night the lamp broke."],
     ["\"There is a ship out there!\" cried {M}. \"It will run onto the rocks!\"", "Far away they heard the horn of a ship. It came closer and closer to the rocks."],
     ["{M} tried to mend the lamp, but {mhis} hands shook. {N} looked around. What could {he} do?", "~There was no time to mend the lamp. {N} had to think fast."],
     ["Then {N} had an idea. {He} warned the ship {signal}.", "{N} did not wait. {He} ran out and gave a sign to the ship {signal}."],
     ["Again and again {he} did it, until {his} arms hurt. At last the ship turned away from the rocks.", "~For an hour {he} did not stop, although {he} was cold and tired."],
     ["In the morning the fog was gone, and the ship lay safe in the harbour.", "When the sun rose, the ship came slowly and safely into the harbour."],
     ["The captain came up the steps. \"Who saved us?\" he asked. {M} pointed at {N}, who was {glad}.", "\"The lamp was out,\" said the captain, \"but you were there.\" And {he} gave {N} a {thing}.".replace("And {he} gave", "And the captain gave")])

plot("numbers", ["a weight that gets rounded", "a number", "a world of numbers", "quantization, as a story"],
     ["The weight {N} had to leave some digits behind to fit into a small house, and found that {he} was still nearly the same."],
     ["You can carry less and still be yourself.", "Less can be enough."],
     [("why did {N} give away digits", "{N} gave away digits because the new house was small."), ("how many doors did the new house have", "The new house had sixteen doors."), ("did {N} change much", "No, {N} was still nearly the same.")],
     ["In {his} pocket {he} carried a number with very many digits, and {he} was proud of every one.", "{N} collected digits. {His} number was so long that it needed a cart of its own."],
     ["One {day} everyone had to move, for the old house had become too large and too heavy.", "Then the news came: the great house with its thousands of doors was to be left, and all had to move into a small one."],
     ["The new house had only sixteen doors, and on each door stood one short number.", "In the new house there were just sixteen rooms, and behind each door fitted only one short number. So it had sixteen doors."],
     ["\"My number does not fit,\" cried {N}. \"I would have to leave some digits behind!\"", "~{N} walked from door to door, but none of them had quite {his} number."],
     ["{M}, a {madj} {mkind}, kept the keys. \"Take the nearest door,\" said {M}. \"You will see that it is close enough.\"", "\"Choose the door that is nearest to you,\" said {M}, {mthe} with the keys."],
     ["~{N} put the last digits into a box and closed the lid. It hurt only a little.", "~\"And what about the rest?\" asked {N}. \"That is called the error,\" said {M}, \"and it is small.\""],
     ["So {he} went through the nearest door. And behold, {he} was still nearly the same.", "{He} went in and looked into the mirror. There stood {N}, a tiny bit rounder than before."],
     ["Now everything went quickly, because nobody had heavy digits to carry.", "~The cart was light, and the way to work took only a quarter of the time."],
     ["\"I thought I needed every digit,\" said {N}. \"But it works with four bits too.\"", "In the evening all the numbers sang together, and the song sounded almost like before."])

plot("cook", ["a {kind} who cooks soup", "cooking", "a cooking mishap", "a {kind} in the kitchen"],
     ["{N} used {wrong} by mistake when {he} cooked for {his} guests, told them the truth, and they all cooked again together."],
     ["A mistake is not so bad if you can laugh about it.", "It is more fun to cook together."],
     [("what went wrong", "{N} used {wrong} by mistake."), ("who helped {N}", "{M} and the other guests helped {him}."), ("what did {N} cook", "{N} cooked {dish}.")],
     ["One {day} {he} invited {n} friends for dinner. \"I will cook {dish},\" said {N}.", "{N} wanted to surprise {his} friends and cook {dish}, all alone."],
     ["{He} put on an apron, washed {his} hands and began to [stir|cut and stir|measure and mix].", "The kitchen was soon full of pots, spoons and steam."],
     ["But {he} was in a hurry, and so {he} used {wrong}.", "Just then something rattled outside. {N} looked away for a moment and used {wrong}."],
     ["~It looked right and it smelled right, so {he} noticed nothing."],
     ["The guests came. {M}, a {madj} {mkind}, took the first spoon, and {mhis} face became very strange.", "When everybody was at the table, {M} the {mkind} tasted it first. {MHe} coughed and drank a whole glass of water."],
     ["{N} tasted it too. \"Oh no!\" {he} said. \"I used {wrong}.\"", "\"It is my fault,\" said {N}. \"I was not careful, and I used {wrong}.\""],
     ["For a moment it was quiet. Then {M} began to laugh, and all of them laughed.", "~{N} became red. But nobody was angry."],
     ["\"Come,\" said {M}, \"we will cook it again, all together.\" One washed, one cut and one stirred.", "They all went into the kitchen and began again. This time {N} read every label twice."],
     ["It was late when they ate, but it tasted wonderful. And {N} was {glad} to have such friends.", "\"Next time I will invite you to cook,\" said {N}, \"and not only to eat.\""])

plot("woods", ["a {kind} who gets lost in the woods", "getting lost", "finding the way home", "a {kind} alone in the forest"],
     ["{N} got lost in the woods, stayed calm, and found the way home by following {guide}."],
     ["Stay calm, and you will find a way.", "Look at what is around you."],
     [("where did {N} get lost", "{N} got lost in the woods."), ("how did {N} find the way home", "{N} followed {guide}."), ("why did {N} leave the path", "{N} followed {lure}.")],
     ["One {day} {N} went into the woods to gather [berries|mushrooms|nuts|dry sticks].", "One {season} {day} {he} walked in the woods near {spot}."],
     ["{He} saw {lure} and followed it, deeper and deeper, away from the path.", "There was {lure}. {N} ran after it and forgot to look where {he} was going."],
     ["When {he} turned around, every tree looked the same. {He} was lost.", "Then the light became weak, and {he} noticed that {he} did not know the way back."],
     ["~{He} called, but only the wind answered.", "~First {he} ran this way, then {he} ran that way, and then {he} sat down and cried a little."],
     ["Then {he} remembered the words of {M} the {mkind}: \"If you are lost, sit still and look around.\"", "\"Stay calm,\" {he} told {self}. \"{M} would sit down and think.\""],
     ["So {he} sat still and listened. And then {he} noticed {guide}.", "{He} wiped {his} eyes and looked carefully around. And there was {guide}."],
     ["{He} followed it, slowly and without fear, through the bushes and over the stones.", "~\"That must lead somewhere,\" {he} thought, and {he} followed it step by step."],
     ["At last {he} saw a light between the trees. It was {his} own house, and {M} stood at the door.", "And when the first stars came out, {N} saw the roofs of home."],
     ["\"I was lost,\" said {N}, \"but I sat still and looked around.\" {M} hugged {him}. \"That was very wise,\" said {M}.", "That night {he} slept deeply. And the next time {he} stayed on the path."])

plot("winter", ["a hard winter", "a {kind} who prepares for winter", "saving food for the winter", "winter"],
     ["{N} gathered food for the winter, and when {M} had nothing to eat, {he} shared it."],
     ["Plan ahead, and share what you have.", "In a hard time we need each other."],
     [("what did {N} gather", "{N} gathered {store}."), ("why was {M} hungry", "{M} had not prepared for the winter."), ("what did {M} do in return", "{M} {talent} on the long evenings.")],
     ["In autumn, when the days were still warm, {N} began to gather {store}.", "All through the autumn {N} worked. {He} gathered {store} and stored everything [under the roof|in the cellar|in a hollow tree]."],
     ["{M}, a {madj} {mkind}, only laughed. \"Why do you work?\" {mhe} asked. \"The sun is shining!\"", "\"Come and play,\" said {M}, a {madj} {mkind}. \"Winter is far away.\""],
     ["\"It will not shine for ever,\" said {N}, and went on.", "~{N} would have liked to play, but {he} thought of the snow."],
     ["Then the winter came. It snowed for {n} days, and the wind was as cold as ice.", "One night the snow came. In the morning everything was white, and the pond was frozen."],
     ["{N} sat in the warm and had enough to eat. Then there was a weak knock at the door.", "~{N} made soup and was content. But {he} wondered how {M} was."],
     ["Outside stood {M}, thin and shivering. \"I have nothing left,\" {mhe} said softly.", "It was {M}. \"You were right,\" said {mthe}. \"Now I am hungry, and I am ashamed.\""],
     ["{N} did not scold {mhim}. \"Come in,\" {he} said. \"There is enough for two.\"", "\"Sit down and eat,\" said {N}. \"We can talk later.\""],
     ["So they spent the winter together. {M} {talent} on the long evenings, and it was never dull.", "{M} wanted to give something too. So {mhe} {talent} on the long evenings."],
     ["And in the next autumn two of them went out to gather {store}.", "When spring came, {M} said, \"This year I will help you from the first day.\" And {mhe} did."])

plot("letter", ["a letter that comes to the wrong house", "a letter", "a {kind} who delivers a letter", "a message"],
     ["A letter came to {N} by mistake, and {he} carried it to {M}, who had waited for it for a long time."],
     ["A small way for you can be a great joy for another.", "Do the right thing, even if it rains."],
     [("for whom was the letter", "The letter was for {M} the {mkind}."), ("who had written the letter", "{writer} had written it."), ("where did {M} live", "{M} lived behind {spot2}.")],
     ["One {day} a letter lay on the doorstep. But it was not for {him}. It was for {M}, a {mkind} who lived behind {spot2}.", "One {day} the wind blew a letter to {his} door. \"For {M} the {mkind}, behind {spot2},\" it said."],
     ["It was raining, and the way was long. \"I could bring it tomorrow,\" thought {N}.", "~{N} was comfortable by the fire, and outside it was cold."],
     ["But then {he} thought that someone might be waiting for it. So {he} put on {his} coat and went.", "\"Perhaps it is important,\" {he} said, and {he} went out at once."],
     ["{He} crossed {cross}, went past {spot3}, and twice {he} had to ask for the way.", "The path was muddy. {He} slipped, but {he} held the letter high, so that it stayed dry."],
     ["In the evening {he} stood before a small house. A {madj} {mkind} opened the door.", "At last {he} found the house. {M} sat at the window, as on every day, and looked down the road."],
     ["\"This came to me by mistake,\" said {N}. {M} took the letter, and {mhis} hands shook.", "\"I have something for you,\" said {N}."],
     ["It was from {writer}. {M} had waited for it for a whole year.", "{M} read it and began to smile. \"It is from {writer}!\" {mhe} said. \"I have waited for it so long.\""],
     ["~\"Read it to me,\" {M} asked, because {mhis} eyes were weak. And {N} read it out loud, {n} times."],
     ["{M} made tea, and they talked until it stopped raining. Since that day {N} has gone to visit {mhim} every week.", "\"You have brought me more than a letter,\" said {M}. And {N} walked home in the rain and was {glad}."])

plot("truth", ["telling the truth", "a broken vase", "a {kind} who breaks something", "being honest"],
     ["{N} broke {broken} of {M}, told the truth, and was forgiven."],
     ["The truth is hard for a moment, a lie is hard for a long time.", "Honesty makes the heart light."],
     [("what did {N} break", "{N} broke {broken}."), ("what did {M} say", "{M} forgave {him}, because {he} had told the truth."), ("how did {N} make up for it", "{N} helped to mend it.")],
     ["One {day} {he} played with a {thing} in the house of {M}, a {madj} {mkind}. {He} had been told not to run.", "{N} was a guest of {M}, a {madj} {mkind}, who had many beautiful things."],
     ["{He} turned around too fast. There was a crash, and {broken} lay in pieces.", "Then it happened. {He} jumped, {he} slipped, and {broken} fell to the floor and broke."],
     ["Nobody had seen it. \"I could say it was the wind,\" thought {N}. \"I could say it was the cat.\"", "Quickly {he} hid the pieces [under the carpet|behind the sofa|in a box]."],
     ["~But in the night {he} could not sleep. The pieces seemed to call {him}.", "~All day {he} had a stone in {his} stomach. Even {his} dinner did not taste good."],
     ["At last {he} went to {M}. \"I broke it,\" {he} said in a small voice. \"I am sorry.\"", "{He} could not bear it any longer. \"{M},\" {he} said, \"I have to tell you something. I broke {broken}.\""],
     ["{M} looked at {him} for a long time. \"I am sad about it,\" {mhe} said, \"but I am glad that you told me the truth.\"", "{M} was silent. Then {mhe} put {mhis} arm around {N}. \"That was brave,\" {mhe} said."],
     ["They fetched glue and mended it together, piece by piece.", "\"Come,\" said {M}, \"we will see what glue can do.\" And they mended it on the same evening."],
     ["One could still see the cracks. \"I like the cracks,\" said {M}. \"They tell me that you are honest.\"", "~It did not look like new. But it held water, and it held a story."],
     ["That night {N} slept well, for {his} heart was light.", "And {N} never hid anything from {M} again."])

plot("shy", ["a new neighbour", "a shy {kind}", "making friends", "a {kind} who finds a friend"],
     ["{N} was too shy to speak to {M}, the new neighbour, until {thing_a} brought them together."],
     ["A friendship can begin with one word.", "Others may be as shy as you are."],
     [("who was the new neighbour", "{M} the {mkind} was the new neighbour."), ("what brought them together", "{thing_a} brought them together."), ("was {M} shy too", "Yes, {M} was just as shy as {N}.")],
     ["One {day} somebody moved in next door. It was {M}, a {madj} {mkind}.", "In {season} a new neighbour came. {MHis} name was {M}, and {mhe} was a {mkind}."],
     ["{N} would have liked to say hello, but {he} was too shy. So {he} only looked [over the fence|through the curtain|from behind {spot}].", "{N} wanted to go over and say something. But every time {he} stood at the gate, {he} forgot all the words."],
     ["~\"What if I say something silly?\" {he} thought. \"What if nobody laughs?\"", "~A week went by, and then another one."],
     ["Then, one windy day, {thing_a} flew over the fence and landed right in front of {N}.", "One {day} the wind was strong, and {thing_a} came flying through the air. It landed at the feet of {N}."],
     ["It belonged to {M}. Now {N} had to go over. {He} took a deep breath and knocked.", "{N} picked it up. {His} heart beat fast, but {he} went to the door of {M}."],
     ["\"Hello,\" {he} said. \"I think this is yours.\" {M} became quite red. \"Thank you,\" said {M}. \"I wanted to talk to you all the time, but I am so shy.\"",
      "\"This is yours,\" said {N}. {M} smiled. \"I have looked over the fence so often,\" {mhe} said, \"but I did not dare to say hello.\""],
     ["Then both of them had to laugh.", "~\"You too?\" asked {N}. And then they laughed, and it was easy to talk."],
     ["They sat down near {spot2} and shared a {food}. They found out that they both liked [old songs|rainy days|long walks|riddles].", "{M} showed {him} {mhis} {thing}, and {N} told {mhim} about {spot3}."],
     ["In the end they made a small door in the fence, and it was never locked.", "Since then the two have been friends, and nobody can believe that they were ever shy."])

_EXTRA = {
    "where": ["under the bed", "behind the stove", "in the pocket of the winter coat", "under a pile of leaves", "on top of the cupboard", "inside a boot", "between two cushions", "in the basket with the apples"],
    "skill": ["swim", "whistle", "climb trees", "skate on ice", "read", "dance", "play the flute", "jump over the brook", "ride a bicycle", "bake bread", "stand on one leg", "juggle"],
    "build": ["boat", "kite", "bridge", "tree house", "cart", "windmill", "sledge", "bird house", "raft"],
    "flaw": ["the knots were too loose", "the wood was too thin", "it was too heavy on one side", "the nails were too short", "the middle was too weak"],
    "fix": ["they used stronger wood", "they tied every knot twice", "they put a beam under the middle", "both sides were equally heavy", "they took their time"],
    "noise": ["a branch that tapped against the window", "a hedgehog that was looking for food", "an old shutter in the wind", "a drop of water that fell into a bucket", "a cat that was playing with a ball", "a mouse that was rolling a nut"],
    "prize": ["a letter from a child who had played there a hundred years ago", "a box of seeds of flowers that nobody knew", "a small book full of stories", "a picture of the village as it once was", "a music box that still played", "a bag of marbles in all colours"],
    "cross": ["a shaky bridge", "a cold stream", "a field of tall grass", "a steep hill", "a muddy road"],
    "grown": ["a sunflower as tall as a house", "a bush full of red berries", "a pumpkin as big as a cart", "a little apple tree", "a flower with seven colours"],
    "how": ["{N} whistled a song, and the star began to glow and rose into the sky", "The wind came, {N} opened {his} hands, and the star flew up", "{N} threw the star as high as {he} could, and the wind carried it home", "{M} told a joke, the star laughed, and laughing it floated up"],
    "signal": ["by ringing a big bell", "by swinging a lantern", "by lighting a fire on the hill", "by beating a drum", "by blowing a horn"],
    "wrong": ["salt instead of sugar", "pepper instead of cinnamon", "vinegar instead of oil", "soap instead of milk", "mustard instead of honey"],
    "dish": ["a pudding", "a big pot of soup", "a cake with plums", "pancakes", "sweet rice"],
    "lure": ["a blue butterfly", "a red squirrel", "a strange light", "a white feather in the wind", "a golden beetle"],
    "guide": ["the sound of a small river", "the smoke of a chimney", "the moss on the trees", "the evening star", "a trail of crumbs", "the sound of a bell"],
    "store": ["nuts and dry apples", "grain and honey", "potatoes and wood", "seeds and berries", "mushrooms and hay"],
    "talent": ["played the violin", "told stories", "sang old songs", "carved little animals out of wood", "taught {him} to play chess"],
    "writer": ["an old friend from across the sea", "a sister who lived far away", "a son who was a sailor", "a cousin who had moved away"],
    "broken": ["the blue vase", "the old teapot", "the big mirror", "the painted plate", "the glass bowl"],
    "thing_a": ["a hat", "a red kite", "a paper plane", "a sheet of music", "a white handkerchief"],
}


class Story:
    """One drawn story: its text, its slots, and what can be asked about it."""

    def __init__(self, rng: random.Random, length: str = "long"):
        self.plot = rng.choice(list(PLOTS))
        spec = PLOTS[self.plot]
        self.slots = cast(rng)
        for name, options in _EXTRA.items():
            self.slots[name] = expand(rng.choice(options), rng, self.slots)
        if self.plot == "numbers" and rng.random() < 0.6:
            self.slots |= {"kind": "weight", "adj": rng.choice(["small", "proud", "young", "long"]), "the": "the weight"}
        self.key = f"story|{self.plot}|{self.slots['kind']}|{self.slots['place']}|{self.slots['mkind']}"
        sentences = []
        for beat in spec["beats"]:
            options = beat
            if all(o.startswith("~") for o in beat):
                if length == "short" or rng.random() < 0.3:
                    continue
            elif length == "short":
                options = [o for o in beat if not o.startswith("~")]
            elif rng.random() < 0.12 and any(o.startswith("~") for o in beat):
                continue
            sentences.append(expand(rng.choice(options).lstrip("~"), rng, self.slots))
        if rng.random() < 0.25:
            sentences.append(rng.choice(spec["moral"]))
        self.text = _paragraphs(sentences, rng)
        self.summary = say(rng.choice(spec["summary"]), rng, self.slots)
        self.moral = rng.choice(spec["moral"])
        self.title = tidy(expand(rng.choice(["{N} and {M}", "{N} the {kind}", "The {kind} named {N}", "The {adj} {kind}", "{N} and the {mkind}"] if self.slots["M"] in self.text else ["{N} the {kind}", "The {adj} {kind}"]), rng, self.slots))

    @property
    def held_out(self) -> bool:
        return held_out(self.key)

    def ask_for(self, rng: random.Random, length: str) -> str:
        """A request that this story answers."""
        s = self.slots
        about = rng.choice([
            "", "", f"about a {s['kind']}", f"about a {s['kind']}", f"about a {s['adj']} {s['kind']}", f"about a {s['kind']} named {s['N']}", f"about a {s['kind']} called {s['N']}", f"about {s['N']} the {s['kind']}",
            f"about {s['N']}", f"about a {s['kind']} who lives {s['place']}", f"about a {s['adj']} {s['kind']} who lives {s['place']}",
            *([f"about a {s['kind']} and a {s['mkind']}", f"about a {s['kind']} and a {s['mkind']}", f"with a {s['kind']} and a {s['mkind']}", f"about a {s['kind']} named {s['N']} and a {s['mkind']} named {s['M']}",
               f"about a {s['kind']} who meets a {s['mkind']}", f"about {s['N']} and {s['M']}"] if s["M"] in self.text and s["mkind"] in self.text else []),
            *["about " + expand(a, rng, s) for a in PLOTS[self.plot]["about"] if "{mkind}" not in a or s["mkind"] in self.text] * 2,
        ])
        short = rng.choice(["short ", "very short ", "little ", "quick "]) if length == "short" else rng.choice(["", "", "", "nice ", "bedtime ", "children's ", "good ", "beautiful ", "long "])
        verb = rng.choice(["tell me a", "tell me a", "tell me a", "write a", "write a", "write me a", "give me a", "I want to hear a", "I would like a", "make up a", "tell a", "can you tell me a", "do you know a", "a", "invent a"])
        text = f"{verb} {short}story {about}".strip()
        return typed(text, rng) if verb[:2] in ("ca", "do", "I ", "a") else request(text, rng)

    def follow_up(self, rng: random.Random) -> tuple[str, str]:
        s, spec = self.slots, PLOTS[self.plot]
        choice = rng.random()
        if choice < 0.4:
            q, a = rng.choice([(q, a) for q, a in spec["asks"] if "{M}" not in q + a or s["M"] in self.text])
            return typed(rng.choice(["", "", "", "and ", "ok, ", "nice! "]) + expand(q, rng, s), rng), say(a, rng, s)
        if choice < 0.55:
            q = rng.choice(["what is the moral of the story", "what is the moral", "what can we learn from it", "what does the story teach us", "what do we learn from this story", "what is the lesson"])
            return typed(q, rng), self.moral
        if choice < 0.72:
            q = rng.choice(["tell it in one sentence", "make it shorter", "summarize the story", "give me a summary", "that was too long, make it short", "can you say it shorter", "what happens in the story", "what was the story about", "tell me the story in one sentence"])
            return typed(q, rng, "."), self.summary
        if choice < 0.82:
            q = rng.choice([f"what is the name of the {s['kind']}", f"what was the {s['kind']} called", "what is the name of the hero", "who is the story about", "who is the hero of the story"])
            return typed(q, rng), say(f"[The {{kind}} is called {{N}}|The story is about {{N}}, a {{adj}} {{kind}}].", rng, s)
        if choice < 0.9:
            q = rng.choice([f"where did {s['N']} live", f"where does {s['N']} live", "where does the story take place"])
            return typed(q, rng), say("{N} lived {place}.", rng, s)
        if s["M"] not in self.text:
            return typed("what is the moral of the story", rng), self.moral
        q = rng.choice(["who else is in the story", f"who is {s['M']}", f"and who was {s['M']}"])
        return typed(q, rng), say("{M} is a {madj} {mkind}.", rng, s)


def _paragraphs(sentences: list[str], rng: random.Random) -> str:
    """Join the beats; longer stories get two or three paragraphs."""
    if len(sentences) < 7 or rng.random() < 0.35:
        return tidy(" ".join(sentences))
    cuts = sorted(rng.sample(range(2, len(sentences) - 1), rng.choice([1, 2, 2])))
    parts, last = [], 0
    for cut in [*cuts, len(sentences)]:
        parts.append(tidy(" ".join(sentences[last:cut])))
        last = cut
    return "\n\n".join(p for p in parts if p)


def story(rng: random.Random, side: bool, length: str = "long") -> Story:
    """A story of one side of the split (`side` true: held out)."""
    while True:
        drawn = Story(rng, length)
        if drawn.held_out == side:
            return drawn
