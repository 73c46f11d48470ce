"""Installed as ``nc.ir``; refuses its bare name, under which two copies of every class would exist."""

if __name__ != "nc.ir":
    raise ImportError("import 'nc.ir', not 'ir': the folder is installed as part of the 'nc' packages")
