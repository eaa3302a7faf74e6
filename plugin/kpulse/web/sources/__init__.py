"""Where a KM lead connects systems: the list of sources, the generated form and what can be done with a source."""

from kpulse.web.sources import actions, editing, pages
from kpulse.web.sources.pages import blueprint

__all__ = ["actions", "blueprint", "editing", "pages"]
