"""Codes 65x-69x: printed bespoke circuits."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC650": Code(
        "operation not supported by printed circuits",
        "The printed backend makes one bespoke circuit of the whole network: dense layers, comparisons, clamps and an "
        "arg-max. Something of the model has no such form, or is far too large to be printed.",
    ),
    "NC651": Code(
        "unreadable Liberty file",
        "The cell library given by the user cannot be read: it does not exist, is cut off, or is no Liberty text.",
    ),
    "NC652": Code(
        "cell missing from the library",
        "Mapping needs an inverter and a NAND or NOR of two inputs; registers need a D flip-flop. The library has no "
        "such cell (cells are recognised by their function, not by their name).",
    ),
    "NC653": Code(
        "accuracy floor cannot be met",
        "No circuit found by the search reaches the accuracy floor on the validation split. The best one found is "
        "named. Lower approx.accuracy_floor, give the search more time or a larger topology, or look at the data.",
    ),
    "NC654": Code(
        "budget below the smallest circuit",
        "No circuit found by the search fits the area or power budget. The smallest one that meets the accuracy floor "
        "is named. Raise the budget, lower the floor, or take the lower supply voltage.",
    ),
    "NC655": Code(
        "labels do not fit the classes",
        "A label of the data is negative, not an integer, or not below the number of classes of the model.",
    ),
    "NC656": Code(
        "input data do not fit the circuit",
        "The inputs must be finite numbers, one row a sample and one column a feature of the model.",
    ),
    "NC657": Code(
        "mapping failed",
        "The technology mapper did not run to the end, or its result was not equivalent to the source; nothing of it "
        "is used.",
    ),
    "NC658": Code(
        "training or search tool missing",
        "Hardware-aware training needs torch and the fast search needs numba. Compiling a trained model needs neither.",
    ),
    "NC659": Code(
        "a search needs data",
        "approx.accuracy_floor and approx.search train circuits on the samples of --calib and choose on a part of them "
        "that is held out. Labels of the data are used where there are any, else the model's own decisions.",
    ),
}
