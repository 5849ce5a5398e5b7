"""A report as it leaves: one HTML file that needs nothing else and fetches nothing, or Markdown with PNG files beside it.

Text is a stranger's: it is escaped before it is laid out, so neither markup nor images of elsewhere come through.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence

from core.exploring.report import Figure, Part, Report, Source, Text

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}"
    "img{max-width:100%;border:1px solid #d5d9e0}figure{margin:1.5rem 0}figcaption,.sources{color:#5a6270;font-size:.85rem}"
    "code,pre{font-family:monospace;background:#f2f4f7}pre{padding:.6rem;overflow:auto}"
)


def words_of(source: Source) -> str:
    """``mini-CLIP #3 (261130-ab), step 400, data 81f0``."""
    return f"{source.name} ({source.run}), step {source.step:,}" + (f", data {source.data[:16]}" if source.data else "")


def as_html(report: Report) -> str:
    """One file with everything in it; nothing is fetched when it is read."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    body = "\n".join(_html_of(part) for part in report.parts)
    title = html.escape(report.title)
    return (
        f'<!doctype html>\n<html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def _html_of(part: Part) -> str:
    if isinstance(part, Text):
        return markdown_as_html(part.markdown)
    image = base64.b64encode(part.png).decode("ascii")
    told = "<br>".join(html.escape(line) for line in source_lines(part))
    return (
        f'<figure><p><img alt="{html.escape(part.caption)}" src="data:image/png;base64,{image}"></p>'
        f'<figcaption>{html.escape(part.caption)}</figcaption><div class="sources">{told}</div></figure>'
    )


def source_lines(figure: Figure) -> list[str]:
    """Where a figure came from, a line a run."""
    lines = [words_of(one) for one in figure.sources]
    lines += [f"+ {figure.more}"] if figure.more else []
    return [*lines, *([figure.pinned] if figure.pinned else [])]


def as_markdown(report: Report, stem: str) -> tuple[str, dict[str, bytes]]:
    """The text, and the files beside it by name."""
    files: dict[str, bytes] = {}
    lines = [f"# {_plain(report.title)}"] if report.title else []
    for part in report.parts:
        if isinstance(part, Text):
            lines.append(part.markdown)
            continue
        name = f"{stem}-{len(files) + 1}.png"
        files[name] = part.png
        lines.append(f"![{_plain(part.caption)}]({name})")
        lines.append("\n".join(f"> {_plain(line)}  " for line in [part.caption, *source_lines(part)] if line))
    return "\n\n".join(lines) + "\n", files


def _plain(text: str) -> str:
    """A name in Markdown, without its signs."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(text.split()))


_INLINE = (
    (re.compile(r"`([^`\n]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*\n]+)\*\*"), r"<b>\1</b>"),
    (re.compile(r"(?<![*\w])\*([^*\n]+)\*(?![*\w])"), r"<i>\1</i>"),
)


def markdown_as_html(text: str) -> str:
    """Headings, paragraphs, lists, code, bold and italic; everything else is text, links and images too."""
    made: list[str] = []
    for number, piece in enumerate(re.split(r"^```.*$", text, flags=re.M)):
        if number % 2:
            made.append(f"<pre>{html.escape(piece.strip(chr(10)))}</pre>")
        else:
            made += [_block(block) for block in re.split(r"\n\s*\n", piece) if block.strip()]
    return "\n".join(made)


def _block(block: str) -> str:
    lines = block.strip("\n").splitlines()
    head = re.match(r"(#{1,4}) +(.+)", lines[0])
    if head is not None:
        level = len(head[1]) + 1
        rest = _block("\n".join(lines[1:])) if lines[1:] else ""
        return f"<h{level}>{_inline(head[2])}</h{level}>{rest}"
    if all(re.match(r"\s*[-*+] ", line) for line in lines):
        return _list("ul", [re.sub(r"^\s*[-*+] ", "", line) for line in lines])
    if all(re.match(r"\s*\d+[.)] ", line) for line in lines):
        return _list("ol", [re.sub(r"^\s*\d+[.)] ", "", line) for line in lines])
    return f"<p>{_inline(' '.join(line.strip() for line in lines))}</p>"


def _list(kind: str, entries: Sequence[str]) -> str:
    return f"<{kind}>" + "".join(f"<li>{_inline(entry)}</li>" for entry in entries) + f"</{kind}>"


def _inline(text: str) -> str:
    made = html.escape(text)
    for pattern, put in _INLINE:
        made = pattern.sub(put, made)
    return made
