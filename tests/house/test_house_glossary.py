"""The glossary defines words that the source uses, once each, in one sentence."""

import re
from pathlib import Path

import pytest

import talweg as tw

SOURCE = Path(tw.__file__).parent
GLOSSARY = SOURCE.parents[1] / "docs" / "glossary.md"
ENTRY = re.compile(r"^- \*\*(?P<term>[^*]+)\*\*: (?P<sentence>.+)$", re.MULTILINE)
ENTRIES = [match.groups() for match in ENTRY.finditer(GLOSSARY.read_text())]


@pytest.fixture(scope="module")
def words() -> str:
    """All of the source in lower case, with one space between words."""
    text = " ".join(file.read_text() for file in sorted(SOURCE.rglob("*.py")))
    return re.sub(r"[\s_\-]+", " ", text.lower())


@pytest.mark.parametrize("term", [term for term, _ in ENTRIES])
def test_the_source_uses_a_term(term: str, words: str) -> None:
    word = re.sub(r"[\s_\-]+", " ", term.lower())
    plural = {"stratum": "strata"}.get(word, word)
    assert word in words or plural in words


def test_terms_are_defined_once_in_alphabetical_order() -> None:
    sections = [ENTRY.findall(section) for section in GLOSSARY.read_text().split("\n## ")[1:]]
    assert len({term for term, _ in ENTRIES}) == len(ENTRIES) > 80
    for section in sections:
        terms = [term.lower() for term, _ in section]
        assert terms == sorted(terms)


def test_a_definition_is_one_sentence() -> None:
    for term, sentence in ENTRIES:
        assert sentence.endswith("."), term
        assert not re.search(r"\. [A-Z]", sentence), term
