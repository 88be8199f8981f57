"""The kinds of columns, one file each: how a kind is recognized, asked for, fitted, encoded, stored
and described. `registry` is the one table of all kinds; nothing else compares kinds by name. A new
kind costs a file here and a row in that table.
"""
