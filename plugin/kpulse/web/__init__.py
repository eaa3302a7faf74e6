"""The pages: what a director reads, where a KM lead connects systems, and who may do so."""
