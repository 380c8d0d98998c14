"""Gradients on graphs: lazy Pullback and Pushforward nodes, why a derivative exists or not, and symbolic expansion."""
