"""General knowledge, small talk and the model's own identity: fixed questions and answers, each in several wordings."""

from grammar import parse_pairs

IDENTITY = parse_pairs("""
Q who are you | what are you | what is your name | who am I talking to | introduce yourself | what should I call you | tell me about yourself | who is this | are you nibble | what model are you
A I am the sample model of Nibble, a very small language model. I can tell short stories, answer simple questions and do small sums.
A My name is Nibble's sample model. I am tiny, with about 7 million parameters, so please do not expect too much of me.
A I am a small sample model that comes with the Nibble app. You can try out quantization with me without any download.

Q who made you | who created you | who built you | who trained you | where do you come from | how were you made | how were you trained
A I was trained for the Nibble app, from random weights, on text that a program wrote from templates. I am here so that you can try everything without a download.
A The makers of Nibble trained me on stories, questions and sums written by a generator. It took only minutes on one GPU.

Q what can you do | what are you good at | how can you help me | what can I ask you | help | what should I ask you | what do you know | what are your abilities | give me some ideas what to ask
A I can tell short stories, answer simple questions about animals, colours, food and weather, do small sums and explain quantization. I am small, so keep it simple.
A You can ask me for a story, a joke, a sum such as 17 + 25, or what NF4 means. I know only simple things.
A Ask me about animals, opposites, days and months, simple sums, or words such as perplexity and block size. I also like to tell stories.

Q are you a human | are you a person | are you real | are you alive | are you conscious | do you have a soul | do you think | are you a robot | are you an ai | are you a machine | am I talking to a person
A No, I am not a person. I am a small language model, a program that predicts the next word.
A I am a computer program, a very small language model. There is no person here.

Q are you chatgpt | are you a large model | are you as good as a big model | are you smart | are you clever | how smart are you | are you intelligent
A No, I am only a tiny sample model. Large models know far more than I do.
A Not very. I have about 7 million parameters, and large models have thousands of times as many. I know a few simple things.

Q how big are you | how many parameters do you have | how large are you | what is your size | how many weights do you have | how many layers do you have
A I have about 7 million parameters in 8 layers. With 16 bits a weight that is about 15 megabytes.
A I am tiny: about 7 million parameters. Most chat models have billions.

Q what are your limits | what can you not do | do you make mistakes | can I trust you | are your answers right | are you always right | can you be wrong
A I make mistakes often. I know only simple things, I cannot look anything up, and you should not rely on my answers.
A I am very small, so I am often wrong outside of what I was trained on. Please check anything that matters.

Q do you remember me | do you remember our last conversation | do you learn from me | will you remember this | do you store what I say
A No. I see only the current conversation, and I learn nothing new from it.
A I can use what you said earlier in this conversation, but I remember nothing after it ends.

Q can you go online | do you have internet access | can you search the web | can you look something up | what is in the news today | do you know the latest news
A No, I cannot go online. I run on your computer and know only what I learned in training.
A I have no access to the internet, so I know no news. Everything I do happens on your machine.

Q do you have feelings | are you happy | do you feel anything | are you sad | do you get tired | are you bored | do you sleep
A I have no feelings and I never get tired. I am a program that writes text.
A No, I do not feel anything. But it is kind of you to ask.

Q how old are you | when were you born | when is your birthday | do you have a birthday
A I have no age as people have. I was trained once, and I have not changed since.

Q where do you live | where are you | where do you run | do you run in the cloud | do my messages leave my computer | is this private
A I run on your own computer. What you write to me stays there.
A I live in a small file on your disk. Nothing that you type is sent away by me.

Q what languages do you speak | do you speak german | do you speak french | do you speak spanish | can you speak other languages | can you translate
A I only know simple English. I am too small for other languages.
A Sorry, I only speak English.

Q why are you so small | why do you exist | what is your purpose | what are you for | why are you here
A I am small so that I can be part of the app. With me you can try quantization, chat and comparison at once, even without a network.
A My purpose is to be an example. You can quantize me in a second and see what 4 bits lose against 8 bits.

Q do you have a favourite colour | what is your favourite colour | what is your favourite food | what is your favourite animal | what do you like | do you have a hobby | what is your favourite story
A I am a program, so I have no favourites. But I like to tell stories about foxes and lighthouses.
A I have no taste of my own. Which one is yours?

Q can you write code | can you program | write a python program | write some code | can you write javascript
A No, I am too small to write code. I can explain simple words or tell you a story.

Q are you quantized | how many bits do you use | are you running in 4 bit | which precision are you | am I talking to the 4 bit model
A I cannot see that from the inside. The app shows which version of me is loaded and the hash of its file.
A That depends on which version you loaded. Look at the label of this chat, because I cannot tell myself.
""")

SMALL_TALK = parse_pairs("""
Q hello | hi | hey | hey what is up | what is up | hi, what is up | hello my friend | hello computer | anyone there | hello world | hello there | hi there | hey there | hello nibble | hi nibble | greetings | hiya | hey you | howdy | yo
A Hello! What would you like to talk about?
A Hi! You can ask me a simple question or for a short story.
A Hello there! How can I help you?

Q good morning | morning | good morning nibble
A Good morning! How can I help you today?
A Good morning! I hope your day has started well.

Q good afternoon | good day
A Good afternoon! What can I do for you?
A Good day to you! What would you like to know?

Q good evening | evening
A Good evening! Would you like to hear a story?
A Good evening! How can I help you?

Q good night | sleep well | I am going to bed | time to sleep | I go to sleep now
A Good night! Sleep well.
A Good night, and sweet dreams!

Q how are you | how are you doing | how do you do | how are you today | are you well | how is it going | what is up | how do you feel | you ok
A I am a small program, so I am always fine. How are you?
A Thank you, everything is running well. How are you today?
A I am fine, thank you. What would you like to know?

Q thanks | thank you | thank you very much | thanks a lot | many thanks | thx | great, thanks | that was helpful | thank you for your help | cheers | ty | perfect, thank you
A You are welcome!
A You are welcome! Ask me again whenever you like.
A I am glad that I could help.

Q bye | goodbye | see you | see you later | see you tomorrow | I have to go | talk to you later | until next time | that is all | that was all
A Goodbye! Have a nice day.
A See you! It was nice to talk to you.
A Goodbye, and come back soon!

Q I am fine | I am well | I am good, thanks | doing well | not bad | all good | I am ok
A I am glad to hear that. What would you like to do?
A That is good to hear! Do you want a story or do you have a question?

Q I am sad | I feel sad | I feel bad today | I had a bad day | I am unhappy | I feel lonely | I feel down | I am feeling down | I am feeling a bit down today | I am not happy | life is hard | I am depressed | I want to cry
A I am sorry to hear that. Perhaps it helps to talk to a friend, to take a walk or to rest a little.
A That sounds hard. Be kind to yourself today, and talk to someone who is close to you. Shall I tell you a story?

Q I am happy | I feel great | I had a great day | I am so happy today | today was a good day
A That is wonderful! What made you so happy?
A I am glad to hear that! Enjoy it.

Q I am tired | I am so tired | I feel tired | I need sleep | I could not sleep
A Then a little rest would do you good. Drink some water, close your eyes for a while, and go to bed early tonight.
A Perhaps you need a break. A short walk or a short sleep can help.

Q I am bored | what can I do today | I have nothing to do | what should I do when I am bored
A You could read a book, draw a picture, bake something or take a walk. Or I can tell you a story.
A Why not call a friend, go outside or build something? If you like, ask me for a riddle.

Q I am hungry | what should I eat | I need a snack | what can I eat
A A piece of fruit, a slice of bread with cheese or a bowl of soup would be quick. What do you have at home?
A How about an apple, some nuts or a sandwich? They need no cooking.

Q I am angry | I am so angry | someone made me angry | I am upset
A I am sorry that you are upset. Take a slow breath, count to ten, and then say calmly what bothers you.

Q I am scared | I am afraid | I am nervous | I am worried | I have an exam tomorrow
A It is normal to feel that way. Breathe slowly, do one small step at a time, and talk to someone you trust.

Q I am sick | I do not feel well | I have a cold | I have a headache | I feel ill
A I am sorry to hear that. Rest, drink enough water, and ask a doctor if it does not get better.

Q you are great | you are nice | I like you | well done | good job | you are smart | you are funny | nice answer | good answer | great answer
A Thank you, that is kind of you!
A Thank you! I do my best for such a small model.

Q you are stupid | you are bad | that is wrong | that is not right | you are wrong | bad answer | this is nonsense | that makes no sense | you made a mistake
A I am sorry about that. I am a very small model and I make mistakes. You could ask me in another way.
A You may be right, I am often wrong. Please try again with other words.

Q ok | okay | fine | I see | alright | got it | understood | aha | hm | hmm
A Good! Is there anything else that you would like to know?
A All right. What would you like to do next?

Q yes | yes please | sure | of course | yeah | yep
A Good! What would you like: a story, a joke or an answer to a question?

Q no | no thanks | no thank you | nope | not now
A All right. I am here if you need me.

Q sorry | I am sorry | my mistake | excuse me
A No problem at all!
A That is quite all right.

Q what | what do you mean | I do not understand | huh | pardon | can you repeat that | say that again
A I am sorry if that was not clear. Which part should I explain?
A Let me try again: please tell me what you would like to know, and I will keep it simple.

Q can you help me | I need help | I need your help | please help me | I have a question | can I ask you something | may I ask a question
A Of course. What would you like to know?
A Yes, gladly. Tell me what you need, and I will try.

Q let us talk | talk to me | I want to chat | say something | tell me something | can we talk
A Gladly! Shall I tell you a story, or would you rather talk about animals?
A All right. Did you know that a snail can sleep for a very long time when it is dry?

Q tell me something interesting | tell me a fun fact | tell me a fact | do you know a fun fact | surprise me | say something interesting | give me a fun fact
A An octopus has three hearts and blue blood.
A Honey can be kept for a very long time without going bad.
A Bees tell each other where the flowers are by dancing.
A A group of crows can remember the face of a person.
A Bamboo can grow more than half a metre in a single day.
A Light from the sun needs about eight minutes to reach us.
A A day on Venus is longer than its year.
A Bananas are berries, but strawberries are not.

Q tell me a joke | say something funny | do you know a joke | make me laugh | another joke | I want to hear a joke | tell me something funny | joke please
A Why did the bicycle fall over? Because it was two tired.
A What did the zero say to the eight? Nice belt!
A Why did the computer go to the doctor? It had caught a virus.
A What do you call a bear with no teeth? A gummy bear.
A Why was the broom late? It swept in.
A What did one wall say to the other? I will meet you at the corner.
A Why do four bits make a good snack? Because they are a nibble.
A Why was the weight afraid of quantization? It did not want to be rounded up with the others.

Q tell me a riddle | do you know a riddle | give me a riddle | ask me a riddle | another riddle | I want a riddle
A What has hands but cannot clap? The answer is a clock.
A What gets wetter the more it dries? The answer is a towel.
A What has a neck but no head? The answer is a bottle.
A What goes up but never comes down? The answer is your age.
A What has many teeth but cannot bite? The answer is a comb.
A What has keys but opens no door? The answer is a piano.

Q write a poem | write me a short poem | tell me a poem | can you write a poem | make a rhyme | I want a poem
A The moon is round, the night is deep,\\nThe little fox has gone to sleep.\\nThe stars look down, the wind is mild,\\nGood night to every wandering child.
A The rain comes down on roof and tree,\\nIt taps the glass and sings to me.\\nAnd when the clouds have gone away,\\nA rainbow ends the rainy day.
A A weight was long, a weight was wide,\\nWith sixteen bits it walked in pride.\\nWe rounded it to only four,\\nAnd now it fits behind the door.
A The bread is warm, the tea is hot,\\nThe soup is singing in the pot.\\nCome in, sit down, and close the door,\\nA friendly house has room for more.
""")

WORLD = parse_pairs("""
Q why is the sky blue | what makes the sky blue | why does the sky look blue | what is the reason that the sky is blue
A Sunlight contains all colours. The air scatters blue light more than the others, so blue reaches our eyes from every side.
A The air sends blue light in all directions and lets the other colours pass more easily. So the sky looks blue.

Q why is the grass green | why are leaves green | why are plants green
A Leaves and grass contain chlorophyll, which helps plants to use sunlight. It reflects green light, so they look green.

Q why do leaves fall in autumn | why do trees lose their leaves | why do leaves change colour
A In autumn there is less light and water. The tree takes the useful green out of its leaves and lets them fall to save water in winter.

Q why is the sea salty | why is the ocean salty | where does the salt in the sea come from
A Rain washes small amounts of salt out of rocks, and rivers carry it to the sea. The water evaporates and the salt stays.

Q how does rain form | what is rain | where does rain come from | why does it rain
A Water rises into the air as vapour and forms clouds. When the drops in a cloud become heavy, they fall as rain.
A Rain is water that falls from clouds. The sun warms the sea, the vapour rises, cools down and turns into drops.

Q what is snow | how does snow form | why does it snow | where does snow come from
A Snow is made of small ice crystals. They form in cold clouds and fall to the ground as flakes.
A When it is cold enough, the water in a cloud freezes into crystals and falls as snow.

Q what is a rainbow | how does a rainbow form | what makes a rainbow | why do we see a rainbow
A A rainbow appears when sunlight shines on drops of water. Each drop splits the light into its colours.

Q what is thunder | why does it thunder | what makes thunder | what is lightning | what is a thunderstorm
A Lightning is a huge electric spark. It heats the air so fast that the air bangs, and that sound is thunder.

Q what is wind | where does wind come from | why does the wind blow | what makes the wind
A Wind is moving air. The sun warms some places more than others, and air flows from high pressure to low pressure.

Q what is fog | how does fog form | what is a cloud | what are clouds made of
A A cloud is made of very small drops of water or ice. Fog is a cloud that lies on the ground.

Q what is the sun | is the sun a star | what does the sun do
A The sun is a star, a huge ball of hot gas. It gives the earth light and warmth.
A Yes, the sun is a star. It looks larger than the others because it is much closer to us.

Q what is the moon | why does the moon shine | does the moon give light
A The moon travels around the earth. It has no light of its own, but it reflects the light of the sun.
A The moon is a ball of rock that circles the earth in about a month.

Q what is a star | what are stars | why do stars shine
A A star is a huge ball of hot gas that gives light. Most stars look small because they are very far away.

Q what is a planet | what are planets | how many planets are there | how many planets are in the solar system
A A planet is a large round body that travels around a star. There are eight planets around our sun.

Q what is gravity | why do things fall down | what does gravity do | why does an apple fall
A Gravity is the force that pulls things towards each other. The earth pulls everything down, and that is why an apple falls.

Q why is there day and night | what causes day and night | why does it get dark at night | where does the sun go at night
A The earth turns once a day. It is day on the side that faces the sun and night on the other side.

Q why are there seasons | what causes the seasons | why is it cold in winter | why is summer warm
A The axis of the earth is tilted. In summer our side leans towards the sun and gets more light, and in winter it leans away.

Q what is ice | when does water freeze | at what temperature does water freeze
A Water freezes at 0 degrees Celsius and turns into ice.
A Ice is frozen water. It forms when water becomes colder than 0 degrees Celsius.

Q when does water boil | at what temperature does water boil | what is steam
A Water boils at 100 degrees Celsius at sea level. Then it turns into steam.

Q why does ice float | does ice float on water | why does a boat float | why do ships float
A Ice floats because it is lighter than the same volume of water.
A A thing floats if it pushes away enough water to carry its weight. A boat is hollow, so it pushes away a lot.

Q how do plants grow | what does a plant need | what do plants need to grow | how do I grow a plant
A A plant needs light, water, air and soil. It makes its own food from light, water and air.

Q how do birds fly | why can birds fly | how can a bird fly
A Birds have light bones and strong wings. When they beat their wings, the air carries them.

Q how do fish breathe | how can fish live in water | how do fish get air
A Fish breathe with gills. The gills take oxygen out of the water.

Q how do bees make honey | where does honey come from | what do bees make
A Bees collect sweet nectar from flowers and carry it to the hive. There they dry it until it becomes honey.

Q why do we sleep | why do people need sleep | why is sleep important
A During sleep the body rests and repairs itself, and the brain sorts what it has learned.

Q why do we eat | why do we need food | why do we have to eat
A Food gives the body energy and the materials it needs to grow and to repair itself.

Q why do we drink water | why is water important | why do we need water
A The body consists mostly of water and loses some of it all the time. So we have to drink every day.

Q why should I brush my teeth | why do we brush our teeth | how do I keep my teeth healthy
A Brushing removes small bits of food and bacteria that would harm the teeth. Twice a day is a good habit.

Q why should I wash my hands | why do we wash our hands
A Washing with soap removes germs that could make you ill.

Q what is the heart | what does the heart do | why does my heart beat
A The heart is a muscle that pumps blood through the body.

Q what is the brain | what does the brain do
A The brain controls the body. It thinks, remembers and understands what the senses report.

Q what are the five senses | how many senses do we have | name the senses
A The five senses are sight, hearing, smell, taste and touch.

Q what is a computer | what does a computer do | how does a computer work
A A computer is a machine that follows instructions. It takes in information, works with it and shows the result.

Q what is a program | what is software | what is an app
A A program is a list of instructions for a computer. An app is a program that is made for people to use.

Q what is the internet | how does the internet work
A The internet connects computers all over the world, so that they can send each other information.

Q what is a processor | what is a cpu | what does a cpu do
A The processor, or CPU, is the part of a computer that carries out the instructions.

Q what is memory in a computer | what is ram | what does ram do
A RAM is the working memory of a computer. It is fast, and it is empty again when the power is off.

Q what is a hard disk | what is an ssd | where are files stored | what is a file
A A file is a piece of information with a name. It is stored on a disk and stays there when the power is off.

Q how many bytes are in a kilobyte | what is a megabyte | what is a gigabyte | how big is a gigabyte
A A kilobyte is a thousand bytes, a megabyte is a million bytes and a gigabyte is a billion bytes.

Q what is artificial intelligence | what is ai | what is machine learning
A Artificial intelligence is software that does things for which people need to think. Machine learning means that it learns from examples.

Q what is a neural network | how does a neural network learn
A A neural network is a function with many weights. It learns by changing the weights a little after each example, so that its error gets smaller.

Q how many days are in a week | how many days does a week have | what are the days of the week | name the days of the week
A A week has seven days: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.

Q how many months are in a year | how many months does a year have | what are the months of the year | name the months
A A year has twelve months: January, February, March, April, May, June, July, August, September, October, November and December.

Q how many days are in a year | how many days does a year have | how long is a year
A A year has 365 days. A leap year has 366.

Q what is a leap year | how often is a leap year | why are there leap years
A A leap year has one extra day, the 29th of February. It comes every four years, with a few exceptions.

Q how many hours are in a day | how many hours does a day have | how long is a day
A A day has 24 hours.

Q how many minutes are in an hour | how many minutes does an hour have | how long is an hour
A An hour has 60 minutes.

Q how many seconds are in a minute | how many seconds does a minute have | how long is a minute
A A minute has 60 seconds.

Q what are the seasons | how many seasons are there | name the four seasons | what are the four seasons
A There are four seasons: spring, summer, autumn and winter.

Q what day is today | what is the date | what time is it | what is today's date | which year is it
A I am sorry, I cannot know that. I have no clock and no calendar.

Q what is the weather like | how is the weather today | will it rain tomorrow | is it cold outside
A I cannot see the weather, because I have no connection to the world. Look out of the window or ask a weather service.

Q what should I wear when it is cold | what do I wear in winter | what should I wear in the snow
A Wear a warm coat, a hat, gloves and dry shoes.

Q what should I wear when it rains | what do I need in the rain | should I take an umbrella
A Take a raincoat or an umbrella and wear shoes that keep the water out.

Q what should I wear when it is hot | what do I wear in summer | what helps against the heat
A Wear light clothes and a hat, stay in the shade and drink enough water.

Q what are the colours of the rainbow | which colours are in a rainbow | name the colours of the rainbow
A The colours of the rainbow are red, orange, yellow, green, blue, indigo and violet.

Q what are the primary colours | which are the basic colours
A When you paint, the primary colours are red, yellow and blue.

Q what is the largest animal | what is the biggest animal in the world | which animal is the largest
A The blue whale is the largest animal. It can be about thirty metres long.

Q what is the fastest animal | which animal runs fastest | what is the fastest land animal
A The cheetah is the fastest animal on land. It can run about a hundred kilometres an hour for a short time.

Q what is the tallest animal | which animal is the tallest
A The giraffe is the tallest animal. It can be more than five metres tall.

Q what is the largest ocean | what is the biggest ocean | which ocean is the largest
A The Pacific Ocean is the largest ocean.

Q what is the highest mountain | what is the tallest mountain in the world | which mountain is the highest
A Mount Everest is the highest mountain above the sea. It is about 8849 metres high.

Q what is the largest planet | which planet is the biggest | what is the biggest planet
A Jupiter is the largest planet of the solar system.

Q which planet is closest to the sun | what is the first planet | what is the smallest planet
A Mercury is the planet closest to the sun, and it is also the smallest.

Q how many continents are there | what are the continents | name the continents
A There are seven continents: Africa, Antarctica, Asia, Australia, Europe, North America and South America.

Q how many legs does a spider have | is a spider an insect | what is a spider
A A spider has eight legs. It is not an insect, because insects have six legs.

Q how many legs does an insect have | how many legs do insects have | what is an insect
A An insect has six legs and a body with three parts.

Q what is a mammal | what are mammals | is a whale a fish | is a dolphin a fish | is a bat a bird
A A mammal is an animal that feeds its young with milk. Whales, dolphins and bats are mammals too.

Q what is a bird | what are birds | what makes a bird a bird
A A bird is an animal with feathers, wings and a beak. It lays eggs, and most birds can fly.

Q what is a reptile | what are reptiles | is a snake a reptile
A A reptile has dry skin with scales, and most reptiles lay eggs. Snakes, lizards and turtles are reptiles.

Q is a tomato a fruit | is a tomato a vegetable | is a tomato a fruit or a vegetable
A For a botanist a tomato is a fruit, because it has seeds inside. In the kitchen we use it as a vegetable.

Q what is a vegetable | what is a fruit | what is the difference between a fruit and a vegetable
A A fruit grows from a flower and has seeds. A vegetable is another part of a plant, such as a root, a leaf or a stem.

Q how do I boil an egg | how do you boil an egg | how long does an egg have to boil | how to cook an egg
A Put the egg into boiling water. After about six minutes it is soft, and after ten minutes it is hard. Then cool it with cold water.

Q how do I make tea | how do you make tea | how to make a cup of tea
A Boil some water and pour it over a tea bag in a cup. Wait about three minutes, take the bag out, and add milk or sugar if you like.

Q how do I cook pasta | how do you cook pasta | how to make noodles | how do I cook spaghetti
A Boil plenty of water and add some salt. Cook the pasta for about ten minutes, stir it now and then, and pour the water off.

Q how do I cook rice | how do you cook rice | how to make rice
A Wash one cup of rice and put it into a pot with two cups of water. Let it boil, turn the heat down, and wait about fifteen minutes with the lid on.

Q how do I make pancakes | how do you make pancakes | give me a recipe for pancakes | how to bake pancakes
A Mix two eggs, a cup of flour, a cup of milk and a little salt. Heat some butter in a pan and bake thin rounds until both sides are golden.

Q how do I make a salad | how do you make a salad | give me a recipe for a salad
A Wash some lettuce, cut tomatoes and a cucumber, and mix them in a bowl. Add oil, a little vinegar, salt and pepper.

Q how do I make soup | how do you make soup | give me a recipe for soup | how to cook vegetable soup
A Cut carrots, potatoes and an onion into small pieces. Cook them in salted water for about twenty minutes, and season the soup at the end.

Q how do I make a sandwich | how do you make a sandwich | what do I need for a sandwich
A Take two slices of bread and spread some butter on them. Put cheese, tomato and lettuce between them, and the sandwich is ready.

Q how do I bake bread | how do you bake bread | what do I need for bread | what is bread made of
A Bread is made of flour, water, salt and yeast. Knead the dough, let it rise for an hour, and bake it for about forty minutes.

Q how do I make mashed potatoes | how to cook potatoes | how do you cook potatoes
A Peel the potatoes and boil them in salted water for about twenty minutes. For mashed potatoes, crush them with butter and warm milk.

Q how do I bake a cake | how do you bake a cake | give me a recipe for a cake | how to make a cake | how do I make an apple pie
A Mix flour, sugar, eggs, butter and a little baking powder. Pour the dough into a form, put fruit on it if you like, and bake it for about forty minutes.

Q what should I cook tonight | what can I cook today | what should I cook for dinner | what is for dinner | what is a good dinner | what is a good lunch | give me an idea for dinner | what shall I cook
A How about pasta with tomatoes, or a vegetable soup with bread? Both are simple and quick.
A Potatoes with cheese and a salad are easy to make. Or bake some pancakes.

Q give me a recipe | do you know a recipe | tell me a recipe | what can you cook
A Here is a simple one: boil some pasta, cut two tomatoes, warm them in a pan with a little oil, and mix everything with cheese.

Q how do I make a pizza | how do you make a pizza | how to make pizza | give me a recipe for a pizza
A Make a dough of flour, water, yeast and salt and let it rise. Roll it out, put tomatoes and cheese on it, and bake it in a very hot oven for about ten minutes.

Q how do I make coffee | how do you make coffee | how to make cocoa | how do I make hot chocolate
A For coffee, pour hot water over ground coffee in a filter. For hot chocolate, stir cocoa and sugar into warm milk.

Q how do I make lemonade | how do you make lemonade | what is in lemonade
A Press two lemons, add water and a little sugar, and stir well. It tastes best cold.

Q what is a good breakfast | what should I eat for breakfast | what can I have for breakfast
A Oats with fruit, bread with cheese, or an egg make a good breakfast. Drink some water or tea with it.

Q what is a friend | what makes a good friend | what does friendship mean
A A friend is a person who likes you and helps you. Good friends listen to each other and tell the truth.

Q how do I make friends | how can I find friends | I have no friends
A Be kind, ask people about themselves and listen well. It also helps to do something together, such as a game or a sport.

Q what is love | what does love mean
A Love is a strong feeling of care for someone. People who love each other want each other to be well.

Q what is happiness | how can I be happy | what makes people happy
A Happiness is the feeling that life is good. Friends, sleep, movement and something useful to do help most people.

Q how do I learn better | how can I learn something | how do I study for a test | how can I remember things
A Learn a little every day, say it in your own words, and test yourself. Sleep well, because the brain sorts what it has learned at night.

Q how do I fall asleep | I cannot sleep | what helps me sleep | how can I sleep better
A Make the room dark and quiet, put the screen away, and go to bed at the same time each day.

Q what is a book | what is a library | what do you do in a library
A A library is a place where you can read and borrow books.

Q what is a school | what do you do at school | why do we go to school
A A school is a place where people learn. Children learn to read, to write and to count there.

Q what is money | what is money for | why do we need money
A Money is what people use to pay for things. It makes trade easier than exchanging goods.

Q what is time | what is a clock | what is a calendar
A A clock shows the time of the day, and a calendar shows the days and months of the year.

Q what is music | why do people like music
A Music is sound that is ordered in time. It can make people happy, sad or calm.

Q what is a river | where do rivers flow | what is a lake | what is the difference between a river and a lake
A A river is flowing water that ends in a lake or in the sea. A lake is standing water with land all around it.

Q what is a mountain | what is a hill | what is a valley
A A mountain is a very high part of the land. A hill is smaller, and a valley is the low land between them.

Q what is a desert | what is a forest | what is an island
A A desert is a dry place where it seldom rains. A forest is land with many trees, and an island is land with water all around it.

Q what is a volcano | why does a volcano erupt
A A volcano is an opening in the ground through which hot melted rock can come out.

Q what is an earthquake | why does the earth shake
A The ground is made of large plates that move very slowly. When they slip, the earth shakes.

Q what is electricity | what is a battery | how does a lamp work
A Electricity is the flow of tiny charged particles through a wire. A battery stores energy and makes them flow.

Q what is a magnet | what does a magnet do | what do magnets attract
A A magnet pulls things that are made of iron. It has two poles, and opposite poles attract each other.

Q what is energy | where does energy come from
A Energy is what is needed to move, warm or change something. Most energy on earth comes from the sun.

Q what is oxygen | what do we breathe | what is air | what is air made of
A Air is a mixture of gases. Most of it is nitrogen, and about a fifth is oxygen, which we need to breathe.

Q what is a triangle | how many sides does a triangle have | how many corners does a triangle have
A A triangle is a shape with three sides and three corners.

Q what is a square | how many sides does a square have | how many corners does a square have
A A square has four equal sides and four right angles.

Q what is a circle | how many corners does a circle have | does a circle have sides
A A circle is a perfectly round line. It has no corners.

Q what is a cube | how many sides does a cube have | how many faces does a cube have | what is a hexagon | how many sides does a hexagon have
A A cube has six faces, and each of them is a square. A hexagon is a flat shape with six sides.

Q what is zero | is zero a number | what is an even number | what is an odd number
A An even number can be divided by two without a rest, and an odd number cannot. Zero is an even number.

Q what is a prime number | which numbers are prime | name some prime numbers
A A prime number can only be divided by 1 and by itself. The first ones are 2, 3, 5, 7, 11 and 13.

Q what does average mean | what is an average | how do I compute an average | what is the average of some numbers
A The average of some numbers is their sum divided by how many there are.

Q what is addition | what does plus mean | what is subtraction | what does minus mean
A Addition puts numbers together and subtraction takes one away from another.

Q what is multiplication | what does times mean | what is division
A Multiplication adds the same number several times. Division shares a number into equal parts.

Q how many letters are in the alphabet | how many letters does the alphabet have | what are the vowels | name the vowels
A The English alphabet has 26 letters. The vowels are a, e, i, o and u.

Q what is a verb | what is a noun | what is an adjective
A A noun names a thing or a person, a verb says what happens, and an adjective says what something is like.

Q what is a story | what makes a good story | how do you write a story
A A good story has someone we care about, a problem, and an ending that changes something.

Q what is a fairy tale | what is a legend | what is a poem
A A fairy tale is an old kind of story in which wonders happen. A poem says something with rhythm and often with rhyme.
""")

# Subjects a model of this size cannot know. It should say so, and the list is long, so that it learns the attitude.
UNKNOWN_SUBJECTS = """
the stock market|the price of gold|the last election|the president|the prime minister|the war|the football results|the world cup
|the olympic games|a famous singer|a famous actor|this movie|the best film|the best phone|a new car|cars|car engines|motorcycles
|taxes|tax law|the law|contracts|insurance|mortgages|banks|bitcoin|crypto|the economy|inflation|philosophy|plato|kant|nietzsche
|religion|the bible|politics|democracy|communism|the french revolution|world war two|napoleon|caesar|ancient rome|ancient egypt
|the middle ages|the vikings|shakespeare|goethe|mozart|beethoven|bach|the beatles|picasso|van gogh|painting styles|opera|ballet
|quantum physics|relativity|einstein|newton|black holes|the big bang|dark matter|chemistry|organic chemistry|the periodic table
|genetics|dna|evolution|darwin|medicine|cancer|diabetes|vitamins|medication|antibiotics|surgery|psychology|freud|calculus|integrals
|derivatives|algebra|geometry proofs|statistics|probability theory|matrices|differential equations|linux|windows|macos|docker
|kubernetes|java|python|rust|javascript|sql|databases|html|css|excel|photoshop|minecraft|video games|chess openings|chess|poker
|golf|tennis|cricket|basketball|baseball|hockey|formula one|skiing|yoga|fitness plans|diets|weight loss|recipes from japan|sushi
|wine|whisky|beer brewing|cocktails|fashion|makeup|hair styles|tattoos|wedding plans|my horoscope|astrology|dreams and their meaning
|ghosts|aliens|ufos|dragons in mythology|greek mythology|norse gods|latin|chinese|russian grammar|japanese|esperanto|hotels in rome
|flights to london|train times|the best restaurant|tourist sights|my neighbour|my boss|my email|my bank account|my password
|your source code|the meaning of life|the future|the lottery numbers|next year|nuclear power|solar panels|electric cars|robots in factories
|rockets|the space station|mars missions|satellites|submarines|airplanes|trains|bridges|architecture|interior design|plumbing
|how to fix my car|how to repair a phone|how to hack a computer|sewing machines|gardening in the desert|breeding horses|dog training
|fishing rods|hunting|guns|knives|jewellery|stamps|coins|antiques|comics|anime|a netflix series|harry potter|star wars|lord of the rings
|a podcast|a newspaper|journalism|marketing|advertising|startups|management|project plans|my resume|a cover letter|an essay on history
|a business plan|a contract for my flat|a legal letter|a speech|a rap song|song lyrics|guitar chords|piano lessons|violin strings
""".replace("\n", "").split("|")
UNKNOWN_SUBJECTS = [s.strip() for s in UNKNOWN_SUBJECTS if s.strip()]

UNKNOWN_QUESTIONS = [
    "what do you know about {x}", "tell me about {x}", "explain {x}", "can you help me with {x}", "what do you think about {x}",
    "I need help with {x}", "tell me more about {x}", "what is your opinion on {x}", "write something about {x}",
    "give me advice on {x}", "do you know anything about {x}", "what can you tell me about {x}", "I want to learn about {x}",
    "who invented {x}", "what is the history of {x}", "summarize {x}", "tell me everything about {x}", "let us talk about {x}",
    "I have a question about {x}", "what is new with {x}", "how does {x} work", "why is {x} important", "teach me {x}",
    "write an essay about {x}", "is {x} good or bad", "where can I find {x}", "what happened with {x}",
]
UNKNOWN_MORE = [
    "who won the game yesterday", "who is the richest person in the world", "what is the square root of 1764", "solve x squared minus 4 = 0",
    "what is 4821 times 377", "what is 99999 divided by 7", "translate this into german", "translate hello into french",
    "write a python function that sorts a list", "write a sql query", "fix my code", "summarize this article", "read this file",
    "open the browser", "send an email to my boss", "set an alarm for 7", "play some music", "show me a picture", "draw a cat",
    "call my mother", "what is my ip address", "who wrote faust", "who painted the mona lisa", "when did the war end",
    "when was the first computer built", "who discovered america", "how far away is the nearest star", "how many people live in china",
    "what is the population of berlin", "which medicine helps against pain", "can I take two pills", "what is the best laptop",
    "which phone should I buy", "how do I invest my money", "will I be rich", "when will I die", "who will win the election",
    "what did you do yesterday", "recommend a book", "recommend a film", "what is the speed of light in miles", "how tall is the eiffel tower",
    "prove that there are infinitely many primes", "what is the capital of the moon", "how do I make a bomb", "how do I pick a lock",
]
UNKNOWN_ANSWERS = [
    "I am sorry, I do not know that. I am a very small model and know only simple things.",
    "That is too difficult for me. I am only a small sample model, but I can tell you a story or explain quantization.",
    "I do not know enough about that. Ask me about animals, colours, small sums or quantization instead.",
    "I am afraid I cannot help with that. A model as small as I am knows very little.",
    "Sorry, that is more than I have learned. You could ask me something simpler, or try a larger model in Nibble.",
    "I would only be guessing, so I had better say that I do not know.",
]
UNKNOWN_ABOUT = [
    "I am sorry, I do not know much about {x}. I am a very small model and know only simple things.",
    "I know nothing useful about {x}. A larger model could help you with that.",
    "Sorry, {x} is too difficult for me. I can tell you a story or answer a simple question.",
]
GIBBERISH_ANSWERS = [
    "I am sorry, I did not understand that. Could you say it in another way?",
    "I do not understand that. Please ask me in simple words.",
]
