"""The generated pages."""

from pipeline.reference import PAGE, page


def test_the_settings_page_is_current() -> None:
    """What the page says is what the code reads; `python -m pipeline.reference` writes it anew."""
    assert page() == PAGE.read_text(encoding="utf-8")


def test_every_setting_is_explained() -> None:
    """No row is without its meaning."""
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith("| `")]

    assert rows
    assert not [row[0] for row in rows if not row[1].strip()]
