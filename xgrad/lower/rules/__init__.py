"""Rewrite rules on tensor graphs: one rule, one name, one equation; a table per subject."""
