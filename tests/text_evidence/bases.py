"""The knowledge bases of a synthetic company; all hosts end in .example."""

from collections.abc import Sequence

from kpulse.sdk import links

BASES: Sequence[links.KnowledgeBase] = (
    links.zendesk("help", {"help.aurora.example", "support.borealis.example", "aurora.zendesk.example"}),
    links.servicenow("snow", {"aurora.service-now.example"}),
    links.confluence("wiki", {"aurora.atlassian.example", "wiki.aurora.example"}),
    links.freshdesk("fresh", {"aurora.freshdesk.example", "hilfe.aurora.example"}),
    links.salesforce("sales", {"aurora.my.site.example", "aurora.lightning.example"}),
    links.mediawiki("mw", {"handbuch.aurora.example"}),
    links.bookstack("book", {"books.aurora.example"}),
    links.redmine("red", {"projects.aurora.example"}, base="/redmine", project="desk"),
    links.glpi("glpi", {"glpi.aurora.example"}, base="/glpi"),
    links.zammad("zam", {"zammad.aurora.example"}),
    links.pattern("own", {"faq.aurora.example"}, r"/q/(?P<article>\d+)"),
)
