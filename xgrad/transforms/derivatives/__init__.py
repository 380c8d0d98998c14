"""Derivatives that users ask for: of functions and of graphs, with the labels of what they are taken by."""
