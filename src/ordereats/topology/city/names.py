"""Invented names, of people and of restaurants. Data only; nobody and nothing real is meant."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Aada Aino Akseli Antti Eetu Eino Elias Ella Elsa Emil Helmi Hilla Iida Ilona Joonas Juho "
    "Kaisa Kerttu Lauri Leo Lilja Linnea Maija Matias Mikael Minttu Niilo Nooa Oliver Oona Otso "
    "Pihla Pekka Rasmus Saana Sakari Siiri Sofia Taimi Toivo Tuuli Valtteri Veera Venla Vilho "
    "Väinö"
)

LAST_NAMES = _words(
    "Aalto Ahola Eskola Hakala Heino Hietala Jokela Järvi Kallio Kangas Karhu Kettunen Kivelä "
    "Korpi Koski Kuusi Laakso Lahti Lehto Lepola Linna Manner Metsä Mäki Niemi Nurmi Oksa Ojala "
    "Pelto Pohja Rantala Salo Saari Savela Suomi Syrjä Talvi Tuuri Uotila Vainio Valli Vesala "
    "Virta Ylönen"
)

RESTAURANT_NAMES = _words(
    "Amber Birch Blue Brass Cinder Copper Cosy Drifting Early Fern Frosty Gentle Golden Granite "
    "Hidden Humming Ivory Jolly Lucky Merry Midnight Misty Northern Olive Paper Quiet Rusty "
    "Silver Velvet Wandering"
)
"""The first word; the second is its cuisine's."""
