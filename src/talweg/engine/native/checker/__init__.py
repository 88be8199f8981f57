"""A memory sanitizer for compiled programs, used by tests: `instrument` adds a check before each
load and store of the LLVM IR, `functions` holds the checks, and `memory` gives each buffer an
allocation of its own, far from the others.
"""
