"""Codes 4xx: data files, configuration, build directories."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC400": Code(
        "unknown data format",
        "DATA is one of: .npz with samples (first axis) and optionally labels; .npy with samples alone; a table (.csv, "
        ".tsv, .txt, .data, or .parquet with pyarrow) with the labels in one of its columns; a .wav; a folder of .png, "
        ".jpg or .wav files with a subfolder a class; MNIST-style IDX, plain or .gz.",
    ),
    "NC401": Code(
        "data too large",
        "The file declares more data than the limit, so it was not read. The size is known from headers before "
        "anything is allocated. If the file is what it should be, raise the limit: --set data.limit_mb=4096.",
    ),
    "NC402": Code(
        "damaged data file",
        "The file is truncated, its checksum is wrong, or its header contradicts its contents. Write it again "
        "with its own tool (numpy.savez, numpy.save, or a fresh download).",
    ),
    "NC403": Code(
        "pickled data refused",
        "The array holds Python objects, which numpy stores as a pickle; loading a pickle can run code, so nc "
        "never does. Save numbers only: np.savez(path, x=np.asarray(x, dtype=np.float32)).",
    ),
    "NC404": Code(
        "wrong arrays in a data file",
        "An .npz needs an array whose first axis counts samples: x, the name of the model's input, or one that can be "
        "told by its name (X_train, images); a model of several inputs needs an array for each, of that name. Tables "
        "need one column for each element of a sample. --x names the array, or the columns, of the samples, and "
        "--label the array, or the column, of the labels.",
    ),
    "NC405": Code(
        "not a finite number",
        "Every element must be a finite number. NaN and infinity cannot pass a quantised input, and an empty "
        "cell has no defined meaning: --missing mean puts the mean of the column in this file in its place, --missing "
        "drop leaves out samples that have one. Commas are decimal marks in tables that have no points.",
    ),
    "NC406": Code(
        "data does not fit the model",
        "The shape of one sample (the array's shape without its first axis) must be the model input's shape, or "
        "have as many elements, in which case it is read row-major. Images are resized only by --resize.",
    ),
    "NC407": Code(
        "wrong labels",
        "Labels are class indices, integers from 0 in the order of the model's outputs, one a sample; one-hot rows; or "
        "class names, which are numbered in sorted order, or as --classes lists them. A build keeps the names.",
    ),
    "NC408": Code(
        "no labels",
        "The command compares decisions with labels, but the file has none: add y to the .npz, a column label to "
        "the table, or put the IDX labels file beside the images. Where they are there under another name, --label "
        "says it.",
    ),
    "NC409": Code(
        "how data were read",
        "The reader decided something that the file leaves open: which column holds the labels, in which order class "
        "names are numbered, what became of missing values. The help names the option that decides otherwise.",
    ),
    "NC410": Code(
        "unreadable configuration",
        "The configuration must be one YAML mapping, without aliases, duplicate keys or language-specific tags.",
    ),
    "NC411": Code(
        "unknown configuration key",
        "The key is neither a common one nor an option of the target. `nc schema --target T` prints all of them "
        "with their types and defaults.",
    ),
    "NC412": Code(
        "wrong configuration value",
        "The value of this key has the wrong type or lies outside its range. `nc schema --target T` prints what "
        "is accepted.",
    ),
    "NC420": Code(
        "output folder is not a build",
        "The folder exists, is not empty, and was not written by `nc compile`. It is kept as it is; name another "
        "folder, or replace it as a whole with --force.",
    ),
    "NC421": Code(
        "output place refused",
        "The output must be a folder of its own. A file, a dangling link, the root, a home folder, the current "
        "folder or one above it, or a repository is never replaced, not even with --force.",
    ),
    "NC422": Code(
        "build cannot be written",
        "The build was not written: permissions forbid it or the disk is full. What stood there before is "
        "untouched, and nothing is left behind.",
    ),
    "NC423": Code(
        "not a build folder",
        "The folder has no manifest.json, so it was not written by `nc compile`.",
    ),
    "NC424": Code(
        "damaged build",
        "Files of the build are missing or differ from what the compiler wrote (SHA-256 in manifest.json). "
        "Figures from such a build would prove nothing: compile it again.",
    ),
    "NC425": Code(
        "build of another version",
        "The build was written by a version of nc whose build directories this one does not read. Compile again.",
    ),
    "NC430": Code(
        "hardware differs from the golden model",
        "An output of the simulated hardware is not what the integer graph computes, or a rule of the stream "
        "protocol is broken. On an unchanged build this is a defect of nc: please report it with the build.",
    ),
    "NC432": Code(
        "no layers to compare",
        "nc eval --layers compares the layers of the integer graph with those of the float graph in the build. A build "
        "made with --no-float, or of a spiking network, has no such pair.",
    ),
    "NC433": Code(
        "labels that the network cannot answer",
        "A class index must be below the number of classes of the output (2 for a single number), and the numbers of a "
        "regression must be as many a sample as the output has elements. What the labels are is found from them: "
        "integers from 0 within the classes are classes. Where that is wrong, say it: nc eval --task classification "
        "or --task regression.",
    ),
    "NC440": Code(
        "unknown figure",
        "Objectives and constraints of an exploration name figures of a measured point: those of nc eval (accuracy, "
        "agreement, float_accuracy), of the build's estimate, and with fidelity synth or pnr those of nc synth.",
    ),
    "NC441": Code(
        "another exploration",
        "The folder holds an exploration of another model, data, space or version of nc, whose points cannot be mixed "
        "with these. Name another folder, or remove this one.",
    ),
    "NC442": Code(
        "no point to show",
        "Every measured point was refused or breaks a constraint. The nearest one is named: widen the space or loosen "
        "the constraints.",
    ),
    "NC443": Code(
        "no workers",
        "The Dask scheduler did not answer, or has no workers. Every worker needs nc, and sees the model, the data and "
        "the exploration's folder under the same paths.",
    ),
    "NC444": Code(
        "no storage",
        "The database of --storage could not be opened. It is an SQLAlchemy URL such as "
        "postgresql+psycopg://user@host/database, whose driver must be installed.",
    ),
    "NC445": Code(
        "the exploration is running",
        "Another nc explore works on this folder. To work on one exploration with several, give all of them the same "
        "--storage.",
    ),
    "NC446": Code(
        "no default to compare with",
        "A constraint such as 'accuracy >= default' compares with the options without the space, and these were "
        "refused. Mend them by --set or --config, or give a number.",
    ),
}
