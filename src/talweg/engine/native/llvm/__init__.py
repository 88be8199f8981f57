"""LLVM: `module` writes modules, functions and instructions as text, `compiler` turns the text into
machine code through llvmlite, and `cache` keeps object code on disk.
"""
