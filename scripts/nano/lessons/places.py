"""Countries, cities and where things are."""

from __future__ import annotations

from nano.lessons.exchange import Family, Topic

# country: (capital, continent, language)
COUNTRIES = {
    "France": ("Paris", "Europe", "French"),
    "Germany": ("Berlin", "Europe", "German"),
    "Italy": ("Rome", "Europe", "Italian"),
    "Spain": ("Madrid", "Europe", "Spanish"),
    "Portugal": ("Lisbon", "Europe", "Portuguese"),
    "England": ("London", "Europe", "English"),
    "Ireland": ("Dublin", "Europe", "English and Irish"),
    "Scotland": ("Edinburgh", "Europe", "English"),
    "Norway": ("Oslo", "Europe", "Norwegian"),
    "Sweden": ("Stockholm", "Europe", "Swedish"),
    "Finland": ("Helsinki", "Europe", "Finnish"),
    "Denmark": ("Copenhagen", "Europe", "Danish"),
    "Poland": ("Warsaw", "Europe", "Polish"),
    "Austria": ("Vienna", "Europe", "German"),
    "Hungary": ("Budapest", "Europe", "Hungarian"),
    "Greece": ("Athens", "Europe", "Greek"),
    "Belgium": ("Brussels", "Europe", "Dutch and French"),
    "Russia": ("Moscow", "Europe and Asia", "Russian"),
    "Ukraine": ("Kyiv", "Europe", "Ukrainian"),
    "Turkey": ("Ankara", "Europe and Asia", "Turkish"),
    "Japan": ("Tokyo", "Asia", "Japanese"),
    "China": ("Beijing", "Asia", "Chinese"),
    "India": ("New Delhi", "Asia", "Hindi and English"),
    "Thailand": ("Bangkok", "Asia", "Thai"),
    "Vietnam": ("Hanoi", "Asia", "Vietnamese"),
    "Egypt": ("Cairo", "Africa", "Arabic"),
    "Kenya": ("Nairobi", "Africa", "Swahili and English"),
    "Morocco": ("Rabat", "Africa", "Arabic"),
    "Canada": ("Ottawa", "North America", "English and French"),
    "Mexico": ("Mexico City", "North America", "Spanish"),
    "Cuba": ("Havana", "North America", "Spanish"),
    "Brazil": ("Brasilia", "South America", "Portuguese"),
    "Argentina": ("Buenos Aires", "South America", "Spanish"),
    "Chile": ("Santiago", "South America", "Spanish"),
    "Peru": ("Lima", "South America", "Spanish"),
    "Australia": ("Canberra", "Australia", "English"),
}

CAPITALS = Family(
    "capital",
    [Topic(c.lower(), f"The capital of {c} is {city}.") for c, (city, _, _) in COUNTRIES.items()],
    ("what is the capital of {}", "what's the capital of {}", "the capital of {}", "what is the capital city of {}",
     "which city is the capital of {}", "the capital city of {}", "what is {}'s capital", "name the capital of {}",
     "what city is the capital of {}", "what the capital of {} is", "which is the capital of {}"),
    ("what's the capital city of {}", "which town is the capital of {}", "how is the capital of {} called"),
    weight=3.0, follow_up=("and of {}", "and what about {}", "and {}", "what about {}", "and the capital of {}"),
)  # fmt: skip
COUNTRY_OF = Family(
    "country_of",
    [Topic(city.lower(), f"{city} is the capital of {c}.") for c, (city, _, _) in COUNTRIES.items()],
    ("where is {}", "which country is {} in", "in which country is {}", "in what country is {}", "what country is {} in",
     "{} is the capital of which country", "which country has the capital {}", "of which country is {} the capital",
     "where is the city of {}"),
    ("where can i find the city of {}", "to which country does {} belong", "where is the city {}"),
    weight=2.0, follow_up=("and {}", "and where is {}", "what about {}"),
)  # fmt: skip
CONTINENT = Family(
    "continent",
    [Topic(c.lower(), f"{c} is in {where}." if c != where else "Australia is a continent of its own.")
     for c, (_, where, _) in COUNTRIES.items()],
    ("on which continent is {}", "which continent is {} on", "what continent is {} on", "on what continent is {}",
     "in which part of the world is {}", "{} is on which continent", "what part of the world is {} in"),
    ("what continent does {} belong to", "which continent is {} part of"),
    weight=1.4, follow_up=("and {}", "what about {}"),
)  # fmt: skip
LANGUAGE = Family(
    "language",
    [Topic(c.lower(), f"People in {c} speak {language}.") for c, (_, _, language) in COUNTRIES.items()],
    ("what language do they speak in {}", "which language do people speak in {}", "what do people speak in {}",
     "what is the language of {}", "which language is spoken in {}", "what language is spoken in {}", "the language of {}",
     "what language do people in {} speak"),
    ("what's the language in {}", "which language do they use in {}"),
    weight=1.4, follow_up=("and in {}", "and what about {}", "what about in {}"),
)  # fmt: skip

_SIGHTS = {
    "the eiffel tower": "The Eiffel Tower is in Paris.",
    "big ben": "Big Ben is in London.",
    "the statue of liberty": "The Statue of Liberty is in New York.",
    "the great wall": "The Great Wall is in China.",
    "the colosseum": "The Colosseum is in Rome.",
    "the taj mahal": "The Taj Mahal is in India.",
    "the golden gate bridge": "The Golden Gate Bridge is in San Francisco.",
    "mount everest": "Mount Everest is between Nepal and China.",
    "the sahara": "The Sahara is in the north of Africa.",
    "the amazon": "The Amazon is in South America.",
    "the nile": "The Nile is in Africa.",
    "the north pole": "The North Pole is in the Arctic Ocean.",
    "hollywood": "Hollywood is in Los Angeles.",
    "the white house": "The White House is in Washington.",
    "the grand canyon": "The Grand Canyon is in Arizona.",
    "the great barrier reef": "The Great Barrier Reef is in Australia.",
}
SIGHTS = Family(
    "sight",
    [Topic(s, a) for s, a in _SIGHTS.items()],
    ("where is {}", "where can i see {}", "where do i find {}", "in which place is {}", "where in the world is {}",
     "where does one find {}", "do you know where {} is"),
    ("where could i visit {}", "where exactly is {}"), ("", "", "", "please tell me", "hey", "okay", "so"),
    weight=1.0, follow_up=("and {}", "and where is {}"),
)  # fmt: skip

PLACES = (CAPITALS, COUNTRY_OF, CONTINENT, LANGUAGE, SIGHTS)
