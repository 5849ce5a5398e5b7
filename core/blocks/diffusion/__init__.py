"""Diffusion and flow matching without a network: paths from data to noise, what can be predicted on them, samplers."""
