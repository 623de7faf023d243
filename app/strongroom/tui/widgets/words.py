"""A text that is painted again only when it says something else: every repaint costs bytes over SSH."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Words(Static):
    """``tell`` instead of ``update``."""

    def __init__(self, content: Content | None = None, *, id: str | None = None, classes: str = "") -> None:  # noqa: A002  (Textual's own name)
        self._told = content or Content("")
        super().__init__(self._told, id=id, classes=classes)

    def tell(self, content: Content, *, layout: bool = True) -> None:
        """Show it; the comparison looks at the colours, too. Without ``layout`` its size is taken to stay as it is."""
        if content.plain != self._told.plain or content.spans != self._told.spans:
            self._told = content
            self.update(content, layout=layout)
