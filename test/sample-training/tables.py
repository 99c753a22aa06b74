"""Tables of simple facts and the question patterns that go with them. Every (pattern, row) pair is one key of the split."""

import random

from grammar import listing, question, request, say, tidy, typed

# name: kind, sound, lives, eats, young, legs, colour, size rank (larger is bigger), can, remark
ANIMALS = {
    "dog": ("mammal", "barks", "with people", "meat and dog food", "puppy", 4, "brown, black or white", 30, "run and swim", "It has a very good nose and is loyal to its people"),
    "cat": ("mammal", "meows", "with people", "mice, fish and cat food", "kitten", 4, "black, white, grey or orange", 20, "climb and jump", "It can see well in the dark and sleeps a large part of the day"),
    "cow": ("mammal", "moos", "on a farm", "grass and hay", "calf", 4, "brown, black or white", 80, "walk and give milk", "It gives milk and has a stomach with four parts"),
    "horse": ("mammal", "neighs", "on a farm", "grass, hay and oats", "foal", 4, "brown, black or white", 78, "gallop", "It can sleep standing up"),
    "sheep": ("mammal", "bleats", "on a farm", "grass", "lamb", 4, "white or black", 45, "walk and jump", "It gives us wool"),
    "pig": ("mammal", "oinks", "on a farm", "roots, grain and vegetables", "piglet", 4, "pink", 48, "run and dig", "It is clever and likes to roll in mud"),
    "goat": ("mammal", "bleats", "on a farm or in the mountains", "grass and leaves", "kid", 4, "white, brown or grey", 44, "climb very well", "It can climb steep rocks"),
    "chicken": ("bird", "clucks", "on a farm", "grain and worms", "chick", 2, "white or brown", 18, "run and flutter", "It lays eggs"),
    "duck": ("bird", "quacks", "on lakes and ponds", "water plants and small animals", "duckling", 2, "brown, white or green", 19, "swim and fly", "Its feathers keep the water out"),
    "goose": ("bird", "honks", "near lakes and meadows", "grass and grain", "gosling", 2, "grey or white", 24, "fly far and swim", "Wild ones fly together in the shape of a V"),
    "owl": ("bird", "hoots", "in forests", "mice and small birds", "owlet", 2, "brown, grey or white", 17, "fly without a sound", "It hunts at night and can turn its head very far"),
    "eagle": ("bird", "screeches", "in mountains and forests", "fish, rabbits and other animals", "eaglet", 2, "brown and white", 27, "fly very high", "It has very sharp eyes"),
    "crow": ("bird", "caws", "in fields, forests and towns", "seeds, insects and leftovers", "chick", 2, "black", 16, "fly and solve problems", "It is one of the cleverest birds"),
    "sparrow": ("bird", "chirps", "in towns and villages", "seeds and insects", "chick", 2, "brown and grey", 8, "fly and hop", "It likes to live close to people"),
    "penguin": ("bird", "brays", "on cold coasts in the south", "fish and krill", "chick", 2, "black and white", 29, "swim and dive, but it cannot fly", "It is a bird that cannot fly but swims very well"),
    "parrot": ("bird", "squawks", "in warm forests", "fruit, nuts and seeds", "chick", 2, "green, red, blue or yellow", 15, "fly and copy words", "Some of them can copy human words"),
    "ostrich": ("bird", "booms", "in the grasslands of Africa", "plants and insects", "chick", 2, "black, white or brown", 70, "run very fast, but it cannot fly", "It is the largest bird and lays the largest eggs"),
    "fox": ("mammal", "yelps", "in forests and fields", "mice, birds and berries", "cub", 4, "red and white", 26, "run and dig", "It has a bushy tail and very good ears"),
    "wolf": ("mammal", "howls", "in forests and mountains", "deer and other animals", "pup", 4, "grey", 40, "run for a long time", "It lives and hunts in a pack"),
    "bear": ("mammal", "growls", "in forests and mountains", "berries, fish and honey", "cub", 4, "brown or black", 76, "climb, swim and run", "It sleeps through much of the winter"),
    "lion": ("mammal", "roars", "in the grasslands of Africa", "zebras and antelopes", "cub", 4, "yellow and brown", 62, "run and roar", "It lives in a group that is called a pride"),
    "tiger": ("mammal", "roars", "in the forests of Asia", "deer and wild pigs", "cub", 4, "orange with black stripes", 64, "swim and jump", "It is the largest of all cats"),
    "elephant": ("mammal", "trumpets", "in Africa and Asia", "grass, leaves and fruit", "calf", 4, "grey", 95, "swim and lift heavy things", "It is the largest animal on land and has a long trunk"),
    "giraffe": ("mammal", "hums", "in the grasslands of Africa", "leaves of trees", "calf", 4, "yellow with brown spots", 90, "run and reach high leaves", "It is the tallest animal of all"),
    "zebra": ("mammal", "barks", "in the grasslands of Africa", "grass", "foal", 4, "black and white", 72, "run fast", "Each one has its own pattern of stripes"),
    "monkey": ("mammal", "chatters", "in warm forests", "fruit, leaves and insects", "infant", 2, "brown or black", 25, "climb and swing", "It uses its hands much as we do"),
    "kangaroo": ("mammal", "grunts", "in Australia", "grass", "joey", 2, "brown or grey", 55, "jump very far", "It carries its young in a pouch"),
    "camel": ("mammal", "grunts", "in deserts", "dry plants", "calf", 4, "light brown", 82, "walk far without water", "It stores fat in its hump"),
    "hippo": ("mammal", "grunts", "in the rivers of Africa", "grass", "calf", 4, "grey", 92, "walk under water", "It spends the day in the water and eats at night"),
    "mouse": ("mammal", "squeaks", "in fields and houses", "seeds and grain", "pup", 4, "grey or brown", 5, "climb and hide", "It can slip through very small holes"),
    "rabbit": ("mammal", "makes hardly a sound", "in meadows and burrows", "grass, leaves and carrots", "kit", 4, "brown, grey or white", 17, "hop and dig", "It lives in a burrow under the ground"),
    "squirrel": ("mammal", "chatters", "in trees", "nuts and seeds", "kit", 4, "red, brown or grey", 10, "climb and jump from tree to tree", "It hides nuts for the winter"),
    "hedgehog": ("mammal", "snuffles", "in gardens and hedges", "insects, worms and snails", "hoglet", 4, "brown", 11, "roll into a ball", "It rolls itself into a ball of spines when it is afraid"),
    "bat": ("mammal", "squeaks", "in caves and old trees", "insects or fruit", "pup", 2, "brown or black", 6, "fly and hear very well", "It finds its way in the dark with sound"),
    "beaver": ("mammal", "slaps its tail on the water", "in rivers and lakes", "bark and leaves", "kit", 4, "brown", 28, "swim and build dams", "It builds dams out of wood"),
    "deer": ("mammal", "bellows", "in forests and meadows", "grass, leaves and bark", "fawn", 4, "brown", 58, "run and jump", "The males have antlers, which grow anew every year"),
    "whale": ("mammal", "sings", "in the sea", "krill and fish", "calf", 0, "blue, grey or black", 100, "dive very deep", "It is a mammal and must come up to breathe"),
    "dolphin": ("mammal", "clicks and whistles", "in the sea", "fish and squid", "calf", 0, "grey", 60, "swim fast and jump", "It is very clever and breathes air"),
    "seal": ("mammal", "barks", "on coasts and in the sea", "fish", "pup", 0, "grey", 50, "swim and dive", "A thick layer of fat keeps it warm"),
    "shark": ("fish", "makes no sound", "in the sea", "fish and other animals", "pup", 0, "grey", 85, "swim fast", "It grows new teeth all its life"),
    "salmon": ("fish", "makes no sound", "in rivers and in the sea", "insects and small fish", "fry", 0, "silver and pink", 14, "swim up a river and jump", "It returns to the river where it was born"),
    "octopus": ("mollusc", "makes no sound", "in the sea", "crabs and shells", "larva", 0, "of changing colour", 22, "change its colour and squeeze through small gaps", "It has eight arms and three hearts"),
    "crab": ("crustacean", "clicks", "on beaches and in the sea", "plants and small animals", "larva", 10, "red or brown", 7, "walk sideways", "It has a hard shell and two claws"),
    "frog": ("amphibian", "croaks", "in ponds and wet meadows", "insects", "tadpole", 4, "green or brown", 6, "jump and swim", "It begins its life in water as a tadpole"),
    "snake": ("reptile", "hisses", "in warm and dry places", "mice, frogs and eggs", "hatchling", 0, "green, brown or black", 23, "move without legs", "It smells with its tongue"),
    "turtle": ("reptile", "hisses softly", "in the sea, in lakes or on land", "plants and small animals", "hatchling", 4, "green or brown", 21, "swim and hide in its shell", "It can become very old"),
    "crocodile": ("reptile", "growls", "in warm rivers", "fish and other animals", "hatchling", 4, "green or brown", 75, "swim and lie still for hours", "It is one of the oldest kinds of animals"),
    "bee": ("insect", "buzzes", "in a hive", "nectar and pollen", "larva", 6, "yellow and black", 2, "fly and dance", "It makes honey and carries pollen from flower to flower"),
    "ant": ("insect", "makes no sound that we hear", "in the ground", "seeds, insects and sweet juice", "larva", 6, "black or red", 1, "carry many times its own weight", "It lives in a large colony with a queen"),
    "butterfly": ("insect", "makes no sound", "in gardens and meadows", "nectar", "caterpillar", 6, "of many colours", 3, "fly", "It begins its life as a caterpillar"),
    "spider": ("arachnid", "makes no sound", "in webs, houses and gardens", "insects", "spiderling", 8, "black or brown", 2, "spin a web", "It is not an insect, because it has eight legs"),
    "snail": ("mollusc", "makes no sound", "in gardens and wet places", "leaves", "baby snail", 0, "brown or grey", 3, "carry its house on its back", "It moves on a single soft foot"),
}
KIND_PLURAL = {"mammal": "mammals", "bird": "birds", "fish": "fish", "insect": "insects", "reptile": "reptiles", "amphibian": "amphibians",
               "mollusc": "molluscs", "crustacean": "crustaceans", "arachnid": "arachnids"}
CANNOT_FLY = {"penguin", "ostrich"}
CAN_FLY = {"bat", "bee", "butterfly"}
SWIMMERS = {"duck", "goose", "penguin", "dog", "bear", "tiger", "elephant", "hippo", "beaver", "whale", "dolphin", "seal", "shark", "salmon", "octopus", "frog", "turtle", "crocodile", "wolf", "deer", "horse"}
NOT_SWIMMERS = {"chicken", "sparrow", "butterfly", "bee", "snail", "giraffe", "owl", "spider"}
PLURALS = {"mouse": "mice", "goose": "geese", "wolf": "wolves", "sheep": "sheep", "deer": "deer", "butterfly": "butterflies", "fox": "foxes",
           "ostrich": "ostriches", "salmon": "salmon", "octopus": "octopuses", "monkey": "monkeys", "donkey": "donkeys", "fish": "fish"}
NUMBER = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]

OPPOSITES = """hot cold|big small|large little|fast slow|old new|young old|happy sad|good bad|light heavy|light dark|day night|up down|left right
|in out|open closed|full empty|wet dry|hard soft|loud quiet|near far|early late|rich poor|strong weak|high low|long short|tall short|thick thin
|wide narrow|deep shallow|clean dirty|right wrong|true false|first last|begin end|start stop|come go|give take|buy sell|win lose|find lose|push pull
|love hate|laugh cry|remember forget|always never|everything nothing|inside outside|above below|before after|front back|top bottom|more less
|many few|easy difficult|simple complicated|sweet sour|sharp blunt|smooth rough|brave afraid|polite rude|friend enemy|question answer|summer winter
|north south|east west|sunrise sunset|morning evening|awake asleep|alive dead|safe dangerous|noisy silent|calm excited|lazy hard-working
|generous selfish|beautiful ugly|arrive leave|accept refuse|build destroy|float sink|rise fall|increase decrease|plus minus|war peace|lend borrow
|teach learn|ask answer|sit stand|whisper shout|warm cool|raw cooked|fresh stale|cheap expensive|public private|modern ancient|same different"""
OPPOSITES = [tuple(p.split()) for p in OPPOSITES.replace("\n", "").split("|")]

SYNONYMS = """big large|small little|happy glad|sad unhappy|fast quick|smart clever|begin start|end finish|close shut|large huge|angry cross|afraid scared
|quiet silent|pretty beautiful|shout yell|rich wealthy|difficult hard|easy simple|correct right|wrong false|begin start|choose pick|repair mend|gift present
|sick ill|nearly almost|often frequently|maybe perhaps|fast rapid|brave courageous|kind friendly|tired sleepy|strange odd|answer reply|help assist
|jump leap|look glance|road street|rock stone|boat ship|forest woods|sea ocean|hat cap|sofa couch|error mistake"""
SYNONYMS = [tuple(p.split()) for p in SYNONYMS.replace("\n", "").split("|")]

COLOURS = {
    "the sky": "blue", "grass": "green", "snow": "white", "coal": "black", "a lemon": "yellow", "a banana": "yellow", "a strawberry": "red",
    "a tomato": "red", "a carrot": "orange", "an orange": "orange", "an aubergine": "purple", "a plum": "purple", "chocolate": "brown", "milk": "white",
    "the sun": "yellow", "blood": "red", "a fire engine": "red", "a frog": "green", "a flamingo": "pink", "a pig": "pink", "an elephant": "grey",
    "a mouse": "grey", "a crow": "black", "a swan": "white", "a cucumber": "green", "a pea": "green", "a cherry": "red", "gold": "yellow", "silver": "grey",
    "the sea": "blue", "a leaf in summer": "green", "wood": "brown", "a blueberry": "blue", "salt": "white", "sugar": "white", "honey": "golden",
    "a pumpkin": "orange", "night": "black", "a ripe pear": "green or yellow", "lavender": "purple", "a sunflower": "yellow", "a polar bear": "white",
}
MIX = {("red", "yellow"): "orange", ("blue", "yellow"): "green", ("red", "blue"): "purple", ("black", "white"): "grey", ("red", "white"): "pink",
       ("blue", "white"): "light blue", ("red", "green"): "brown", ("black", "red"): "dark red", ("green", "white"): "light green"}

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
SEASON = ["winter", "winter", "spring", "spring", "spring", "summer", "summer", "summer", "autumn", "autumn", "autumn", "winter"]

CAPITALS = """France Paris Europe|Germany Berlin Europe|Italy Rome Europe|Spain Madrid Europe|Portugal Lisbon Europe|Austria Vienna Europe|Poland Warsaw Europe
|Greece Athens Europe|Sweden Stockholm Europe|Norway Oslo Europe|Denmark Copenhagen Europe|Finland Helsinki Europe|Ireland Dublin Europe|Hungary Budapest Europe
|Belgium Brussels Europe|Switzerland Bern Europe|England London Europe|Scotland Edinburgh Europe|Iceland Reykjavik Europe|Romania Bucharest Europe
|Bulgaria Sofia Europe|Croatia Zagreb Europe|Japan Tokyo Asia|China Beijing Asia|Thailand Bangkok Asia|Vietnam Hanoi Asia|Nepal Kathmandu Asia
|Egypt Cairo Africa|Kenya Nairobi Africa|Morocco Rabat Africa|Ghana Accra Africa|Senegal Dakar Africa|Canada Ottawa North-America|Cuba Havana North-America
|Peru Lima South-America|Chile Santiago South-America|Argentina Buenos-Aires South-America|Brazil Brasilia South-America|Australia Canberra Australia"""
CAPITALS = [tuple(w.replace("-", " ") for w in p.split()) for p in CAPITALS.replace("\n", "").split("|")]

JOBS = {
    "baker": "bakes bread and cakes", "teacher": "helps people to learn", "doctor": "helps sick people to get well", "nurse": "takes care of sick people",
    "farmer": "grows plants and keeps animals", "gardener": "takes care of plants and gardens", "cook": "prepares meals", "pilot": "flies an airplane",
    "sailor": "works on a ship", "painter": "paints walls or pictures", "carpenter": "builds things out of wood", "tailor": "makes and mends clothes",
    "postman": "brings letters and parcels", "firefighter": "puts out fires and rescues people", "police officer": "protects people and keeps order",
    "librarian": "takes care of books and helps people to find them", "musician": "plays or writes music", "writer": "writes books and stories",
    "scientist": "studies how the world works", "programmer": "writes programs for computers", "dentist": "takes care of teeth", "vet": "helps sick animals",
    "fisherman": "catches fish", "shepherd": "looks after sheep", "blacksmith": "makes things out of hot iron", "clockmaker": "makes and repairs clocks",
    "bus driver": "drives people from place to place", "mechanic": "repairs machines and cars", "astronaut": "travels into space", "judge": "decides cases in a court",
    "shoemaker": "makes and repairs shoes", "miller": "grinds grain into flour", "beekeeper": "keeps bees and collects honey", "lighthouse keeper": "looks after a lighthouse so that ships are safe",
}
TOOLS = {
    "a hammer": "drive nails into wood", "a saw": "cut wood", "a needle": "sew clothes", "a knife": "cut food", "a spoon": "eat soup and stir", "a fork": "pick up food",
    "a pot": "cook food", "a cup": "drink", "a broom": "sweep the floor", "a towel": "dry yourself", "a pen": "write", "a pencil": "write and draw", "an eraser": "rub out pencil marks",
    "a ruler": "measure and draw straight lines", "scissors": "cut paper and cloth", "a lamp": "make light", "a candle": "make light", "an umbrella": "stay dry in the rain",
    "a key": "open a lock", "a map": "find the way", "a compass": "find north", "a clock": "see what time it is", "a calendar": "keep track of days", "a ladder": "reach high places",
    "a rope": "tie or pull things", "a bucket": "carry water", "a shovel": "dig", "a rake": "gather leaves", "a bicycle": "travel and stay fit", "a boat": "travel on water",
    "a tent": "sleep outside", "a blanket": "keep warm", "a pillow": "rest your head", "a telescope": "look at the stars", "a microscope": "see very small things",
    "a thermometer": "measure the temperature", "a fridge": "keep food cold", "an oven": "bake and roast", "a kettle": "boil water", "a mirror": "see yourself", "a comb": "tidy your hair",
    "a toothbrush": "clean your teeth", "soap": "wash yourself", "a bag": "carry things", "a wallet": "keep money", "a letter": "send a message", "a phone": "talk to people far away",
    "a camera": "take pictures", "a bell": "call people", "a whistle": "make a loud sound", "a drum": "make music", "a library card": "borrow books", "a bridge": "cross a river",
    "glasses": "see better", "a hat": "keep the sun or the cold away", "a scale": "find out how heavy something is", "a magnet": "pick up things made of iron",
}
FOODS = {
    "apple": ("fruit", "sweet and a little sour", "on trees"), "banana": ("fruit", "sweet", "on tall plants in warm countries"), "pear": ("fruit", "sweet and juicy", "on trees"),
    "cherry": ("fruit", "sweet", "on trees"), "plum": ("fruit", "sweet", "on trees"), "lemon": ("fruit", "sour", "on trees in warm countries"), "orange": ("fruit", "sweet and juicy", "on trees in warm countries"),
    "grape": ("fruit", "sweet", "on vines"), "strawberry": ("fruit", "sweet", "on small plants near the ground"), "blueberry": ("fruit", "sweet and a little sour", "on bushes"),
    "melon": ("fruit", "sweet and fresh", "on the ground"), "peach": ("fruit", "sweet and juicy", "on trees"), "carrot": ("vegetable", "sweet and crisp", "under the ground"),
    "potato": ("vegetable", "mild", "under the ground"), "onion": ("vegetable", "sharp", "in the ground"), "cabbage": ("vegetable", "mild", "close to the ground"), "spinach": ("vegetable", "mild", "close to the ground"),
    "pea": ("vegetable", "sweet", "in pods"), "bean": ("vegetable", "mild", "in pods"), "lettuce": ("vegetable", "fresh", "close to the ground"), "beetroot": ("vegetable", "earthy and sweet", "under the ground"),
    "radish": ("vegetable", "sharp", "in the ground"), "leek": ("vegetable", "like a mild onion", "in the ground"), "garlic": ("vegetable", "very strong", "in the ground"),
}
PLANETS = ["Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune"]
ORDINAL = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"]
CATEGORIES = {
    "animals": ["cows", "dogs", "cats", "lions", "elephants", "horses", "owls", "foxes", "rabbits", "whales", "bees"],
    "colours": ["red", "blue", "green", "yellow", "orange", "purple", "pink", "brown", "black", "white", "grey"],
    "fruits": ["apples", "pears", "bananas", "cherries", "plums", "grapes", "oranges", "lemons", "peaches", "strawberries"],
    "vegetables": ["carrots", "potatoes", "onions", "cabbage", "spinach", "peas", "beans", "lettuce", "leeks"],
    "farm animals": ["cows", "horses", "sheep", "pigs", "goats", "chickens", "ducks", "geese"],
    "wild animals": ["lions", "tigers", "bears", "wolves", "foxes", "elephants", "giraffes", "zebras"],
    "birds": ["owls", "eagles", "crows", "sparrows", "penguins", "parrots", "ducks", "geese"],
    "insects": ["bees", "ants", "butterflies", "beetles", "flies", "grasshoppers"],
    "sea animals": ["whales", "dolphins", "sharks", "seals", "crabs", "octopuses", "salmon"],
    "tools": ["a hammer", "a saw", "a ladder", "a shovel", "a rake", "a bucket"],
    "musical instruments": ["a piano", "a violin", "a guitar", "a drum", "a flute", "a trumpet"],
    "drinks": ["water", "milk", "tea", "juice", "lemonade", "coffee", "cocoa"],
    "clothes": ["a shirt", "trousers", "a coat", "a hat", "socks", "gloves", "a scarf"],
    "pieces of furniture": ["a table", "a chair", "a bed", "a shelf", "a sofa", "a cupboard"],
    "parts of the body": ["the head", "the arm", "the hand", "the leg", "the foot", "the nose", "the ear"],
    "vehicles": ["a car", "a bus", "a train", "a bicycle", "a boat", "an airplane"],
    "countries": ["France", "Italy", "Japan", "Kenya", "Canada", "Peru", "Norway", "Greece"],
    "planets": PLANETS, "days of the week": DAYS, "months": MONTHS,
    "things in a kitchen": ["a pot", "a pan", "a knife", "a spoon", "an oven", "a fridge"],
    "trees": ["oaks", "pines", "birches", "maples", "willows", "apple trees"],
    "flowers": ["roses", "tulips", "daisies", "sunflowers", "lilies", "poppies"],
    "quantization schemes": ["NF4", "FP4", "LLM.int8", "absmax int8", "zero point int8"],
    "sports": ["football", "tennis", "swimming", "running", "cycling", "dancing"],
    "jobs": ["baker", "teacher", "doctor", "farmer", "cook", "gardener", "pilot"],
}
SPELL = sorted({w for w in [*ANIMALS, *FOODS, "house", "water", "bread", "table", "window", "garden", "school", "friend", "summer", "winter", "yellow", "orange",
                            "green", "weight", "model", "token", "nibble", "tree", "star", "moon", "river", "story", "paper", "music", "light", "stone"] if w.isalpha()})


def a(noun: str) -> str:
    return tidy(f"a {noun}")[:1].lower() + tidy(f"a {noun}")[1:]


def many(noun: str) -> str:
    return PLURALS.get(noun, noun + "s")


def _animal(rng: random.Random):
    name = rng.choice(list(ANIMALS))
    kind, sound, lives, eats, young, legs, colour, size, can, remark = ANIMALS[name]
    ask = rng.randrange(14)
    one, some = a(name), many(name)
    if ask == 0:
        q = rng.choice([f"what is {one}", f"tell me about {some}", f"what do you know about {some}", f"describe {one}", f"tell me something about {one}", f"tell me about the {name}",
                        f"give me some facts about {some}", f"what can you tell me about {some}"])
        ans = say(f"[A {name} is {a(kind)}|The {name} is {a(kind)}]. It lives {lives} and eats {eats}. {remark}.", rng)
    elif ask == 1:
        q = rng.choice([f"what sound does {one} make", f"what does {one} say", f"which sound does {one} make", f"what noise does {one} make", f"how does {one} sound", f"what sound do {some} make"])
        ans = say(f"A {name} {sound}.", rng)
    elif ask == 2:
        q = rng.choice([f"where does {one} live", f"where do {some} live", f"where can I find {one}", f"what is the home of {one}", f"where do {some} live usually"])
        ans = say(f"[{some} live|A {name} lives] {lives}.", rng).replace(" lives", " lives")
    elif ask == 3:
        q = rng.choice([f"what does {one} eat", f"what do {some} eat", f"what is the food of {one}", f"what do {some} like to eat", f"what do I feed {one}", f"what does {one} feed on"])
        ans = say(f"[{some} eat|A {name} eats] {eats}.", rng)
    elif ask == 4:
        q = rng.choice([f"what is a baby {name} called", f"what do you call a young {name}", f"what is the young of {one} called", f"how is a baby {name} called", f"what is the name of a baby {name}"])
        ans = say(f"A [baby|young] {name} is called {a(young)}.", rng)
    elif ask == 5:
        q = rng.choice([f"how many legs does {one} have", f"how many legs do {some} have", f"how many legs has {one}", f"does {one} have legs"])
        ans = say(f"A {name} has {NUMBER[legs]} legs.", rng)
    elif ask == 6:
        q = rng.choice([f"what colour is {one}", f"what color is {one}", f"which colour does {one} have", f"what colour are {some}"])
        ans = say(f"[Most {some} are|A {name} is usually] {colour}.", rng)
    elif ask == 7:
        q = rng.choice([f"what can {one} do", f"what can {some} do", f"what are {some} good at", f"what is {one} able to do"])
        ans = say(f"A {name} can {can}.", rng)
    elif ask == 8:
        other = rng.choice([k for k in KIND_PLURAL if k != kind] + [kind] * 4)
        q = rng.choice([f"is {one} {a(other)}", f"are {some} {KIND_PLURAL[other]}", f"is the {name} {a(other)}"])
        ans = say(f"Yes, [a {name} is {a(kind)}|{some} are {KIND_PLURAL[kind]}].", rng) if other == kind else say(f"No, a {name} is not {a(other)}. It is {a(kind)}.", rng)
        name += other
    elif ask == 9:
        other = rng.choice([o for o in ANIMALS if abs(ANIMALS[o][7] - size) > 6])
        first, second = (name, other) if size > ANIMALS[other][7] else (other, name)
        pair = [name, other]
        rng.shuffle(pair)
        asked = rng.choice(["bigger", "larger", "smaller", "bigger", "heavier"])
        q = rng.choice([f"which is {asked}, {a(pair[0])} or {a(pair[1])}", f"what is {asked}, {a(pair[0])} or {a(pair[1])}", f"is {a(pair[0])} {asked} than {a(pair[1])}", f"who is {asked}, the {pair[0]} or the {pair[1]}"])
        big, small = say(f"A {first} is {asked if asked != 'smaller' else 'bigger'} than {a(second)}.", rng), say(f"A {second} is smaller than {a(first)}.", rng)
        ans = small if asked == "smaller" else big
        if q.startswith("is "):
            yes = (pair[0] == first) != (asked == "smaller")
            ans = ("Yes, " if yes else "No, ") + ans[:1].lower() + ans[1:]
        name = "|".join(sorted(pair))
    elif ask == 12:
        does = rng.choice(["fly", "fly", "swim"])
        if does == "swim" and name not in SWIMMERS | NOT_SWIMMERS:
            does = "fly"
        able = name in SWIMMERS if does == "swim" else (kind == "bird" and name not in CANNOT_FLY) or name in CAN_FLY
        q = rng.choice([f"can {one} {does}", f"can {some} {does}", f"is {one} able to {does}", f"do {some} {does}", f"can the {name} {does}"])
        ans = say(f"Yes, [{some}|{one}] can {does}." if able else f"No, [{some}|{one}] cannot {does}.", rng)
        name += does
    elif ask == 13:
        if kind not in ("mammal", "bird", "insect", "amphibian") and name not in ("turtle", "crocodile", "spider", "octopus", "salmon"):
            name, kind = "duck", "bird"
            one, some = "a duck", "ducks"
        q = rng.choice([f"does {one} lay eggs", f"do {some} lay eggs", f"does the {name} lay eggs"])
        ans = f"No, {some} are mammals and do not lay eggs." if kind == "mammal" else f"Yes, {some} lay eggs."
    elif ask == 10:
        q = rng.choice([f"what kind of animal is {one}", f"what type of animal is {one}", f"what sort of animal is the {name}", f"which class of animals does {one} belong to"])
        ans = say(f"[A {name} is {a(kind)}|{some} are {KIND_PLURAL[kind]}].", rng)
    else:
        q = rng.choice([f"tell me a fact about {some}", f"what is special about {one}", f"why is {one} special", f"tell me something interesting about {some}", f"a fun fact about {some}", f"say something about the {name}"])
        ans = say(f"{remark}.", rng).replace("It ", rng.choice([f"A {name} ", "It "]), 1) if remark.startswith("It ") else say(f"{remark}.", rng)
        ans = tidy(ans)
    return f"animal{ask}|{name}|{q}", question(q, rng), ans


def _opposite(rng):
    if rng.random() < 0.75:
        x, y = rng.choice(OPPOSITES)
        if rng.random() < 0.5 and (x, y) not in {("light", "heavy"), ("young", "old"), ("tall", "short"), ("find", "lose"), ("ask", "answer")}:
            x, y = y, x
        if x in ("old", "light", "short", "right", "lose", "answer"):
            y = {"old": "new or young", "light": "dark or heavy", "short": "long or tall", "right": "left or wrong", "lose": "win or find", "answer": "question"}[x]
        q = rng.choice([f"what is the opposite of {x}", f"opposite of {x}", f"what is the contrary of {x}", f"tell me the opposite of {x}", f"which word means the opposite of {x}",
                        f"what is the antonym of {x}", f"give me the opposite of {x}", f"{x} is the opposite of what", f"the opposite of {x} is"])
        return f"opposite|{x}|{q}", question(q, rng), say(f'The opposite of [{x}|"{x}"] is {y}.', rng)
    x, y = rng.choice(SYNONYMS)
    q = rng.choice([f"what is another word for {x}", f"give me a synonym for {x}", f"what is a synonym of {x}", f"which word means the same as {x}", f"how else can I say {x}", f"another word for {x}"])
    return f"synonym|{x}|{q}", question(q, rng), say(f'[Another word for {x} is {y}|You can also say {y}|A word that means much the same as {x} is {y}].', rng)


def _colour(rng):
    if rng.random() < 0.6:
        x = rng.choice(list(COLOURS))
        word = rng.choice(["colour", "color"])
        q = rng.choice([f"what {word} is {x}", f"which {word} is {x}", f"what is the {word} of {x}", f"what {word} does {x} have", f"tell me the {word} of {x}"])
        return f"colour|{x}|{q}", question(q, rng), say(f"[{x} is [usually|] {COLOURS[x]}|The colour of {x} is {COLOURS[x]}].", rng)
    if rng.random() < 0.7:
        (x, y), z = rng.choice(list(MIX.items()))
        if rng.random() < 0.5:
            x, y = y, x
        q = rng.choice([f"what do you get when you mix {x} and {y}", f"what colour do {x} and {y} make", f"what happens when I mix {x} and {y}", f"mix {x} with {y}", f"{x} and {y} make what colour",
                        f"what is {x} plus {y}", f"which colour is made of {x} and {y}"])
        return f"mix|{x}|{y}|{q}", question(q, rng), say(f"[If you mix {x} and {y}, you get {z}|{x} and {y} make {z}].", rng)
    (x, y), z = rng.choice(list(MIX.items()))
    q = rng.choice([f"how do I make {z}", f"how do you mix {z}", f"which colours make {z}", f"what colours do I need for {z}", f"how can I get {z}"])
    return f"unmix|{z}|{q}", question(q, rng), say(f"[Mix {x} and {y} to get {z}|You get {z} if you mix {x} and {y}].", rng)


def _calendar(rng):
    names, word = rng.choice([(DAYS, "day"), (MONTHS, "month")])
    i = rng.randrange(len(names))
    x, n = names[i], len(names)
    ask = rng.randrange(6)
    if ask == 0:
        y = names[(i + 1) % n]
        q = rng.choice([f"what {word} comes after {x}", f"which {word} comes after {x}", f"what comes after {x}", f"what is the {word} after {x}", f"which {word} follows {x}", f"what {word} follows {x}", f"the {word} after {x}"])
        return f"after|{x}|{q}", question(q, rng), say(f"[{y} comes after {x}|The {word} after {x} is {y}|After {x} comes {y}].", rng)
    if ask == 1:
        y = names[(i - 1) % n]
        q = rng.choice([f"what {word} comes before {x}", f"which {word} comes before {x}", f"what comes before {x}", f"what is the {word} before {x}", f"which {word} is before {x}"])
        return f"before|{x}|{q}", question(q, rng), say(f"[{y} comes before {x}|The {word} before {x} is {y}].", rng)
    if ask == 2:
        d, y = rng.choice([("tomorrow", 1), ("yesterday", -1), ("the day after tomorrow", 2)])
        x = rng.choice(DAYS)
        other = DAYS[(DAYS.index(x) + y) % 7]
        verb, today = ("was", "today is") if y < 0 else ("is", "today is")
        q = rng.choice([f"if {today} {x}, what day {verb} {d}", f"{today} {x}. what day {verb} {d}", f"when {today} {x}, which day {verb} {d}"])
        return f"{d}|{x}|{q}", typed(q, rng), say(f"If today is {x}, {d} {verb} {other}.", rng)
    i = rng.randrange(12)
    x = MONTHS[i]
    if ask == 3:
        q = rng.choice([f"how many days does {x} have", f"how many days are in {x}", f"how long is {x}", f"how many days has {x}"])
        tail = ", and 29 in a leap year" if i == 1 else ""
        return f"monthdays|{x}|{q}", question(q, rng), say(f"{x} has {MONTH_DAYS[i]} days{tail}.", rng)
    if ask == 4:
        q = rng.choice([f"which month is the {ORDINAL[i]} month of the year", f"what is the {ORDINAL[i]} month", f"which month is number {i + 1}", f"what is month number {i + 1}", f"name the {ORDINAL[i]} month of the year"])
        return f"nth|{x}|{q}", question(q, rng), say(f"[The {ORDINAL[i]} month of the year is {x}|{x} is the {ORDINAL[i]} month].", rng)
    q = rng.choice([f"in which season is {x}", f"what season is {x}", f"which season is {x} in", f"is {x} in summer", f"is {x} in winter", f"what season is it in {x}"])
    s = SEASON[i]
    ans = f"In the northern half of the world {x} is in {s}."
    if q.startswith("is "):
        ans = ("Yes, in" if q.endswith(s) else "No, in") + ans[2:]
    return f"season|{x}|{q}", question(q, rng), ans


def _geography(rng):
    ask = rng.randrange(4)
    if ask < 3:
        land, city, part = rng.choice(CAPITALS)
        if ask == 0:
            q = rng.choice([f"what is the capital of {land}", f"capital of {land}", f"which city is the capital of {land}", f"tell me the capital of {land}", f"what is the capital city of {land}", f"name the capital of {land}"])
            return f"capital|{land}|{q}", question(q, rng), say(f"[The capital of {land} is {city}|{city} is the capital of {land}].", rng)
        if ask == 1:
            q = rng.choice([f"where is {land}", f"on which continent is {land}", f"which continent is {land} in", f"where does {land} lie", f"what continent is {land} on"])
            return f"where|{land}|{q}", question(q, rng), say(f"[{land} is|{land} lies|{land} is a country] in {part}.", rng)
        q = rng.choice([f"where is {city}", f"in which country is {city}", f"which country is {city} in", f"what country does {city} belong to", f"{city} is the capital of which country", f"what is {city}"])
        return f"city|{city}|{q}", question(q, rng), say(f"{city} is the capital of {land}[|, in {part}].", rng)
    i = rng.randrange(8)
    p = PLANETS[i]
    if rng.random() < 0.5:
        q = rng.choice([f"which planet is the {ORDINAL[i]} from the sun", f"what is the {ORDINAL[i]} planet", f"which is the {ORDINAL[i]} planet from the sun", f"name the {ORDINAL[i]} planet"])
        return f"planet|{p}|{q}", question(q, rng), say(f"[The {ORDINAL[i]} planet from the sun is {p}|{p} is the {ORDINAL[i]} planet from the sun].", rng)
    q = rng.choice([f"what is {p}", f"tell me about {p}", f"is {p} a planet", f"where is {p}"])
    ans = f"{p} is the {ORDINAL[i]} planet from the sun."
    return f"planet?|{p}|{q}", question(q, rng), ("Yes, " + ans if q.startswith("is ") else ans)


def _use(rng):
    if rng.random() < 0.5:
        x = rng.choice(list(JOBS))
        q = rng.choice([f"what does {a(x)} do", f"what is the job of {a(x)}", f"what is {a(x)}", f"what do {x}s do", f"what is the work of {a(x)}", f"tell me what {a(x)} does", f"what does {a(x)} do all day"])
        return f"job|{x}|{q}", question(q, rng), say(f"[A {x} {JOBS[x]}|A {x} is a person who {JOBS[x]}].", rng)
    x = rng.choice(list(TOOLS))
    they = x in ("scissors", "glasses")
    do, be = ("do", "are") if they else ("does", "is")
    if rng.random() < 0.25:
        q = rng.choice([f"what do I need to {TOOLS[x]}", f"what can I use to {TOOLS[x]}", f"which thing do you use to {TOOLS[x]}", f"how can I {TOOLS[x]}"])
        return f"need|{x}|{q}", question(q, rng), say(f"[You can use|You need|Use] {x} to {TOOLS[x]}.", rng)
    q = rng.choice([f"what {be} {x} used for", f"what {be} {x} for", f"what do you do with {x}", f"what {be} {x}", f"why do people use {x}", f"what can I do with {x}", f"what {be} {x} good for", f"what {do} people use {x} for".replace("does people", "do people")])
    return f"tool|{x}|{q}", question(q, rng), say(f"[You use {x} to {TOOLS[x]}|{x} [{be}|{be}] used to {TOOLS[x]}|People use {x} to {TOOLS[x]}].", rng)


def _food(rng):
    x = rng.choice(list(FOODS))
    kind, taste, grows = FOODS[x]
    ask = rng.randrange(4)
    one = a(x)
    if ask == 0:
        other = rng.choice(["fruit", "vegetable"])
        q = rng.choice([f"is {one} a fruit or a vegetable", f"is {one} a {other}", f"is the {x} a {other}", f"what is {one}, a fruit or a vegetable"])
        ans = f"{tidy(one)} is a {kind}."
        if "or a" not in q:
            ans = f"Yes, {one} is a {kind}." if other == kind else f"No, {one} is not a {other}. It is a {kind}."
        return f"fruit|{x}|{q}", question(q, rng), ans
    if ask == 1:
        q = rng.choice([f"how does {one} taste", f"what does {one} taste like", f"what is the taste of {one}", f"is {one} sweet"])
        if q.startswith("is"):
            return f"taste|{x}|{q}", question(q, rng), f"Yes, {one} tastes {taste}." if "sweet" in taste else f"No, {one} tastes {taste}."
        return f"taste|{x}|{q}", question(q, rng), tidy(f"{one} tastes {taste}.")
    if ask == 2:
        q = rng.choice([f"where does {one} grow", f"where do {x}s grow".replace("ys ", "ies ").replace("hs ", "hes ").replace("os ", "oes "), f"how does {one} grow", f"where does {one} come from"])
        return f"grow|{x}|{q}", question(q, rng), tidy(f"{one} grows {grows}.")
    q = rng.choice([f"what is {one}", f"tell me about the {x}", f"describe {one}"])
    return f"food|{x}|{q}", question(q, rng), tidy(f"{one} is a {kind} that grows {grows}. It tastes {taste}.")


def _difference(rng):
    x, y = rng.sample(list(ANIMALS), 2)
    q = rng.choice([f"what is the difference between {a(x)} and {a(y)}", f"compare {many(x)} and {many(y)}", f"what is different between {many(x)} and {many(y)}", f"how is {a(x)} different from {a(y)}"])
    said = [f"{tidy(a(n))} is {a(ANIMALS[n][0])} that lives {ANIMALS[n][2]} and eats {ANIMALS[n][3]}." for n in (x, y)]
    return f"difference|{x}|{y}", question(q, rng), " ".join(said)


def _list(rng):
    cat = rng.choice(list(CATEGORIES))
    n = rng.choice([2, 3, 3, 3, 4, 5])
    words = rng.sample(CATEGORIES[cat], n)
    count = rng.choice([NUMBER[n], str(n)])
    q = rng.choice([f"name {count} {cat}", f"list {count} {cat}", f"tell me {count} {cat}", f"give me {count} {cat}", f"write down {count} {cat}", f"say {count} {cat}"])
    ans = say(f"[{NUMBER[n]} {cat} are {listing(words)}|Here are {NUMBER[n]} {cat}: {listing(words)}|{listing(words)}].", rng)
    return f"list|{cat}|{q}", request(q, rng), ans


def _spell(rng):
    w = rng.choice(SPELL)
    if rng.random() < 0.6:
        q = rng.choice([f"how do you spell {w}", f"spell {w}", f"how is {w} spelled", f"spell the word {w}", f"how do I write {w}", f"can you spell {w}"])
        return f"spell|{w}|{q}", typed(q, rng), f"{w[0].upper() + w[1:]} is spelled {'-'.join(w)}."
    q = rng.choice([f"how many letters are in {w}", f"how many letters does {w} have", f"how many letters does the word {w} have", f"count the letters in {w}"])
    return f"letters|{w}|{q}", typed(q, rng), f"The word {w} has {len(w)} letters: {'-'.join(w)}."


TABLES = [(_animal, 9), (_opposite, 4), (_colour, 3), (_calendar, 4), (_geography, 4), (_use, 5), (_food, 3), (_list, 3), (_difference, 1.5), (_spell, 1.5)]


def fact(rng: random.Random) -> tuple[str, str, str]:
    """(key, question, answer) from one of the tables."""
    return rng.choices([t for t, _ in TABLES], [w for _, w in TABLES])[0](rng)


def animal(rng: random.Random) -> tuple[str, str, str]:
    return _animal(rng)
