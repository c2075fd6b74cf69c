"""Invented food: what each cuisine cooks, and the menu that one restaurant makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from ordereats.contracts.menus import NewDish, NewMenu, NewOption, NewOptionGroup, NewSection


@dataclass(frozen=True, slots=True)
class Cuisine:
    """What is cooked alike.

    Attributes:
        name: as a restaurant says it.
        kinds: what the map calls places that cook it.
        nouns: second words of names of restaurants.
        sections: of the menu; of each dish its usual price in minor units.
    """

    name: str
    kinds: frozenset[str]
    nouns: tuple[str, ...]
    sections: Mapping[str, Mapping[str, int]]


CUISINES = (
    Cuisine(
        "Italian",
        frozenset({"pizza", "italian", "mediterranean", "greek"}),
        ("Oven", "Basil", "Piazza", "Olive", "Crust"),
        {
            "Starters": {"Tomato bruschetta": 690, "Burrata with figs": 1150},
            "Pizza": {
                "Margherita": 1190,
                "Four cheeses": 1390,
                "Salami and honey": 1450,
                "Mushroom bianca": 1420,
            },
            "Pasta": {"Carbonara": 1490, "Lemon ravioli": 1550},
            "Sweet": {"Tiramisu": 750},
        },
    ),
    Cuisine(
        "Japanese",
        frozenset({"sushi", "japanese", "fish"}),
        ("Crane", "Lantern", "Tide", "Bamboo", "Wave"),
        {
            "Small": {"Miso soup": 390, "Edamame": 490, "Gyoza": 790},
            "Sushi": {"Salmon nigiri": 1290, "Avocado maki": 890, "Rainbow roll": 1590},
            "Bowls": {"Teriyaki chicken": 1390, "Tofu donburi": 1290, "Tonkotsu ramen": 1550},
        },
    ),
    Cuisine(
        "Asian",
        frozenset({"asian", "chinese", "thai", "vietnamese", "noodle"}),
        ("Wok", "Lotus", "Pavilion", "Ginger", "Orchid"),
        {
            "Starters": {"Spring rolls": 690, "Papaya salad": 890},
            "Noodles": {"Pad thai": 1290, "Pho": 1250, "Dan dan noodles": 1190},
            "Rice": {"Green curry": 1350, "Kung pao chicken": 1320, "Fried rice": 1090},
        },
    ),
    Cuisine(
        "Indian",
        frozenset({"indian", "nepalese", "georgian"}),
        ("Cardamom", "Tandoor", "Peacock", "Saffron", "Mango"),
        {
            "Starters": {"Samosas": 590, "Onion bhaji": 550},
            "Curries": {
                "Butter chicken": 1490,
                "Palak paneer": 1350,
                "Lamb rogan josh": 1590,
                "Dal tadka": 1190,
            },
            "Bread": {"Garlic naan": 390, "Roti": 290},
        },
    ),
    Cuisine(
        "Burgers",
        frozenset({"burger", "fast_food", "american", "hotdog", "grill", "steak", "steak_house"}),
        ("Grill", "Stack", "Smoke", "Diner", "Ember"),
        {
            "Burgers": {
                "Classic burger": 1290,
                "Smoked cheddar burger": 1450,
                "Halloumi burger": 1390,
                "Bean burger": 1290,
            },
            "Sides": {"Fries": 450, "Sweet potato fries": 520, "Coleslaw": 350},
            "Drinks": {"Lemonade": 390, "Milkshake": 650},
        },
    ),
    Cuisine(
        "Mexican",
        frozenset({"mexican", "tex-mex", "spanish"}),
        ("Agave", "Cactus", "Comal", "Maize", "Fiesta"),
        {
            "Tacos": {"Pork carnitas tacos": 1290, "Cauliflower tacos": 1190, "Fish tacos": 1390},
            "Burritos": {"Chicken burrito": 1290, "Black bean burrito": 1190},
            "Sides": {"Guacamole and chips": 690, "Elote": 590},
        },
    ),
    Cuisine(
        "Middle Eastern",
        frozenset({"kebab", "middle eastern", "lebanese", "african"}),
        ("Cedar", "Pomegranate", "Oasis", "Sumac", "Bazaar"),
        {
            "Mezze": {"Hummus": 590, "Baba ganoush": 650, "Falafel": 690},
            "Plates": {"Lamb kofta": 1490, "Chicken shawarma": 1290, "Falafel plate": 1190},
            "Sweet": {"Baklava": 450},
        },
    ),
    Cuisine(
        "Nordic",
        frozenset({"regional", "nordic", "finnish", "fine_dining", "russian", "french"}),
        ("Spruce", "Fjord", "Hearth", "Lichen", "Harbour"),
        {
            "Soups": {"Salmon soup": 1390, "Mushroom soup": 1190},
            "Mains": {"Reindeer stew": 1990, "Fried vendace": 1690, "Beetroot steak": 1490},
            "Sweet": {"Cinnamon bun": 420, "Blueberry pie": 650},
        },
    ),
    Cuisine(
        "Café",
        frozenset({"cafe", "coffee_shop", "bagel", "sandwich", "salad", "vegetarian", "juice"}),
        ("Cup", "Kettle", "Corner", "Garden", "Window"),
        {
            "Bread": {"Rye with salmon": 890, "Egg bagel": 790, "Goat cheese toast": 850},
            "Salads": {"Caesar salad": 1190, "Lentil salad": 1090},
            "Drinks": {"Filter coffee": 320, "Oat latte": 480, "Berry smoothie": 590},
        },
    ),
)

NOUNS = 5
"""Of each cuisine."""

SIZE = NewOptionGroup(
    "Size",
    (
        NewOption("Small", Decimal("-1.00")),
        NewOption("Regular"),
        NewOption("Large", Decimal("2.50")),
    ),
    min=1,
    max=1,
)
EXTRAS = NewOptionGroup(
    "Extras",
    (
        NewOption("Chilli oil", Decimal("0.50")),
        NewOption("Cheese", Decimal("1.20")),
        NewOption("Herb salad", Decimal("1.80")),
        NewOption("No onions"),
    ),
    min=0,
    max=2,
)

_COSTLY = 800
"""In minor units: from here a dish is a meal, comes in sizes and with extras."""


def cuisine_of(kind: str, dice: Random) -> Cuisine:
    """What may be cooked at a place that the map calls so; anything where it doesn't say."""
    return next((each for each in CUISINES if kind in each.kinds), None) or dice.choice(CUISINES)


def menu_of(cuisine: Cuisine, dice: Random) -> NewMenu:
    """One restaurant's own: the dishes of its cuisine at its own prices."""
    percent = dice.randrange(85, 121)
    return NewMenu(
        tuple(
            NewSection(
                section,
                tuple(_dish(name, minor * percent // 1000 * 10) for name, minor in dishes.items()),
            )
            for section, dishes in cuisine.sections.items()
        )
    )


def _dish(name: str, minor: int) -> NewDish:
    groups = (SIZE, EXTRAS) if minor >= _COSTLY else ()
    return NewDish(name=name, price=Decimal(minor).scaleb(-2), option_groups=groups)
