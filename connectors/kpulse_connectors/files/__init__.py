"""Reads tickets, articles and links from CSV exports of any desk, or from JSON files in the event format."""

from .connector import Files as Files
from .settings import FilesSettings as FilesSettings
from .suggestions import suggest as suggest
