"""Installed as ``nc.compiler``; refuses its bare name, under which two copies of every class would exist."""

if __name__ != "nc.compiler":
    raise ImportError("import 'nc.compiler', not 'compiler': the folder is installed as part of the 'nc' packages")
