"""Installed as ``nc.hdl``; refuses its bare name, under which two copies of every class would exist."""

if __name__ != "nc.hdl":
    raise ImportError("import 'nc.hdl', not 'hdl': the folder is installed as part of the 'nc' packages")
