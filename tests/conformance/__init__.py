"""Tables and checks that several test modules share: one row for each gate, optimizer, loss, and
network, and what must hold for each of them. No test module imports another test module.
"""
