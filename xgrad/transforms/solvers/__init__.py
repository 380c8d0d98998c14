"""Roots, minima and least squares of functions of labeled parameters, differentiable through the solution."""
