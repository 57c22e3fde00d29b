"""Pure decisions: states and what moves them. No database, no clock, no network; times are given in and out."""
