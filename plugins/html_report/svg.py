"""From matplotlib's file to an element of a page: without what the page has already, and in its colours."""

import re
from xml.etree import ElementTree

INK, MEASURED = "#000000", "#0000ff"  # both become `currentColor`, the second with the class `measured`
KEPT = {"viewBox", "d", "x", "y", "href", "transform", "fill", "opacity"}
KEPT |= {f"stroke{part}" for part in ("", "-opacity", "-width", "-dasharray", "-linecap", "-linejoin")}


def bare(element: ElementTree.Element, prefix: str) -> ElementTree.Element:
    """The same without what the page has already: a size, a style sheet, fonts, namespaces, groups of nothing."""
    new = ElementTree.Element(_local(element.tag), _attributes(element, prefix))
    for child in element:
        below = bare(child, prefix)
        if below.tag == "g" and not below.attrib:
            new.extend(below)  # a group of nothing in particular
        elif below.tag not in ("metadata", "style") and (len(below) or below.tag not in ("g", "defs")):
            new.append(below)
    return new


def _attributes(element: ElementTree.Element, prefix: str) -> dict[str, str]:
    """What is said of the element, its style included, as attributes: a page's style sheet may overrule them."""
    found = {_local(name): value for name, value in element.attrib.items()}
    for declaration in found.get("style", "").split(";"):
        name, _, value = declaration.partition(":")
        found[name.strip()] = value.strip()
    kept = {name: _value(value, prefix) for name, value in found.items() if name in KEPT}
    if MEASURED in found.values():
        kept["class"] = "measured"
    if "id" in found and element.tag.endswith("}path"):  # a shape to be used elsewhere; other ids are only names
        kept["id"] = f"{prefix}-{found['id']}"
    return kept


def _value(value: str, prefix: str) -> str:
    """The page's colour, the chart's ids, two decimals."""
    if value in (INK, MEASURED):
        return "currentColor"
    value = " ".join(re.sub(r"#(?=\w)", f"#{prefix}-", value).split())
    return re.sub(r"\d+\.\d+", lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), value)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def legal(text: str) -> str:
    """Characters that XML cannot hold are replaced."""
    return re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
