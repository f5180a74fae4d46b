"""The words that symbols are read as, language by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of a language for what is written in symbols.

    Attributes:
        currencies: symbol or code against its name for one and for many, and the name of its hundredth part.
        units: symbol against its name for one and for many.
        signs: symbol against its word.
        decimal: the mark before a fraction, and how it is said.
        group: the mark between thousands.
        hours: what stands between hours and minutes.
        abbreviations: pattern against words.
    """

    currencies: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    units: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    signs: Mapping[str, str] = field(default_factory=dict)
    decimal: tuple[str, str] = (".", "")
    group: str = ","
    hours: str = ""
    abbreviations: Mapping[str, str] = field(default_factory=dict)


def _same(**units: str) -> dict[str, tuple[str, str]]:
    return {symbol: (name, name) for symbol, name in units.items()}


_ENGLISH = Vocabulary(
    currencies={
        "$": ("dollar", "dollars", "cents"), "US$": ("dollar", "dollars", "cents"),
        "USD": ("dollar", "dollars", "cents"),
        "€": ("euro", "euros", "cents"), "EUR": ("euro", "euros", "cents"), "£": ("pound", "pounds", "pence"),
        "GBP": ("pound", "pounds", "pence"), "¥": ("yen", "yen", ""), "JPY": ("yen", "yen", ""),
        "CHF": ("Swiss franc", "Swiss francs", "centimes"), "₹": ("rupee", "rupees", "paise"),
        "INR": ("rupee", "rupees", "paise"), "CAD": ("Canadian dollar", "Canadian dollars", "cents"),
        "AUD": ("Australian dollar", "Australian dollars", "cents"),
    },
    units={
        "km/h": ("kilometer per hour", "kilometers per hour"), "mph": ("mile per hour", "miles per hour"),
        "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters"),
        "m": ("meter", "meters"), "ft": ("foot", "feet"), "mi": ("mile", "miles"), "yd": ("yard", "yards"),
        "kg": ("kilogram", "kilograms"), "mg": ("milligram", "milligrams"), "g": ("gram", "grams"),
        "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "l": ("liter", "liters"),
        "L": ("liter", "liters"), "ml": ("milliliter", "milliliters"), "mL": ("milliliter", "milliliters"),
        "kB": ("kilobyte", "kilobytes"), "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"),
        "TB": ("terabyte", "terabytes"), "Mbps": ("megabit per second", "megabits per second"),
        "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "kWh": ("kilowatt hour", "kilowatt hours"),
        "kW": ("kilowatt", "kilowatts"), "W": ("watt", "watts"), "V": ("volt", "volts"),
        "°C": ("degree Celsius", "degrees Celsius"), "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
        "°": ("degree", "degrees"), "%": ("percent", "percent"), "hrs": ("hour", "hours"), "hr": ("hour", "hours"),
        "h": ("hour", "hours"), "min": ("minute", "minutes"), "mins": ("minute", "minutes"),
        "sec": ("second", "seconds"), "secs": ("second", "seconds"), "ms": ("millisecond", "milliseconds"),
        "s": ("second", "seconds"),
    },
    signs={"&": "and", "@": "at", "+": "plus", "=": "equals", "×": "times", "÷": "divided by", "~": "about",
           "≈": "about", "<": "less than", ">": "more than", "≤": "at most", "≥": "at least", "±": "plus or minus",
           ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "#": "number", "to": "to", "minus": "minus"},
    decimal=(".", "point"),
    abbreviations={
        r"Mr\.?(?=\s)": "Mister", r"Mrs\.?(?=\s)": "Missus", r"Ms\.(?=\s)": "Miz", r"Prof\.(?=\s)": "Professor",
        r"Dr\.?(?=\s+[A-Z])": "Doctor", r"St\.?(?=\s+[A-Z])": "Saint", r"(?<=[a-z] )St\.?": "Street",
        r"(?<=[a-z] )Ave\.?": "Avenue", r"(?<=[a-z] )Rd\.?": "Road", r"(?<=[a-z] )Blvd\.?": "Boulevard",
        r"Jr\.": "Junior", r"Sr\.": "Senior", r"e\.\s?g\.,?": "for example,", r"i\.\s?e\.,?": "that is,",
        r"etc\.": "et cetera.", r"vs\.?": "versus", r"approx\.": "approximately", r"[Dd]ept\.": "department",
        r"appt\.": "appointment", r"No\.(?=\s*\d)": "number", r"[Tt]el\.": "telephone",
        r"[Ee]xt\.(?=\s*\d)": "extension",
        r"[Ee]st\.(?=\s*\d)": "established", r"[Ii]nc\.": "incorporated", r"[Ll]td\.": "limited", r"w/o": "without",
        r"w/": "with", r"P\.S\.": "P S", r"a\.k\.a\.": "also known as", r"[Aa][Ss][Aa][Pp]": "A S A P",
    },
)  # fmt: skip

_FRENCH = Vocabulary(
    currencies={"€": ("euro", "euros", "centimes"), "EUR": ("euro", "euros", "centimes"),
                "$": ("dollar", "dollars", "cents"), "£": ("livre", "livres", "pence"), "¥": ("yen", "yens", ""),
                "CHF": ("franc suisse", "francs suisses", "centimes")},
    units=_same(kg="kilos", g="grammes", mg="milligrammes", l="litres", ml="millilitres", min="minutes", h="heures",
                s="secondes", Go="gigaoctets", Mo="mégaoctets")
    | {"km/h": ("kilomètre heure", "kilomètres heure"), "km": ("kilomètre", "kilomètres"),
       "cm": ("centimètre", "centimètres"), "mm": ("millimètre", "millimètres"), "m": ("mètre", "mètres"),
       "%": ("pour cent", "pour cent"), "°C": ("degré Celsius", "degrés Celsius"), "°": ("degré", "degrés")},
    signs={"&": "et", "@": "arobase", "+": "plus", "=": "égale", "×": "fois", "÷": "divisé par", ".": "point",
           "/": "slash", "-": "tiret", "_": "tiret bas", "#": "numéro", "to": "à", "~": "environ", "minus": "moins",
           "<": "inférieur à", ">": "supérieur à"},
    decimal=(",", "virgule"), group=" .", hours="heures",
    abbreviations={r"M\.(?=\s+[A-Z])": "Monsieur", r"Mme\.?(?=\s)": "Madame", r"Mlle\.?(?=\s)": "Mademoiselle",
                   r"Dr\.?(?=\s)": "Docteur", r"etc\.": "et cetera.", r"p\.\s?ex\.": "par exemple", r"n°": "numéro",
                   r"c\.-à-d\.": "c'est-à-dire", r"[Tt]él\.": "téléphone", r"[Ss]t(?=[- ][A-Z])": "Saint"},
)  # fmt: skip

_GERMAN = Vocabulary(
    currencies={"€": ("Euro", "Euro", "Cent"), "EUR": ("Euro", "Euro", "Cent"), "$": ("Dollar", "Dollar", "Cent"),
                "£": ("Pfund", "Pfund", "Pence"), "¥": ("Yen", "Yen", ""), "CHF": ("Franken", "Franken", "Rappen")},
    units=_same(km="Kilometer", cm="Zentimeter", mm="Millimeter", m="Meter", kg="Kilogramm", g="Gramm",
                mg="Milligramm", l="Liter", ml="Milliliter", GB="Gigabyte", MB="Megabyte", Uhr="Uhr")
    | {"km/h": ("Kilometer pro Stunde", "Kilometer pro Stunde"), "%": ("Prozent", "Prozent"),
       "°C": ("Grad Celsius", "Grad Celsius"), "°": ("Grad", "Grad"), "min": ("Minute", "Minuten"),
       "h": ("Stunde", "Stunden"), "s": ("Sekunde", "Sekunden"), "Std.": ("Stunde", "Stunden")},
    signs={"&": "und", "@": "ät", "+": "plus", "=": "gleich", "×": "mal", "÷": "geteilt durch", ".": "Punkt",
           "/": "Schrägstrich", "-": "Strich", "_": "Unterstrich", "#": "Nummer", "to": "bis", "~": "ungefähr",
           "minus": "minus", "<": "kleiner als", ">": "größer als"},
    decimal=(",", "Komma"), group=".", hours="Uhr",
    abbreviations={r"z\.\s?B\.": "zum Beispiel", r"d\.\s?h\.": "das heißt", r"u\.\s?a\.": "unter anderem",
                   r"usw\.": "und so weiter.", r"bzw\.": "beziehungsweise", r"ca\.": "circa", r"Dr\.": "Doktor",
                   r"Hr\.": "Herr", r"Fr\.(?=\s+[A-Z])": "Frau", r"Nr\.": "Nummer", r"Tel\.": "Telefon",
                   r"(?<=[a-zß])str\.": "straße", r"etc\.": "et cetera."},
)  # fmt: skip

_SPANISH = Vocabulary(
    currencies={"€": ("euro", "euros", "céntimos"), "EUR": ("euro", "euros", "céntimos"),
                "$": ("dólar", "dólares", "centavos"), "£": ("libra", "libras", "peniques"), "¥": ("yen", "yenes", "")},
    units={"km/h": ("kilómetro por hora", "kilómetros por hora"), "km": ("kilómetro", "kilómetros"),
           "cm": ("centímetro", "centímetros"), "mm": ("milímetro", "milímetros"), "m": ("metro", "metros"),
           "kg": ("kilo", "kilos"), "g": ("gramo", "gramos"), "mg": ("miligramo", "miligramos"),
           "l": ("litro", "litros"), "ml": ("mililitro", "mililitros"), "%": ("por ciento", "por ciento"),
           "°C": ("grado Celsius", "grados Celsius"), "°": ("grado", "grados"), "min": ("minuto", "minutos"),
           "h": ("hora", "horas"), "s": ("segundo", "segundos"), "GB": ("gigabyte", "gigabytes")},
    signs={"&": "y", "@": "arroba", "+": "más", "=": "igual a", "×": "por", "÷": "dividido por", ".": "punto",
           "/": "barra", "-": "guion", "_": "guion bajo", "#": "número", "to": "a", "~": "unos", "minus": "menos",
           "<": "menor que", ">": "mayor que"},
    decimal=(",", "coma"), group=".", hours="y",
    abbreviations={r"Sr\.(?=\s)": "Señor", r"Sra\.(?=\s)": "Señora", r"Srta\.(?=\s)": "Señorita",
                   r"Dr\.(?=\s)": "Doctor", r"Dra\.(?=\s)": "Doctora", r"[Uu]d\.": "usted", r"[Uu]ds\.": "ustedes",
                   r"p\.\s?ej\.": "por ejemplo", r"etc\.": "etcétera.", r"[Nn]º|[Nn]úm\.": "número",
                   r"[Tt]el\.": "teléfono"},
)  # fmt: skip

_ITALIAN = Vocabulary(
    currencies={"€": ("euro", "euro", "centesimi"), "EUR": ("euro", "euro", "centesimi"),
                "$": ("dollaro", "dollari", "centesimi"), "£": ("sterlina", "sterline", "penny"),
                "¥": ("yen", "yen", "")},
    units={"km/h": ("chilometro orario", "chilometri orari"), "km": ("chilometro", "chilometri"),
           "cm": ("centimetro", "centimetri"), "mm": ("millimetro", "millimetri"), "m": ("metro", "metri"),
           "kg": ("chilo", "chili"), "g": ("grammo", "grammi"), "mg": ("milligrammo", "milligrammi"),
           "l": ("litro", "litri"), "ml": ("millilitro", "millilitri"), "%": ("per cento", "per cento"),
           "°C": ("grado Celsius", "gradi Celsius"), "°": ("grado", "gradi"), "min": ("minuto", "minuti"),
           "h": ("ora", "ore"), "s": ("secondo", "secondi"), "GB": ("gigabyte", "gigabyte")},
    signs={"&": "e", "@": "chiocciola", "+": "più", "=": "uguale", "×": "per", "÷": "diviso", ".": "punto",
           "/": "barra", "-": "trattino", "_": "trattino basso", "#": "numero", "to": "a", "~": "circa",
           "minus": "meno", "<": "minore di", ">": "maggiore di"},
    decimal=(",", "virgola"), group=".", hours="e",
    abbreviations={r"Sig\.ra(?=\s)": "Signora", r"Sig\.(?=\s)": "Signor", r"Dott\.ssa(?=\s)": "Dottoressa",
                   r"Dott\.(?=\s)": "Dottor", r"ecc\.": "eccetera.", r"n°|n\.(?=\s*\d)": "numero",
                   r"[Tt]el\.": "telefono"},
)  # fmt: skip

VOCABULARIES: Mapping[str, Vocabulary] = {
    "english": _ENGLISH, "french": _FRENCH, "german": _GERMAN, "spanish": _SPANISH, "italian": _ITALIAN,
}  # fmt: skip
"""By name of the language in English, lower case; other languages keep their symbols."""

LANGUAGE_CODES = {"en": "english", "fr": "french", "de": "german", "es": "spanish", "it": "italian"}


def language_name(language: str) -> str:
    """Return the name of a language in English from its name or a code such as ``en-US``.

    Example:
        >>> language_name("EN_us"), language_name("French"), language_name("pl")
        ('english', 'french', 'pl')
    """
    plain = language.strip().casefold()
    return LANGUAGE_CODES.get(plain.replace("_", "-").partition("-")[0], plain)
