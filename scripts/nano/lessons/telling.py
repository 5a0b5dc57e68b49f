"""Jokes, stories, poems and explanations: what takes a while, and can be interrupted."""

from __future__ import annotations

from nano.lessons.exchange import AFTER, COMMAND, Family, Topic, single

_JOKES = {
    "a robot": "Why did the robot cross the road? Because it was told to.",
    "a cow": "What do you call a cow that plays the piano? A moosician.",
    "a computer": "Why was the computer cold? It left its windows open.",
    "a cat": "What does a cat like for breakfast? Mice crispies.",
    "a fish": "What do you call a fish without an eye? A fsh.",
    "school": "Why did the teacher wear sunglasses? Because the pupils were so bright.",
    "a ghost": "Why are ghosts bad at lying? Because you can see right through them.",
    "a bear": "What do you call a bear with no teeth? A gummy bear.",
    "the sea": "Why is the sea so friendly? Because it always waves.",
    "a clock": "Why did the boy throw the clock out of the window? He wanted to see time fly.",
    "a tree": "How do trees get into the computer? They log in.",
    "a snail": "What did the snail say on the back of the turtle? Not so fast!",
}
JOKES = Family(
    "joke",
    [Topic(s, a) for s, a in _JOKES.items()],
    ("tell me a joke about {}", "tell a joke about {}", "do you know a joke about {}", "a joke about {}", "make a joke about {}",
     "say something funny about {}", "i want to hear a joke about {}", "tell us a joke about {}", "tell me one about {}",
     "tell me some joke about {}", "give me a joke about {}", "give us a joke about {}", "let me hear a joke about {}",
     "let us hear a joke about {}", "say a joke about {}", "share a joke about {}", "find a joke about {}", "think of a joke about {}",
     "come up with a joke about {}", "tell a funny joke about {}", "tell a good joke about {}", "tell me your best joke about {}",
     "do you have a joke about {}", "do you have any jokes about {}", "do you know any jokes about {}",
     "do you know something funny about {}", "know any jokes about {}", "got a joke about {}", "got any jokes about {}",
     "have you any jokes about {}", "is there a joke about {}", "are there any jokes about {}", "any jokes about {}",
     "any good joke about {}", "one joke about {}", "jokes about {}", "i would like to hear a joke about {}",
     "i'd like a joke about {}", "i'd love to hear a joke about {}", "i want a joke about {}", "i need a joke about {}",
     "i feel like a joke about {}", "make me laugh about {}", "make me laugh with a joke about {}", "tell me something funny about {}",
     "be funny about {}"),
    ("tell me a funny joke about {}", "have you got a joke about {}"),
    COMMAND, AFTER, 1.0, follow_up=("and about {}", "now one about {}", "and one about {}"),
)  # fmt: skip
ANY_JOKE = single(
    "any_joke", _JOKES["a robot"],
    ("tell me a joke", "tell a joke", "make me laugh", "tell me something funny", "say something funny", "tell us a joke", "a joke please",
     "do you know a joke", "do you know any jokes", "i want to hear a joke", "make a joke", "give me a joke", "give us a joke",
     "say a joke", "share a joke", "let me hear a joke", "let us hear a joke", "tell one of your jokes", "tell me your best joke",
     "tell a good joke", "tell me any joke", "tell me a good joke", "tell me a short joke", "tell me one of your jokes",
     "tell me some joke", "another joke", "one more joke", "do you have a joke", "do you have any jokes", "do you know a good joke",
     "know any jokes", "know any good jokes", "got a joke", "got any jokes", "any jokes", "any good jokes", "are there any good jokes",
     "i would like to hear a joke", "i'd like a joke", "i'd love to hear a joke", "i want a joke", "i need a joke", "i need a laugh",
     "i need something to laugh about", "i want to laugh", "i could use a laugh", "make us laugh", "make me smile",
     "cheer me up with a joke", "something funny", "be funny", "is there a joke you know", "come up with a joke", "think of a joke"),
    ("tell me a funny joke", "tell a funny joke", "have you got a joke"), openings=COMMAND, closings=AFTER, weight=0.5,
)  # fmt: skip

_STORIES = {
    "a fox": "Once upon a time a small fox lived by the sea. Every night it watched the lights of the ships far away. "
    "One evening a ship came close, and a sailor gave the fox a golden bell. "
    "Since then, when the bell rings, all ships find their way home.",
    "a rabbit": "A young rabbit wanted to see the end of the world. It ran over three hills and through a dark forest. "
    "In the evening it came to a wide lake, and in the water it saw the stars. "
    "The rabbit thought, this must be the end of the world, and it looks just like the beginning. So it went home and slept.",
    "a king": "There was a king who could not laugh. He promised a bag of gold to anyone who made him smile. "
    "Clowns came, and singers, and a man with a dancing bear. The king only yawned. "
    "Then a little girl asked him, why do you wear a pot on your head? And the king laughed until his crown fell off.",
    "a robot": "A robot was built to sweep a big garden. Each morning it counted the leaves, and each evening they were gone. "
    "One day a bird built a nest on its arm. The robot stood still for three weeks, so that the eggs would not fall. "
    "The garden was full of leaves, and everybody said it had never been so beautiful.",
    "the moon": "Long ago the moon was lonely. It asked the sea, will you play with me? The sea said, I am too heavy to come up to you. "
    "So the moon began to pull, a little every day. The water rose and fell, and rose and fell again. "
    "They have played this game ever since, and people call it the tide.",
    "a lighthouse": "On a small island stood an old lighthouse. Its keeper had not seen a ship for many years. "
    "Still, every night, he lit the lamp. One night a storm came, and out of the dark came a boat with a family in it. "
    "We saw your light, they said. The keeper made tea for all of them, and he was never alone again.",
    "a dragon": "A dragon lived above a village, and everybody was afraid. One cold winter the wood ran out. "
    "A boy climbed the mountain and asked the dragon for a little fire. The dragon was so surprised that it said yes. "
    "Since that winter it warms the houses of the village, and nobody is afraid any more.",
    "a train": "There was a slow train that stopped at every station. The fast trains laughed at it. "
    "One night the snow fell so high that all of them stood still. Only the slow train knew each curve of the way. "
    "It pulled the others home, one after the other, and stopped at every station.",
}
STORIES = Family(
    "story",
    [Topic(s, a) for s, a in _STORIES.items()],
    ("tell me a story about {}", "tell a story about {}", "read me a story about {}", "a story about {}", "tell us a story about {}",
     "i want to hear a story about {}", "do you know a story about {}", "tell me the story of {}", "tell me the story about {}",
     "tell us the story of {}", "tell the story of {}", "tell me your story about {}", "tell me a short story about {}",
     "tell me a little story about {}", "tell me a good story about {}", "tell me a bedtime story about {}",
     "tell me a fairy tale about {}", "tell me a tale about {}", "read a story about {}", "read me the story of {}",
     "read us a story about {}", "give me a story about {}", "let me hear a story about {}", "let us hear the story of {}",
     "let me listen to a story about {}", "the story of {}", "the story about {}", "a short story about {}",
     "one story about {}", "a fairy tale about {}", "do you know the story of {}", "do you have a story about {}",
     "do you know any stories about {}", "have you got a story about {}", "got a story about {}", "is there a story about {}",
     "are there any stories about {}", "any stories about {}", "i would like to hear a story about {}", "i'd like a story about {}",
     "i'd love to hear the story of {}", "i want a story about {}", "i need a story about {}", "i want to hear the story of {}",
     "make up a story about {}", "share a story about {}", "start a story about {}", "what is the story of {}",
     "what happens in the story of {}", "how does the story of {} go"),
    ("tell me a nice story about {}", "read us the story of {}"),
    COMMAND, AFTER, 0.7, follow_up=("and about {}", "now one about {}"),
)  # fmt: skip
ANY_STORY = single(
    "any_story", _STORIES["a fox"],
    ("tell me a story", "tell a story", "tell us a story", "tell me a long story", "read me a story", "tell me a bedtime story",
     "a story please", "do you know a story", "i want to hear a story", "tell me a fairy tale", "give me a story", "give us a story",
     "tell me any story", "tell me some story", "tell me a short story", "tell me a good story", "tell me a little story",
     "tell a bedtime story", "tell a nice story", "tell one of your stories", "tell me one of your stories", "tell me a tale",
     "tell us a fairy tale", "tell us a nice story", "read us a story", "read me a bedtime story", "read me a fairy tale",
     "read me something", "let me hear a story", "let us hear a story", "let me listen to a story", "another story", "one more story",
     "a short story", "a bedtime story", "a fairy tale", "do you have a story", "do you have any stories",
     "do you know any stories", "do you know a good story", "do you know a fairy tale", "got a story", "got any stories", "any stories",
     "any good stories", "are there any stories", "have you got a story", "is there a story you know", "i would like to hear a story",
     "i'd like a story", "i'd love to hear a story", "i want a story", "i need a story", "i need a bedtime story",
     "i want to hear a fairy tale", "i want to listen to a story", "make up a story", "share a story", "start a story", "story time",
     "time for a story", "it is time for a story", "help me sleep with a story"),
    ("tell me a nice story", "read a story", "tell us a bedtime story"), openings=COMMAND, closings=AFTER, weight=0.4,
)  # fmt: skip

_EXPLANATIONS = {
    "how rain is made": "The sun warms the water of the sea, and some of it rises into the air as vapor. High up it is cold, "
    "and the vapor turns into tiny drops. They make a cloud. When the drops grow too heavy, they fall down as rain.",
    "how plants grow": "A plant begins as a seed in the soil. When it is warm and wet, the seed opens and sends a root down. "
    "Then a green stem goes up to the light. The leaves catch the light of the sun and make sugar, and with it the plant grows.",
    "why there is day and night": "The earth turns around itself once in twenty four hours. The side that looks at the sun has day, "
    "and the other side has night. Because it keeps turning, morning comes again everywhere.",
    "why there are seasons": "The earth is a little tilted on its way around the sun. For one half of the year the north leans to the sun, "
    "the days are long and it is summer there. For the other half it leans away, and it is winter.",
    "how a plane flies": "The wings of a plane push the air down as it moves forward fast. The air pushes back and lifts the plane. "
    "The engines give the speed, and the tail keeps the plane straight.",
    "how bees make honey": "Bees fly from flower to flower and drink the sweet juice inside. At home they pass it from mouth to mouth, "
    "until it is thick. Then they put it into small cells of wax and dry it with their wings. Now it is honey.",
    "how to make tea": "Boil fresh water. Put one spoon of tea into the pot for each cup. Pour the hot water over it and wait for "
    "four minutes. Then pour the tea into the cups. Add milk or sugar if you like.",
    "how to cook an egg": "Put the egg into a small pot with cold water. Bring the water to a boil. For a soft egg wait four minutes, "
    "for a hard egg wait nine. Then hold the egg under cold water before you open it.",
    "what a rainbow is": "The light of the sun is a mix of all colors. When it passes through drops of rain, each color is bent a little "
    "differently. So the colors come apart, and you see them as a bow from red to violet.",
    "how a computer works": "A computer keeps everything as small switches that are on or off. A program is a long list of simple steps, "
    "such as add two numbers or compare them. The computer does billions of these steps in every second.",
    "how magnets work": "Every magnet has two ends, called north and south. Two different ends pull each other, and two equal ends push "
    "each other away. Inside the metal, very small magnets all point in the same direction.",
    "how we hear": "Sound is a wave in the air. Our ear catches it, and a thin skin inside begins to shake. Three tiny bones carry the "
    "shaking to a small snail full of water. There it becomes a signal, and the brain hears it.",
    "how you work": "I cut the sound that I hear into small pieces, fifty in every second. A network turns them into numbers, "
    "guesses what to say next, and makes sound from that. I do this all the time, also while I speak.",
    "how to brush your teeth": "Put a little paste on the brush. Brush the outside of your teeth in small circles, then the inside, "
    "and then the top. Do not forget the back. After two minutes, rinse with water.",
    "what a volcano is": "Deep in the earth the rock is so hot that it melts. In some places it finds a way up through a crack. "
    "When it breaks out, it flows down as lava. Each time the lava cools, the mountain grows a little.",
    "why leaves fall": "In autumn there is less light and the ground gets cold. The tree takes the green out of its leaves and keeps it "
    "for the spring. Then it closes the stems, and the wind carries the leaves away.",
}
EXPLANATIONS = Family(
    "explanation",
    [Topic(s, a) for s, a in _EXPLANATIONS.items()],
    ("explain {}", "explain to me {}", "tell me {}", "i want to know {}", "please explain {}", "do you know {}", "i don't know {}",
     "teach me {}", "describe {}", "tell us {}", "let me know {}", "let us know {}", "say {}", "show us {}", "help me understand {}",
     "help me to understand {}", "make me understand {}", "make it clear to me {}", "i want to understand {}", "i want to learn {}",
     "i would like to know {}", "i would like to learn {}", "i'd like to know {}", "i'd like to understand {}", "i'd love to know {}",
     "i need to know {}", "i need to understand {}", "i have to know {}", "i wonder {}", "i was wondering {}", "i am wondering {}",
     "i ask myself {}", "i want you to explain {}", "i have no idea {}", "i never understood {}", "i do not understand {}",
     "i don't understand {}", "i am not sure {}", "i forgot {}", "i'm curious {}", "my child wants to know {}", "my question is {}",
     "can i ask you {}", "do you understand {}", "do you happen to know {}", "any idea {}", "have you any idea {}",
     "give me an explanation of {}", "give an explanation of {}", "what is the explanation of {}", "can you tell me {}",
     "could you tell me {}", "would you explain {}", "would you tell me {}", "please tell me {}", "please describe {}", "describe to me {}",
     "explain to us {}", "explain in simple words {}", "explain briefly {}", "teach us {}", "inform me {}", "in a few words explain {}",
     "talk about {}", "tell me something about {}", "what do you know about {}", "so {}", "well {}", "{}"),
    ("i would like to understand {}", "can you show me {}"),
    ("", "", "", "can you", "could you", "okay", "hey", "now"), AFTER, 1.0, follow_up=("and {}", "now {}"),
)  # fmt: skip

_POEMS = {
    "spring": "The snow is gone, the brook runs free, a bird sits in the apple tree. It sings a song of wind and light, and all the world is green and bright.",
    "the night": "The night is wide, the stars are near, the wind says softly, I am here. Close your eyes and count to three, and sail across a silver sea.",
    "the rain": "Drip and drop and drop and drip, each small puddle takes a sip. When the clouds have gone away, children jump in them and play.",
}  # fmt: skip
POEMS = Family(
    "poem",
    [Topic(s, a) for s, a in _POEMS.items()],
    ("tell me a poem about {}", "say a poem about {}", "read me a poem about {}", "a poem about {}", "do you know a poem about {}",
     "i want to hear a poem about {}", "recite a poem about {}", "say me a poem about {}", "tell us a poem about {}",
     "tell a poem about {}", "tell me a short poem about {}", "tell me the poem about {}", "say a short poem about {}",
     "say the poem about {}", "read a poem about {}", "read me the poem about {}", "read a short poem about {}", "recite the poem about {}",
     "recite a short poem about {}", "give me a poem about {}", "give us a poem about {}", "let me hear a poem about {}",
     "let us hear a poem about {}", "let me listen to a poem about {}", "the poem about {}", "a short poem about {}",
     "one poem about {}", "some poem about {}", "a few lines about {}", "some lines about {}",
     "some verses about {}", "a verse about {}", "say a verse about {}", "do you have a poem about {}", "do you know any poems about {}",
     "do you know the poem about {}", "have you got a poem about {}", "got a poem about {}", "is there a poem about {}",
     "are there any poems about {}", "any poems about {}", "i would like to hear a poem about {}", "i'd like a poem about {}",
     "i'd love to hear a poem about {}", "i want a poem about {}", "i need a poem about {}", "write a poem about {}",
     "write me a poem about {}", "make a poem about {}", "make up a poem about {}", "share a poem about {}", "make a rhyme about {}",
     "tell me a rhyme about {}", "say something in rhyme about {}"),
    ("read us a poem about {}", "tell me a nice poem about {}"),
    COMMAND, AFTER, 0.4, follow_up=("and about {}",),
)  # fmt: skip

TELLING = (JOKES, ANY_JOKE, STORIES, ANY_STORY, EXPLANATIONS, POEMS)
