"""`python -m talweg` runs the command `talweg`."""

from talweg.cli.main import main

if __name__ == "__main__":
    main()
