"""Names in one small alphabet: lower-case ASCII letters, the apostrophe, the hyphen and the space."""

import re
import unicodedata

ALPHABET = "abcdefghijklmnopqrstuvwxyz'- "

# What Unicode does not decompose into a letter and its accents.
LATIN = {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŋ": "ng"}
CYRILLIC = dict(zip("абвгдезиклмнопрстуфыэєіґ", "abvgdeziklmnoprstufyeeig", strict=True))
CYRILLIC |= {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya"}
GREEK = dict(zip("αβγδεζηικλμνοπρστυφω", "avgdeziiklmnoprstyfo", strict=True))
GREEK |= {"θ": "th", "ξ": "x", "χ": "ch", "ψ": "ps"}
SIGNS = dict.fromkeys(
    "\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}", "'"
)
SIGNS |= dict.fromkeys("\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}", "-")
LETTERS = str.maketrans(LATIN | CYRILLIC | GREEK | SIGNS)


def fold(name: str) -> str:
    """A name in `ALPHABET`: accents dropped, Cyrillic and Greek written in Latin letters, the rest left out."""
    name = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    name = "".join(letter for letter in name if not unicodedata.combining(letter))
    name = name.replace("ου", "ou").translate(LETTERS)  # one sound in Greek, by two letters
    return re.sub(" +", " ", re.sub(r"[^a-z' -]", "", name)).strip(" '-")


def stem(name: str) -> str:
    """What a folded name shares with its relatives: sokolov with sokolova, kaminski with kaminska, pappas, pappa."""
    return name.rstrip("aeiouys") or name
