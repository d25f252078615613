"""Tests of pkd, study and analysis."""
