"""The experiments of He et al. 2015, as command lines to run and figures to compare."""
