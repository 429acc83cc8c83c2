"""`python -m pipeline` is `eungdapso`."""

from pipeline.cli import main

if __name__ == "__main__":
    main()
