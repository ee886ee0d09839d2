"""What mkdocs adds to the pages of docs: README, files that pages link to, and the reference."""

import re
from pathlib import Path

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from mmresnet.apis import _HOMES

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "mmresnet"


def on_config(config: MkDocsConfig) -> None:
    """List the pages of the reference under its heading."""
    pages = [f"api/{name}.md" for name in reference()]
    config.nav = [*config.nav[:-1], {"Reference": pages}]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside of docs, and the pages of the reference."""
    texts = [page.content_string for page in files.documentation_pages()]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=readme))
    linked = re.findall(r"\]\((?:\.\./)?([^)#:]+)\)", "\n".join([readme, *texts]))
    for name in {"CHANGELOG.md", "CONTRIBUTING.md", *linked} - {"README.md"}:
        if (ROOT / name).is_file() and not name.startswith("docs/"):
            files.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))
    for name, text in reference().items():
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Let links to files beside docs lead to where on_files puts these."""
    return re.sub(r"\]\((\.\./|docs/)", "](", markdown).replace("](README.md", "](index.md")


def reference() -> dict[str, str]:
    """Return a page for each module and package below mmresnet, by name; apis is the first."""
    names = sorted(
        [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
        + [path.stem for path in PACKAGE.glob("[a-z]*.py")]
    )
    pages = {name: f"# mmresnet.{name}\n\n::: mmresnet.{name}\n" for name in names}
    public = "\n".join(f"- [`{name}`][{home}.{name}]" for name, home in sorted(_HOMES.items()))
    return {"apis": f"{pages.pop('apis')}\n{public}\n", **pages}


class Roles(griffe.Extension):
    """Turn what docstrings have of reStructuredText into Markdown."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        if obj.docstring:
            text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", obj.docstring.value)
            obj.docstring.value = re.sub(r"::$", ":", text, flags=re.MULTILINE)
