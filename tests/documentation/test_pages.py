"""Options, keys, files, pages and headings in the documentation exist."""

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from study.config.config_file import load_study_config
from tests.documentation.documents import PAGES, ROOT, Command, blocks, example, parsed

COMMANDS = [each for page in PAGES for block in blocks(page) for each in block.commands()]
OURS = [command for command in COMMANDS if command.ours() is not None]
LANGUAGES = {"sh", "text", "python", "yaml", "diff"}


def test_commands_are_found() -> None:
    modules = {command.ours()[0] for command in OURS}
    assert {
        "study.command_line",
        "pkd.train",
        "pkd.export",
        "pkd.predict",
        "analysis.report",
    } <= modules
    assert len(OURS) > 30


def test_every_command_is_ours_or_gives_the_reason_why_no_test_runs_it() -> None:
    assert [str(c) for c in COMMANDS if c.ours() is None and c.block.not_run is None] == []


def test_every_block_has_a_language_and_every_example_a_name() -> None:
    found = [block for page in PAGES for block in blocks(page)]
    assert {block.language for block in found} <= LANGUAGES
    names = [block.example for block in found if block.language in ("python", "diff")]
    assert None not in names and len(set(names)) == len(names)


@pytest.mark.parametrize("command", OURS, ids=str)
def test_the_parser_of_a_command_accepts_it(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The module that docs/extend.md names in a configuration.
    (tmp_path / "my_methods.py").write_text(example("new-method"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    module, arguments = command.ours()
    options = parsed(module, arguments)
    if module == "study.command_line" and options.init_task is None:
        monkeypatch.chdir(ROOT)
        config = options.config or Path("configs/glue.yaml")
        load_study_config(config, options.set, tasks=options.tasks and options.tasks.split(","))


def test_every_target_of_make_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    used = {command.words[1] for command in COMMANDS if command.words[0] == "make"}
    assert {"demo", "test", "docs"} <= used
    assert [name for name in used if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_have_a_target(page: Path) -> None:
    for link in _links(page):
        if link.startswith(("https://", "http://")):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not heading or heading in _headings(target), link


def _links(page: Path) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    inside = [child for token in tokens for child in token.children or ()]
    return [str(token.attrs["href"]) for token in inside if token.type == "link_open"]


def _headings(page: Path) -> set[str]:
    """Returns the anchors that GitHub gives to headings."""
    tokens = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    pairs = zip(tokens, tokens[1:], strict=False)
    titles = [text.content for token, text in pairs if token.type == "heading_open"]
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_a_wrong_option_and_a_wrong_module_are_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("analysis.report", ["runs/glue", "--besides", "runs/large"])
    assert "--besides" in capsys.readouterr().err
    with pytest.raises(ModuleNotFoundError):
        parsed("analysis.reprot", [])
