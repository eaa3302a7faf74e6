"""Everything that can go wrong, named by who can mend it."""


class KpulseError(Exception):
    """Base of all errors of Knowledge Pulse; its text is one sentence that says what to do."""

    kind = "error"


class ConfigError(KpulseError):
    """The KM lead can mend it: an address, a credential, a right or a mapping is wrong."""

    kind = "config"


class TransientError(KpulseError):
    """Nobody has to mend it: the source was busy or away; the next run tries again from the last saved page."""

    kind = "transient"


class SourceChanged(KpulseError):
    """The developers have to mend it: the source answers in a shape that the connector does not know."""

    kind = "source_changed"


class StoreError(KpulseError):
    """Operations can mend it: the database is away, full, locked or of another version."""

    kind = "store"


class UsageError(KpulseError):
    """The caller can mend it: an option, a file or a request makes no sense as it stands."""

    kind = "usage"
