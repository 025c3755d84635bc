"""Which version of the product this is."""

from importlib.metadata import PackageNotFoundError, version


def product_version() -> str:
    """Return the installed version, "0" in a checkout that is not installed."""
    try:
        return version("afterword")
    except PackageNotFoundError:
        return "0"
