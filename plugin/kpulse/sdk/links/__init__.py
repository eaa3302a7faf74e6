"""Text evidence: which articles of the connected knowledge bases a reply or a note points to. Nothing of the text is kept."""

from kpulse.sdk.links.known import By as By
from kpulse.sdk.links.known import KnowledgeBase as KnowledgeBase
from kpulse.sdk.links.known import Shape as Shape
from kpulse.sdk.links.search import Found as Found
from kpulse.sdk.links.search import find_links as find_links
from kpulse.sdk.links.search import read_address as read_address
from kpulse.sdk.links.vendors import bookstack as bookstack
from kpulse.sdk.links.vendors import confluence as confluence
from kpulse.sdk.links.vendors import freshdesk as freshdesk
from kpulse.sdk.links.vendors import glpi as glpi
from kpulse.sdk.links.vendors import mediawiki as mediawiki
from kpulse.sdk.links.vendors import pattern as pattern
from kpulse.sdk.links.vendors import redmine as redmine
from kpulse.sdk.links.vendors import salesforce as salesforce
from kpulse.sdk.links.vendors import servicenow as servicenow
from kpulse.sdk.links.vendors import zammad as zammad
from kpulse.sdk.links.vendors import zendesk as zendesk
