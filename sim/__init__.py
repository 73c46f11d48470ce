"""Installed as ``nc.sim``; refuses its bare name, under which two copies of every class would exist."""

if __name__ != "nc.sim":
    raise ImportError("import 'nc.sim', not 'sim': the folder is installed as part of the 'nc' packages")
