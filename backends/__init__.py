"""Installed as ``nc.backends``; refuses its bare name, under which two copies of every class would exist."""

if __name__ != "nc.backends":
    raise ImportError("import 'nc.backends', not 'backends': the folder is installed as part of the 'nc' packages")
