"""Answers questions with indicator values: periods, groups, suppression, settled months. One value for every face."""
