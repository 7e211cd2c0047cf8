"""Graphs inside nodes: loops (`scan` and its kin) and branches (`ifelse`)."""
